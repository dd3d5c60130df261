// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "wire/http_fields.hpp"

#include <optional>
#include <string>
#include <string_view>

// A web program knows neither the prefix that was stripped from the path nor, with another Host,
// the name under which the client reached it. What it says of its own addresses is put right here:
// redirects (Location, Content-Location) and the paths of cookies.
namespace msd::gateway {

struct reply_addresses {
    std::string_view stripped;    // "/api"; empty: nothing was stripped
    std::string_view sent_host;   // the Host that the program received
    std::string_view client_host; // that the client asked for
    std::string_view endpoint;    // the program's address
};

/// The value with the prefix; of a URL of the program, only when its authority is the program's.
/// Nothing: the value is right as it is.
[[nodiscard]] std::optional<std::string>
corrected_location(std::string_view value, const reply_addresses& known);

/// The value of a Set-Cookie with the prefix before its path. Nothing: it is right as it is, or its
/// name begins with __Host- and allows no other path.
[[nodiscard]] std::optional<std::string>
corrected_cookie(std::string_view value, std::string_view stripped);

/// Both, for all fields of a reply.
void correct_reply(wire::http_fields& fields, const reply_addresses& known);

} // namespace msd::gateway
