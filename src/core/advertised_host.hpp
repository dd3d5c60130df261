// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/result.hpp"

#include <string_view>

namespace msd::core {

/// Checks the address at which other nodes connect to a node. The configuration uses this for
/// `registry.advertise`, the registry for each registration, and callers for each node that a
/// registry lists. Only the text is checked; names are not looked up. Succeeds for a host name (RFC
/// 1123; underscores are allowed, because container platforms create such names) and for an IPv4 or
/// IPv6 address of one machine. errc::invalid for everything else, also for unspecified,
/// link-local, multicast and broadcast addresses; the text names the host and what is wrong with
/// it.
[[nodiscard]] result<void> check_advertised_host(std::string_view host);

} // namespace msd::core
