// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>

// The traceparent header of W3C Trace Context, which services get as the `trace` of a request.
namespace msd::wire {

/// The traceparent to hand on for a received one, in the form of version 00; empty when the
/// received one is invalid (W3C Trace Context, 3.2.2). Of later versions, the fields that version
/// 00 defines are kept.
[[nodiscard]] std::string traceparent_to_forward(std::string_view received);

} // namespace msd::wire
