// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>

namespace msd::services {

/// Milliseconds since 1970 as ISO 8601 in UTC: 2026-01-31T09:05:07.042Z.
[[nodiscard]] std::string utc_text(std::int64_t since_1970_ms);

} // namespace msd::services
