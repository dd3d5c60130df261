// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/json.hpp"

namespace msd::app {

/// Prints the answer to `msd explain` for people (docs/man/msd.8 has its members).
void print_explanation(const json::object& answer);

} // namespace msd::app
