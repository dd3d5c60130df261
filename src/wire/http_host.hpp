// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string_view>

// The host of a request, as the Host header and the authority of an absolute request target hold it
// (RFC 9110, 7.2; RFC 3986, 3.2.2 and 3.2.3): an address or a name, and an optional port.
namespace msd::wire {

/// Whether `text` is `host [":" port]`: a registered name with correct percent-escapes, an IPv4
/// address, or an IPv6 or IPvFuture address in brackets; the port is any number of digits. An empty
/// host is refused, because no http URI may have one (RFC 9110, 4.2.1).
[[nodiscard]] bool is_host(std::string_view text);

/// Whether two texts that is_host() accepts name the same host and port. Letters compare without
/// case, IPv6 addresses by value, and a missing or empty port is `default_port`.
[[nodiscard]] bool
is_same_host(std::string_view one, std::string_view other, std::uint16_t default_port);

} // namespace msd::wire
