// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "gateway/backend.hpp"
#include "gateway/exchange_state.hpp"

#include <cstdint>
#include <optional>

// The policies of the gateway, each in one file of gateway/policy, in one ordered table
// (policies.cpp). A policy looks at an exchange at one stage; it can refuse the request, or add to
// the state.
namespace msd::gateway {

enum class stage : std::uint8_t {
    arrival, // the head is there
    routed,  // the route was looked up, with whatever result
    head,    // there is a route, and nothing of the body has been read
    body,    // packets only: the body is complete
    content, // packets only: the params of the packet are made of it
};

/// Runs the policies of one stage in their order; stops at the first that refuses the request.
[[nodiscard]] std::optional<refusal> run_policies(stage now, exchange_state& exchange);

} // namespace msd::gateway
