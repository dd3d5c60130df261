// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "core/login_throttle.hpp"
#include "services/events/event_settings.hpp"

#include <cstdint>

namespace msd::services {

// What single services accept, from the configuration.
struct service_rules {
    bool negative_prices = false;          // goods
    std::int64_t quantity_max = 1'000'000; // purchases: of one purchase, and of one return
    core::login_throttle::settings logins; // members
    event_settings events;
};

} // namespace msd::services
