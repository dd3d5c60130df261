// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "app/command_line.hpp"
#include "app/environment.hpp"
#include "app/role_table.hpp"
#include "base/result.hpp"
#include "gateway/settings.hpp"

#include <span>

// A changed configuration file for workers that are not replaced: keys with the property `live`.
namespace msd::app {

/// `running` with the values that the live keys have by the file in `config_descriptor`, the
/// environment and the flags of `command`; all other settings stay. errc::invalid with one line for
/// each mistake. Any thread can call it: with 10,000 routes it takes too long for an event loop.
[[nodiscard]] result<gateway::gateway_settings> with_live_keys(
    gateway::gateway_settings running,
    const command_line& command,
    std::span<const role_facts> roles,
    const environment_lookup& look_up,
    int config_descriptor
);

} // namespace msd::app
