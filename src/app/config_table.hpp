// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "app/config_schema.hpp"

#include <span>
#include <vector>

namespace msd::app {

/// The rows of config_schema, in the order of config/msd.toml.
[[nodiscard]] std::vector<config_key> make_config_table(std::span<const role_facts> roles);

} // namespace msd::app
