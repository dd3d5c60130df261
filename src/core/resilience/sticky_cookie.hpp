// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

// The value of the cookie that keeps a client at its endpoint: the endpoint's token and a signature
// (HMAC-SHA256), so that a client can neither choose an endpoint nor learn addresses. Setting and
// reading the Cookie field is the gateway's; choosing is balance/balancer.hpp.
namespace msd::core::resilience {

/// `token`: endpoint_entry::token, not 0. `secret` is the same in all gateways of a cluster. The
/// value has digits and letters only and is valid for this service only. 48 characters.
[[nodiscard]] std::string
sticky_cookie(std::string_view secret, std::string_view service, std::uint64_t token);

/// The token in a value that sticky_cookie() made with one of these parameters; nullopt: missing,
/// malformed or forged. Takes the same time wherever a forged signature differs.
[[nodiscard]] std::optional<std::uint64_t>
sticky_token(std::string_view secret, std::string_view service, std::string_view value);

} // namespace msd::core::resilience
