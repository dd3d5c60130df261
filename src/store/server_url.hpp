// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/result.hpp"

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace msd::store {

struct server_place {
    static constexpr std::uint16_t default_port = 3306;

    std::string host; // without the brackets of IPv6
    std::uint16_t port = default_port;

    bool operator==(const server_place&) const = default;
};

// The parts of mysql://USER[:PASSWORD]@HOST[:PORT][,HOST[:PORT]…]/DATABASE, with %XX decoded.
struct server_url {
    static constexpr std::size_t places_max = 16;

    std::string user;
    std::string password;
    std::vector<server_place> places; // at least one
    std::string database;
};

/// errc::invalid: the text describes the error and never repeats any part of `url`, which may
/// contain a password.
[[nodiscard]] result<server_url> parse_server_url(std::string_view url);

/// Parses HOST[:PORT], several separated by commas; an empty text has none. errc::invalid: another
/// form, a duplicate, or more than places_max.
[[nodiscard]] result<std::vector<server_place>> parse_server_places(std::string_view text);

} // namespace msd::store
