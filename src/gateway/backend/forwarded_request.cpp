// SPDX-License-Identifier: Apache-2.0
#include "gateway/backend/forwarded_request.hpp"

#include "wire/http_char.hpp"
#include "wire/http_line.hpp"

#include <algorithm>
#include <charconv>
#include <cstddef>

namespace msd::gateway {

namespace {

using wire::same_text;

constexpr std::string_view any_forwarded = "x-forwarded-";
constexpr std::string_view forwarded_for = "x-forwarded-for";
constexpr std::string_view forwarded_proto = "x-forwarded-proto";
constexpr std::string_view forwarded_host = "x-forwarded-host";
constexpr std::string_view forwarded = "forwarded";

void append_field(std::string& out, std::string_view name, std::string_view value) {
    out.append(name).append(": ").append(value).append("\r\n");
}

// Programs that get fields as variables (CGI, WSGI, Rack) take X_Forwarded_For for X-Forwarded-For.
bool same_variable(std::string_view name, std::string_view known) {
    const auto plain = [](char c) {
        return c == '_' ? '-' : wire::to_lower(c);
    };
    return std::ranges::equal(name, known, {}, plain, plain);
}

// What the gateway writes itself, or answers for.
bool is_replaced(std::string_view name) {
    switch (name.size()) {
    case 4:
        return same_text(name, "host");
    case 6:
        return same_text(name, "expect");
    case 11:
        return same_text(name, "traceparent");
    case 12:
        return same_variable(name, "x-request-id");
    case 14:
        return same_text(name, "http2-settings"); // of an upgrade that is not handed on
    default:
        return false;
    }
}

bool is_about_client(std::string_view name) {
    const char first = name.empty() ? '\0' : name.front();
    if (first == 'x' || first == 'X') {
        return same_variable(name.substr(0, any_forwarded.size()), any_forwarded) ||
               same_variable(name, "x-real-ip");
    }
    return (first == 'f' || first == 'F') && same_text(name, forwarded);
}

// Whether the field of a trusted proxy is handed on as it is.
bool is_kept(std::string_view name, const forwarded_request& what) {
    return what.is_proxy_trusted && name.find('_') == std::string_view::npos &&
           !same_text(name, forwarded_for) && !same_text(name, forwarded_proto) &&
           !same_text(name, forwarded_host) && !(what.adds_forwarded && same_text(name, forwarded));
}

// What trusted proxies have put into the field; the gateway's own element goes behind it.
void append_received(std::string& out, std::string_view name, const forwarded_request& what) {
    if (!what.is_proxy_trusted) {
        return;
    }
    for (const auto& field : what.head.headers) {
        if (same_text(field.name, name) && !field.value.empty()) {
            out.append(field.value).append(", ");
        }
    }
}

// RFC 7239, 6: IPv6 addresses are in brackets and quoted.
void append_forwarded(std::string& out, const forwarded_request& what) {
    out += "Forwarded: ";
    append_received(out, forwarded, what);
    out += "for=";
    if (what.peer.empty()) {
        out += "unknown";
    } else if (what.peer.find(':') != std::string_view::npos) {
        out.append("\"[").append(what.peer).append("]\"");
    } else {
        out += what.peer;
    }
    out.append(";proto=").append(what.client_scheme);
    if (!what.client_host.empty() && what.client_host.find_first_of("\"\\") == std::string::npos) {
        out.append(";host=\"").append(what.client_host).append("\"");
    }
    out += "\r\n";
}

void append_client(std::string& out, const forwarded_request& what) {
    out += "X-Forwarded-For: ";
    append_received(out, forwarded_for, what);
    out.append(what.peer.empty() ? std::string_view{"unknown"} : what.peer);
    out.append("\r\nX-Forwarded-Proto: ").append(what.client_scheme).append("\r\n");
    if (!what.client_host.empty()) {
        append_field(out, "X-Forwarded-Host", what.client_host);
    }
    if (what.adds_forwarded) {
        append_forwarded(out, what);
    }
}

void append_framing(std::string& out, const forwarded_request& what) {
    if (what.is_chunked) {
        out += "Transfer-Encoding: chunked\r\n";
    } else if (what.content_length) {
        char digits[20]; // of 2^64
        const auto end = std::to_chars(digits, digits + sizeof digits, *what.content_length).ptr;
        append_field(out, "Content-Length", {digits, static_cast<std::size_t>(end - digits)});
    }
    if (what.expects_continue) {
        out += "Expect: 100-continue\r\n";
    }
    if (what.upgrades) {
        append_field(out, "Upgrade", what.head.upgrade);
        out += "Connection: Upgrade\r\n";
    } else if (what.head.te_trailers) {
        out += "TE: trailers\r\nConnection: TE\r\n";
    }
}

} // namespace

void append_request_head(std::string& out, const forwarded_request& what) {
    out.append(what.head.method).append(" ").append(what.target).append(" HTTP/1.1\r\n");
    append_field(out, "Host", what.host);
    for (const auto& field : what.head.headers) {
        const bool is_left_out =
            is_replaced(field.name) || (is_about_client(field.name) && !is_kept(field.name, what));
        if (!is_left_out) {
            append_field(out, field.name, field.value);
        }
    }
    append_client(out, what);
    if (!what.request_id.empty()) {
        append_field(out, "X-Request-Id", what.request_id);
    }
    if (!what.trace.empty()) {
        append_field(out, "traceparent", what.trace);
    }
    append_framing(out, what);
    out += "\r\n";
}

std::string_view requested_host(const wire::http_request& head) {
    if (!head.target.starts_with('/')) {
        wire::http_target parts;
        if (!wire::read_target(head.method, head.target, parts) && !parts.authority.empty()) {
            return parts.authority;
        }
    }
    const auto* const host = head.header("host");
    return host == nullptr ? std::string_view{} : std::string_view{*host};
}

} // namespace msd::gateway
