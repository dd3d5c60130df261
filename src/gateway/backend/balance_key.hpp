// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "core/cluster_proof.hpp"
#include "core/resilience/keyed_hash.hpp"
#include "core/resilience/service_settings.hpp"
#include "wire/http_request_parser.hpp"

#include <cstdint>
#include <string>
#include <string_view>

// What decides the endpoint of a request with balance = "hash" or "sticky".
namespace msd::gateway {

// A request, as far as it matters for that.
struct balance_input {
    const wire::http_request& head;
    std::string_view client;  // its address
    std::string_view service; // that it goes to
    std::string_view secret;  // of sticky cookies, see core::resilience::sticky_cookie()
};

/// For core::resilience::choice_request::hash. 0: nothing decides, because the policy does not need
/// it or the request has no such header or cookie.
[[nodiscard]] std::uint64_t
balance_key(const core::resilience::service_settings& settings, const balance_input& of);

/// The secret of sticky cookies: the same in all gateways of a cluster with a secret, else in all
/// workers of this instance.
[[nodiscard]] std::string sticky_secret(
    const core::shared_secrets& of_cluster,
    const core::resilience::hash_key& of_instance
);

/// The value of Set-Cookie that keeps a client at the endpoint with this token.
[[nodiscard]] std::string
sticky_set_cookie(std::string_view secret, std::string_view service, std::uint64_t token);

} // namespace msd::gateway
