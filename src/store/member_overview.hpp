// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/money.hpp"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

namespace msd::store {

struct member_purchase {
    std::int64_t id = 0;
    std::int64_t goodsid = 0;
    std::int64_t quantity = 0;  // below zero: a return
    std::optional<money> price; // of one piece
    std::int64_t date_ms = 0;   // since 1970
};

// What a member has done so far: a read model that is made of events alone, and so is a moment
// behind.
struct member_overview {
    static constexpr std::size_t last_max = 10;

    std::optional<std::int64_t> joined_ms; // since 1970; nullopt: before there were events
    std::int64_t purchases = 0;            // with returns
    std::int64_t pieces = 0;               // without returned ones
    money spent;                           // returns are subtracted; at its bounds, it stays there
    std::vector<member_purchase> last;     // the latest first; at most last_max
};

// What an event means to a member.
struct member_change {
    std::int64_t userid = 0;
    std::optional<std::int64_t> joined_ms;
    std::optional<member_purchase> purchase;
};

} // namespace msd::store
