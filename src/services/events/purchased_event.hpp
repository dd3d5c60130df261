// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/money.hpp"
#include "services/events/cloud_event.hpp"
#include "store/event_log.hpp"

#include <cstdint>
#include <optional>

namespace msd::services {

// The data of an event `purchased` (store/purchase_events.hpp writes it).
struct purchased_event {
    std::int64_t id = 0; // of the purchase
    std::int64_t userid = 0;
    std::int64_t goodsid = 0;
    std::int64_t quantity = 0;  // below zero: a return
    std::optional<money> price; // of one piece
    std::int64_t date_ms = 0;   // since 1970
};

[[nodiscard]] or_problem<purchased_event> read_purchased(const store::event_fields& event);

} // namespace msd::services
