// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

namespace msd::process {

/// The address by which programs of this machine reach each other: "127.0.0.1", or "::1" on a
/// machine whose loopback interface has no IPv4 address.
[[nodiscard]] std::string loopback_host();

} // namespace msd::process
