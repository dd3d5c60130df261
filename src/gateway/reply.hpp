// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "gateway/exchange_state.hpp"

#include <string_view>

// The replies that the gateway makes itself.
namespace msd::gateway {

/// A problem document (RFC 9457).
void send_refusal(exchange_state& exchange, const refusal& why);

/// A complete reply; `extra`: further header lines.
void send_text(exchange_state& exchange, int status, std::string_view type, std::string_view body);

/// A reply without a body, to OPTIONS. `allow`: the methods; empty: not said.
void send_options(exchange_state& exchange, std::string_view allow);

} // namespace msd::gateway
