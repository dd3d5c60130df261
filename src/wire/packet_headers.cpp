// SPDX-License-Identifier: Apache-2.0
#include "wire/packet_headers.hpp"

#include "base/json.hpp"
#include "wire/http_char.hpp"
#include "wire/http_line.hpp"
#include "wire/http_message.hpp"

#include <algorithm>
#include <array>
#include <optional>

namespace msd::wire {

namespace {

// Sorted: besides those of is_hop_by_hop(), fields that frame a message or that the gateway writes.
constexpr std::array<std::string_view, 9> reserved{
    "content-length",
    "date",
    "expect",
    "host",
    "proxy-authenticate",
    "proxy-authorization",
    "trailer",
    "via",
    "x-request-id",
};

constexpr std::size_t name_bytes_max = 128;

std::string lower(std::string_view name) {
    std::string out{name};
    std::ranges::transform(out, out.begin(), to_lower);
    return out;
}

// Counts the fields of one packet and their bytes.
class room {
public:
    [[nodiscard]] bool take(std::size_t bytes) {
        if (fields_ == packet_headers_max || bytes > bytes_left_) {
            return false;
        }
        ++fields_;
        bytes_left_ -= bytes;
        return true;
    }

private:
    std::size_t fields_ = 0;
    std::size_t bytes_left_ = packet_header_bytes_max;
};

// Writes the fields of that name; the object is begun with the first one.
void write_fields(json::writer& out, const http_fields& fields, std::string_view name, room& left) {
    const std::size_t count = fields.count(name);
    std::size_t written = 0;
    for (const http_header& each : fields) {
        if (!same_text(each.name, name) || !left.take(name.size() + each.value.size())) {
            continue;
        }
        if (written++ == 0) {
            out.key(name);
            if (count > 1) {
                out.begin_array();
            }
        }
        out.string(each.value);
    }
    if (written > 0 && count > 1) {
        out.end_array();
    }
}

// Adds one value of a field; false when it cannot be used.
bool add(const json::value& given, std::string_view name, http_fields& out, room& left) {
    const std::optional<std::string> text = given.as_string();
    if (!text || !is_field_value(*text) || !left.take(name.size() + text->size())) {
        return false;
    }
    out.add(name, trim(*text));
    return true;
}

} // namespace

bool is_packet_header(std::string_view name) {
    const auto is_allowed = [](char c) {
        return is_token_char(c) && c == to_lower(c);
    };
    return !name.empty() && name.size() <= name_bytes_max &&
           std::ranges::all_of(name, is_allowed) && !is_hop_by_hop(name) &&
           !std::ranges::binary_search(reserved, name);
}

void append_wanted_headers(
    std::string& out,
    const http_fields& of,
    std::span<const std::string> wanted
) {
    const auto is_sent = [&of](const std::string& name) {
        return is_packet_header(name) && of.has(name);
    };
    if (std::ranges::none_of(wanted, is_sent)) {
        return;
    }
    room left;
    json::writer object{out};
    object.begin_object();
    for (const std::string& name : wanted) {
        if (is_sent(name)) {
            write_fields(object, of, name, left);
        }
    }
    object.end_object();
}

void append_headers(std::string& out, const http_fields& fields) {
    room left;
    json::writer object{out};
    object.begin_object();
    for (auto each = fields.begin(); each != fields.end(); ++each) {
        const auto is_same = [each](const http_header& other) {
            return same_text(other.name, each->name);
        };
        const std::string name = lower(each->name);
        if (is_packet_header(name) && std::none_of(fields.begin(), each, is_same)) {
            write_fields(object, fields, name, left);
        }
    }
    object.end_object();
}

packet_headers read_headers(std::string_view object) {
    packet_headers out;
    json::object members;
    if (!members.parse(object)) {
        out.refused = 1;
        return out;
    }
    room left;
    for (const json::member& each : members) {
        if (!is_packet_header(each.name)) {
            ++out.refused;
        } else if (each.val.type != json::kind::array) {
            out.refused += add(each.val, each.name, out.fields, left) ? 0 : 1;
        } else if (const auto values = json::elements(each.val.text)) {
            for (const json::value& value : *values) {
                out.refused += add(value, each.name, out.fields, left) ? 0 : 1;
            }
        }
    }
    return out;
}

} // namespace msd::wire
