// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/deadline.hpp"

namespace msd {

/// The pause before try number `failures` + 1 (`failures` ≥ 1): `first` doubled with each failure,
/// at most `longest`, spread by ± `jitter` (0…1) of itself so that many do not come back at once.
[[nodiscard]] milliseconds
backoff_delay(int failures, milliseconds first, milliseconds longest, double jitter);

/// `span` spread by ± `jitter` (0…1) of itself.
[[nodiscard]] milliseconds spread(milliseconds span, double jitter);

} // namespace msd
