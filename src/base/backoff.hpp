// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/deadline.hpp"

namespace msd {

/// The pause before try number `failures` + 1 (`failures` ≥ 1): `first` doubled with each failure,
/// at most `longest`, changed by a random part of ± `jitter` (0…1) so that clients do not retry all
/// at once.
[[nodiscard]] milliseconds
backoff_delay(int failures, milliseconds first, milliseconds longest, double jitter);

/// `span` changed by a random part of ± `jitter` (0…1).
[[nodiscard]] milliseconds spread(milliseconds span, double jitter);

} // namespace msd
