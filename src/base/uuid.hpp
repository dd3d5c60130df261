// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

namespace msd {

/// A new time-ordered UUID, version 7 (RFC 9562, 5.7): 36 characters. Unique, not secret.
[[nodiscard]] std::string uuid_v7();

} // namespace msd
