// SPDX-License-Identifier: Apache-2.0
#include "wire/event_stream.hpp"

#include "wire/http_line.hpp"

namespace msd::wire {

namespace {

constexpr std::string_view not_in_a_line{"\r\n\0", 3};

void append_field(std::string& out, std::string_view name, std::string_view value) {
    if (!value.empty() && value.find_first_of(not_in_a_line) == std::string_view::npos) {
        out.append(name).append(": ").append(value).append("\n");
    }
}

} // namespace

bool is_event_stream(std::string_view content_type) {
    return same_text(trim(content_type.substr(0, content_type.find(';'))), "text/event-stream");
}

void append_event(
    std::string& out,
    std::string_view data,
    std::string_view name,
    std::string_view id
) {
    append_field(out, "event", name);
    append_field(out, "id", id);
    for (;;) {
        const std::size_t end = data.find_first_of("\r\n");
        out.append("data: ").append(data.substr(0, end)).append("\n");
        if (end == std::string_view::npos) {
            break;
        }
        data.remove_prefix(end + (data.substr(end).starts_with("\r\n") ? 2 : 1));
    }
    out += '\n';
}

} // namespace msd::wire
