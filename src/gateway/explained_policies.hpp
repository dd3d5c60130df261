// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/json.hpp"
#include "core/route_settings.hpp"
#include "gateway/exchange_state.hpp"
#include "upstream/service_guard.hpp"

#include <cstddef>
#include <string>
#include <string_view>

namespace msd::gateway {

// A service that gets a request, as far as its policies are concerned.
struct explained_service {
    const exchange_state& exchange; // its route is chosen
    std::string_view service;       // empty: the route has the reply
    time_point now{};
    const upstream::service_guard* guard = nullptr;           // null: no instance is known
    const core::upstream_program_settings* program = nullptr; // of a web program
    std::size_t endpoints = 0;                                // that take requests
};

/// The members "latency" and "policies" of an explanation: each policy with its value and state.
void write_policies(json::writer& out, const explained_service& of);

/// What would become of the request, for people. `chosen`: the address of the balancer's choice;
/// empty: it has none.
[[nodiscard]] std::string outcome_of(const explained_service& of, std::string_view chosen);

} // namespace msd::gateway
