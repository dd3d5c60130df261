// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string_view>

namespace msd::http {

/// The value of a Date field for now, formatted once a second. Valid until the next call; for one
/// thread.
[[nodiscard]] std::string_view current_date();

} // namespace msd::http
