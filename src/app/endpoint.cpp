// SPDX-License-Identifier: Apache-2.0
#include "app/endpoint.hpp"

#include "process/listen_set.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <optional>
#include <utility>

namespace msd::app {

namespace {

std::string_view form_of(endpoint_port port) {
    return port == endpoint_port::optional ? "HOST or HOST:PORT" : "HOST:PORT";
}

tl::unexpected<error> no_endpoint(std::string_view text, endpoint_port port) {
    return fail(errc::invalid, fmt::format("\"{}\" is not {}", text, form_of(port)));
}

// A URL instead of an endpoint: the message shows the part to write.
tl::unexpected<error>
no_url(std::string_view text, std::string_view::size_type scheme, endpoint_port port) {
    const std::string_view rest = text.substr(scheme + 3);
    const std::string_view place = rest.substr(0, rest.find_first_of("/?#"));
    if (!parse_endpoint(place, port)) {
        return no_endpoint(text, port);
    }
    return fail(
        errc::invalid,
        fmt::format("\"{}\" is a URL, not {}: write {}", text, form_of(port), place)
    );
}

// The port that follows a colon; nothing when it is not a number from 1 to 65535.
std::optional<std::uint16_t> port_in(std::string_view text) {
    std::uint16_t port = 0;
    const char* const end = text.data() + text.size();
    const auto [stopped, reason] = std::from_chars(text.data(), end, port);
    const bool is_good = reason == std::errc{} && stopped == end && port > 0;
    return is_good ? std::optional{port} : std::nullopt;
}

} // namespace

result<host_and_port> parse_endpoint(std::string_view text, endpoint_port port) {
    if (const auto scheme = text.find("://"); scheme != std::string_view::npos) {
        return no_url(text, scheme, port);
    }
    host_and_port read;
    std::string_view rest; // what follows the host
    if (text.starts_with('[')) {
        const auto end = text.find(']');
        if (end == std::string_view::npos) {
            return fail(errc::invalid, fmt::format("\"{}\" lacks a ']'", text));
        }
        auto address = process::plain_ipv6(text.substr(1, end - 1));
        if (!address) {
            return fail(
                errc::invalid,
                fmt::format("\"{}\": the text in brackets is not an IPv6 address", text)
            );
        }
        read.host = std::move(*address);
        rest = text.substr(end + 1);
    } else if (auto address = process::plain_ipv6(text);
               address && port == endpoint_port::optional) {
        read.host = std::move(*address);
    } else {
        const auto colon = std::min(text.find(':'), text.size());
        read.host = text.substr(0, colon);
        rest = text.substr(colon);
        if (rest.find(':', 1) != std::string_view::npos) {
            return fail(errc::invalid, fmt::format("\"{}\": write [ADDRESS]:PORT for IPv6", text));
        }
    }
    if (read.host.empty() || (rest.empty() && port == endpoint_port::required)) {
        return no_endpoint(text, port);
    }
    if (!rest.empty()) {
        const auto number = rest.front() == ':' ? port_in(rest.substr(1)) : std::nullopt;
        if (!number) {
            return no_endpoint(text, port);
        }
        read.port = *number;
    }
    return read;
}

std::string endpoint_text(const host_and_port& of) {
    if (of.port != 0) {
        return process::endpoint_text(of.host, of.port);
    }
    return of.host.find(':') == std::string::npos ? of.host : fmt::format("[{}]", of.host);
}

} // namespace msd::app
