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

// mysql://USER[:PASSWORD]@HOST[:PORT][,HOST[:PORT]…]/DATABASE, taken apart and with %XX decoded.
struct server_url {
    static constexpr std::size_t places_max = 16;

    std::string user;
    std::string password;
    std::vector<server_place> places; // at least one
    std::string database;
};

/// errc::invalid with what is wrong; the text never repeats any part of `url`, which may hold a
/// password.
[[nodiscard]] result<server_url> parse_server_url(std::string_view url);

/// HOST[:PORT], several with commas; none in an empty text. errc::invalid: not that, one of them
/// twice, or more than places_max.
[[nodiscard]] result<std::vector<server_place>> parse_server_places(std::string_view text);

} // namespace msd::store
