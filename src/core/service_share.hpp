// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "core/configured_routes.hpp"

#include <cstdint>
#include <string>
#include <string_view>

namespace msd::core {

// Which service of a split gets a request: a canary gets its share of the clients, and each client
// stays with its service. A client is a number below share_range, from its address or from a
// cookie, and the services divide the range in their order. When weights change, only the clients
// between the old and the new bounds change the service. The number of a client is the same in
// all workers and for all routes.

inline constexpr std::uint32_t share_range = 10'000;
/// The cookie that holds the number of a client.
inline constexpr std::string_view share_cookie = "msd-share";

struct share_input {
    std::string_view client;  // the client's address
    std::string_view cookies; // the Cookie field of the request; may be empty
    std::uint64_t random = 0; // decides for new clients, and for requests that do not stick
};

struct share {
    std::string_view service; // part of the route; empty: the route has no service
    // The reply has to set the cookie: the value of Set-Cookie. Empty: it has not.
    std::string set_cookie;
};

/// The service of the route itself when it has no split.
[[nodiscard]] share pick_service(const compiled_route& route, const share_input& from);

/// The Location of a redirect: "{path}" and "{query}" in it stand for those of the request, which
/// are given as received; "{query}" with its "?", or nothing when there is no query. Never begins
/// with "//" unless it is written so, because that would lead to another host.
[[nodiscard]] std::string
redirect_location(std::string_view written, std::string_view path, std::string_view query);

} // namespace msd::core
