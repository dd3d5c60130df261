// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/result.hpp"

#include <string_view>

// Checks the address at which a node says it can be reached, before anybody is told to connect
// there. Only the text is checked; names are not looked up.
namespace msd::core {

/// Succeeds for a host name (RFC 1123, underscores allowed) and for an IPv4 or IPv6 address of one
/// machine. Fails with errc::invalid for everything else, 0.0.0.0, :: and multicast addresses
/// included; the text names the host and what is wrong with it.
[[nodiscard]] result<void> check_advertised_host(std::string_view host);

} // namespace msd::core
