// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/json.hpp"
#include "base/result.hpp"
#include "core/node.hpp"

#include <cstddef>
#include <cstdint>
#include <string_view>

// The members `weight` and `zone` of a registration, by which the balancers of callers share
// requests among the nodes of a service (core/resilience/endpoint_set.hpp).
namespace msd::core {

constexpr std::uint32_t weight_max = 1000;
constexpr std::size_t zone_bytes_max = 64;

/// A zone has no control characters and at most zone_bytes_max bytes; empty: unknown.
/// errc::invalid with a text that continues the name of the member or key.
[[nodiscard]] result<void> check_zone(std::string_view zone);

/// Reads both members; errc::invalid with a text for the peer, then nothing is changed.
[[nodiscard]] result<void> read_share(node_info& into, const json::object& fields);
/// Writes those that are set.
void write_share(json::writer& to, const node_info& node);

} // namespace msd::core
