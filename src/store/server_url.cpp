// SPDX-License-Identifier: Apache-2.0
#include "store/server_url.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <optional>
#include <utility>

namespace msd::store {

namespace {

constexpr std::string_view scheme = "mysql://";
constexpr std::string_view form = "the URL of a store has the form mysql://USER@HOST:PORT/DATABASE";

tl::unexpected<error> wrong(std::string_view why) {
    return fail(errc::invalid, fmt::format("{}: {}", form, why));
}

std::optional<std::string> decoded(std::string_view text) {
    std::string plain;
    for (std::size_t i = 0; i < text.size(); ++i) {
        unsigned char byte = static_cast<unsigned char>(text[i]);
        if (byte == '%') {
            const auto digits = text.substr(i + 1, 2);
            const auto [stopped, reason] =
                std::from_chars(digits.data(), digits.data() + digits.size(), byte, 16);
            const bool all = stopped == digits.data() + digits.size();
            if (digits.size() != 2 || reason != std::errc{} || !all) {
                return std::nullopt;
            }
            i += 2;
        }
        if (byte < 0x20 || byte == 0x7f) {
            return std::nullopt;
        }
        plain += static_cast<char>(byte);
    }
    return plain;
}

// "db.local:3307", "[::1]".
bool read_place(std::string_view text, server_place& into) {
    std::string_view host = text.substr(0, text.find(':'));
    std::string_view rest = text.substr(host.size());
    if (text.starts_with('[')) {
        const auto end = text.find(']');
        if (end == std::string_view::npos) {
            return false;
        }
        host = text.substr(1, end - 1);
        rest = text.substr(end + 1);
    }
    const auto is_odd = [](char c) {
        return c == '[' || c == ']' || c == ',' || c == ' ';
    };
    if (host.empty() || std::ranges::any_of(host, is_odd)) {
        return false;
    }
    into.host = host;
    if (rest.empty()) {
        return true;
    }
    const auto digits = rest.substr(1);
    const auto [stopped, reason] =
        std::from_chars(digits.data(), digits.data() + digits.size(), into.port);
    const bool all = stopped == digits.data() + digits.size();
    return rest.front() == ':' && reason == std::errc{} && all && into.port > 0;
}

} // namespace

result<server_url> parse_server_url(std::string_view url) {
    if (!url.starts_with(scheme)) {
        return wrong("it must begin with mysql://");
    }
    url.remove_prefix(scheme.size());
    const auto slash = url.rfind('/');
    if (slash == std::string_view::npos) {
        return wrong("the database is missing");
    }
    const auto authority = url.substr(0, slash);
    // Passwords often contain an @ that is not written as %40: the last @ ends the password.
    const auto at = authority.rfind('@');
    if (at == std::string_view::npos || at == 0) {
        return wrong("the user is missing");
    }
    const auto credentials = authority.substr(0, at);
    const auto colon = credentials.find(':');
    const auto user = decoded(credentials.substr(0, colon));
    const auto password = decoded(
        colon == std::string_view::npos ? std::string_view{} : credentials.substr(colon + 1)
    );
    const auto database = decoded(url.substr(slash + 1));
    if (!user || !password || !database) {
        return wrong("% must be followed by two hex digits, and control characters are not allowed"
        );
    }
    if (user->empty()) {
        return wrong("the user is missing");
    }
    if (database->empty()) {
        return wrong("the database is missing");
    }
    auto places = parse_server_places(authority.substr(at + 1));
    if (!places) {
        return wrong(places.error().text);
    }
    if (places->empty()) {
        return wrong("the host is missing");
    }
    return server_url{
        .user = *user,
        .password = *password,
        .places = std::move(*places),
        .database = *database};
}

result<std::vector<server_place>> parse_server_places(std::string_view text) {
    std::vector<server_place> read;
    bool more = !text.empty();
    while (more) {
        const auto comma = text.find(',');
        server_place place;
        if (!read_place(text.substr(0, comma), place)) {
            return fail(errc::invalid, "a server is not HOST or HOST:PORT");
        }
        if (std::ranges::find(read, place) != read.end()) {
            return fail(errc::invalid, "a server is named twice");
        }
        if (read.size() == server_url::places_max) {
            return fail(errc::invalid, "too many servers");
        }
        read.push_back(std::move(place));
        more = comma != std::string_view::npos;
        text.remove_prefix(more ? comma + 1 : text.size());
    }
    return read;
}

} // namespace msd::store
