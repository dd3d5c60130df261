// SPDX-License-Identifier: Apache-2.0
#include "wire/http_connection_fields.hpp"

#include "wire/http_line.hpp"
#include "wire/http_message.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <string_view>
#include <system_error>
#include <vector>

namespace msd::wire {

namespace {

// Fields that describe the message or its content, or where it goes. A Connection header cannot
// name them (RFC 9110, 7.6.1).
bool is_end_to_end(std::string_view name) {
    constexpr std::array<std::string_view, 5>
        names{"Host", "Content-Length", "Content-Type", "Content-Encoding", "Content-Range"};
    return std::ranges::any_of(names, [name](std::string_view each) {
        return same_text(each, name);
    });
}

} // namespace

connection_options read_connection(http_fields& fields) {
    connection_options options;
    std::vector<std::string_view> named; // removing fields does not move their text
    for (const http_header& header : fields) {
        if (!same_text(header.name, "Connection")) {
            continue;
        }
        for_each_in_list(header.value, [&](std::string_view option) {
            if (same_text(option, "close")) {
                options.close = true;
            } else if (same_text(option, "keep-alive")) {
                options.keep_alive = true;
            } else if (same_text(option, "upgrade")) {
                options.upgrade = true;
            } else if (!option.empty() && !is_hop_by_hop(option) && !is_end_to_end(option)) {
                named.push_back(option);
            }
        });
    }
    if (!named.empty()) {
        fields.remove_if([&named](const http_header& header) {
            return std::ranges::any_of(named, [&header](std::string_view name) {
                return same_text(header.name, name);
            });
        });
    }
    return options;
}

std::string upgrade_of(const http_fields& fields) {
    std::string protocols;
    for (const http_header& header : fields) {
        if (same_text(header.name, "Upgrade") && !header.value.empty()) {
            protocols.append(protocols.empty() ? "" : ", ").append(header.value);
        }
    }
    return protocols;
}

std::optional<std::uint32_t> announced_idle_s(const http_fields& fields) {
    constexpr std::string_view name = "timeout=";
    std::optional<std::uint32_t> out;
    const std::string_view* const field = fields.find("Keep-Alive");
    if (field == nullptr) {
        return out;
    }
    for_each_in_list(*field, [&out, name](std::string_view parameter) {
        if (!same_text(parameter.substr(0, name.size()), name)) {
            return;
        }
        const std::string_view digits = parameter.substr(name.size());
        std::uint32_t seconds = 0;
        const auto read = std::from_chars(digits.data(), digits.data() + digits.size(), seconds);
        if (read.ec == std::errc{} && read.ptr == digits.data() + digits.size()) {
            out = seconds;
        }
    });
    return out;
}

void remove_connection_fields(http_fields& fields) {
    fields.remove_if([](const http_header& header) {
        return is_hop_by_hop(header.name) || same_text(header.name, "Content-Length");
    });
}

} // namespace msd::wire
