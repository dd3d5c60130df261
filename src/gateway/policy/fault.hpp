// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "gateway/exchange_state.hpp"

#include <asio/awaitable.hpp>

#include <optional>

// The faults that a person injects for tests (`msd fault`), in the place of those that a service
// may have. They come before the service is called, so it never sees the request that fails.
namespace msd::gateway::policy {

/// Whether a fault may apply to requests for this service now.
[[nodiscard]] bool may_have_fault(exchange_state& exchange);

/// Applies each of them to its share of the requests. A delay is at most the time limit of the
/// request, then the result is 504; the limit begins again with the call. A refusal: the error that
/// was asked for. After an abort the stream is reset, and record.cut says so.
asio::awaitable<std::optional<refusal>> apply_faults(exchange_state* exchange);

} // namespace msd::gateway::policy
