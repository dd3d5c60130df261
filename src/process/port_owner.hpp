// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>

namespace msd::process {

/// Who listens on a TCP port of this machine, for an error message: `pid 123 (nginx -g …)`, or
/// `a process of another user` when /proc does not let us see it, or empty when nobody listens.
[[nodiscard]] std::string port_owner(std::uint16_t port);

} // namespace msd::process
