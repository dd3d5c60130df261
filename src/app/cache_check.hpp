// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "app/configuration.hpp"
#include "app/environment.hpp"
#include "base/result.hpp"
#include "store/redis/inspection.hpp"

#include <optional>

// The part of msd check that examines the cache.
namespace msd::app {

/// Connects to the Redis of section [cache]; returns nothing when none is configured.
/// errc::invalid: its password cannot be read.
[[nodiscard]] result<std::optional<store::redis::inspection>>
look_at_cache(const configuration& configured, const environment_lookup& look_up);

} // namespace msd::app
