// SPDX-License-Identifier: Apache-2.0
#include "wire/http_message.hpp"

#include "wire/http_line.hpp"
#include "wire/http_response.hpp"

#include <algorithm>
#include <array>
#include <cassert>
#include <charconv>

namespace msd::wire {

namespace {

// RFC 9110, 6.5.1 and the sections that define the fields.
constexpr std::array<std::string_view, 37> never_in_trailers{
    "Age",
    "Authorization",
    "Cache-Control",
    "Connection",
    "Content-Encoding",
    "Content-Length",
    "Content-Location",
    "Content-Range",
    "Content-Type",
    "Cookie",
    "Date",
    "Expect",
    "Expires",
    "Host",
    "If-Match",
    "If-Modified-Since",
    "If-None-Match",
    "If-Range",
    "If-Unmodified-Since",
    "Keep-Alive",
    "Location",
    "Max-Forwards",
    "Pragma",
    "Proxy-Authenticate",
    "Proxy-Authentication-Info",
    "Proxy-Authorization",
    "Proxy-Connection",
    "Range",
    "Retry-After",
    "Set-Cookie",
    "TE",
    "Trailer",
    "Transfer-Encoding",
    "Upgrade",
    "Vary",
    "WWW-Authenticate",
    "Warning",
};

template <class Number>
void append_number(std::string& out, Number number, int base = 10) {
    std::array<char, 20> digits{};
    const auto written = std::to_chars(digits.data(), digits.data() + digits.size(), number, base);
    out.append(digits.data(), written.ptr);
}

void append_field(std::string& out, std::string_view name, std::string_view value) {
    assert(is_token(name) && is_field_value(value));
    out.append(name).append(": ").append(value).append("\r\n");
}

bool is_in(std::span<const std::string_view> names, std::string_view name) {
    return std::ranges::any_of(names, [name](std::string_view each) {
        return same_text(each, name);
    });
}

void append_fields(
    std::string& out,
    const http_fields* fields,
    std::span<const std::string_view> without,
    bool has_host = false
) {
    if (fields == nullptr) {
        return;
    }
    for (const http_header& field : *fields) {
        if (!is_hop_by_hop(field.name) && !same_text(field.name, "Content-Length") &&
            !(has_host && same_text(field.name, "Host")) && !is_in(without, field.name)) {
            append_field(out, field.name, field.value);
        }
    }
}

void append_framing(std::string& out, const http_body_head& body) {
    if (body.chunked) {
        out += "Transfer-Encoding: chunked\r\n";
    } else if (body.content_length) {
        out += "Content-Length: ";
        append_number(out, *body.content_length);
        out += "\r\n";
    }
}

void append_lines(std::string& out, std::string_view lines) {
    assert(are_header_lines(lines));
    out.append(lines);
}

} // namespace

bool is_hop_by_hop(std::string_view name) {
    switch (name.size()) {
    case 2:
        return same_text(name, "TE");
    case 7:
        return same_text(name, "Upgrade");
    case 10:
        return same_text(name, "Connection") || same_text(name, "Keep-Alive");
    case 16:
        return same_text(name, "Proxy-Connection");
    case 17:
        return same_text(name, "Transfer-Encoding");
    default:
        return false;
    }
}

bool is_allowed_in_trailers(std::string_view name) {
    return !is_in(never_in_trailers, name);
}

bool are_header_lines(std::string_view lines) {
    while (!lines.empty()) {
        const std::size_t end = lines.find("\r\n");
        http_header_line ignored;
        if (end == std::string_view::npos || read_header_line(lines.substr(0, end), ignored)) {
            return false;
        }
        lines.remove_prefix(end + 2);
    }
    return true;
}

void append_request_head(std::string& out, const http_request_head& head) {
    assert(is_token(head.method) && head.target.find_first_of(" \r\n") == std::string_view::npos);
    out.append(head.method).append(" ").append(head.target).append(" HTTP/1.1\r\n");
    if (!head.host.empty()) {
        append_field(out, "Host", head.host);
    }
    append_fields(out, head.fields, head.without, !head.host.empty());
    append_lines(out, head.lines);
    append_framing(out, head.body);
    if (head.te_trailers) {
        out += "TE: trailers\r\n";
    }
    if (!head.upgrade.empty()) {
        append_field(out, "Upgrade", head.upgrade);
    }
    std::string_view separator = "Connection: ";
    const auto append_option = [&out, &separator](bool is_given, std::string_view option) {
        if (is_given) {
            out.append(separator).append(option);
            separator = ", ";
        }
    };
    append_option(!head.keep_alive, "close");
    append_option(head.te_trailers, "TE");
    append_option(!head.upgrade.empty(), "Upgrade");
    out += separator == ", " ? "\r\n\r\n" : "\r\n";
}

void append_reply_head(std::string& out, const http_reply_head& head) {
    assert(head.status >= 100 && head.status <= 599);
    out += "HTTP/1.1 ";
    append_number(out, head.status);
    out.append(" ").append(reason_phrase(head.status)).append("\r\n");
    if (!head.date.empty()) {
        append_field(out, "Date", head.date);
    }
    if (!head.content_type.empty()) {
        append_field(out, "Content-Type", head.content_type);
    }
    append_fields(out, head.fields, head.without);
    if (head.status >= 200) {
        if (head.status != 204) { // RFC 9110, 8.6; RFC 9112, 6.1
            append_framing(out, head.body);
        }
        if (!head.keep_alive) {
            out += "Connection: close\r\n";
        } else if (head.minor_version == 0) {
            out += "Connection: keep-alive\r\n";
        }
    } else if (!head.upgrade.empty()) {
        append_field(out, "Upgrade", head.upgrade);
        out += "Connection: Upgrade\r\n";
    }
    append_lines(out, head.lines);
    out += "\r\n";
}

void append_chunk_head(std::string& out, std::uint64_t bytes) {
    assert(bytes != 0); // a chunk of 0 bytes ends the body
    append_number(out, bytes, 16);
    out += "\r\n";
}

void append_last_chunk(std::string& out, const http_fields* trailers) {
    out += "0\r\n";
    if (trailers != nullptr) {
        for (const http_header& field : *trailers) {
            if (is_allowed_in_trailers(field.name)) {
                append_field(out, field.name, field.value);
            }
        }
    }
    out += "\r\n";
}

} // namespace msd::wire
