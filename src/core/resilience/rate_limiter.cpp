// SPDX-License-Identifier: Apache-2.0
#include "core/resilience/rate_limiter.hpp"

#include <algorithm>

namespace msd::core::resilience {

namespace {

using std::chrono::nanoseconds;

constexpr std::int64_t ns_per_ms = 1'000'000;
constexpr std::uint64_t ns_max = std::uint64_t{1} << 61; // no sum of these overflows
// A worker's time can be older than that of another one by as much as a turn of its loop.
constexpr std::uint64_t clock_spread_ns = 60'000'000'000;

std::uint64_t ns_of(time_point now) {
    const auto ns = std::chrono::duration_cast<nanoseconds>(now.time_since_epoch()).count();
    return static_cast<std::uint64_t>(std::max<std::int64_t>(ns, 1));
}

struct gcra {
    std::uint64_t interval_ns;
    std::uint64_t tolerance_ns; // how far ahead the arrival time of an allowed request may be

    explicit gcra(const limit_settings& settings)
        : interval_ns{static_cast<std::uint64_t>(settings.allowed.interval().count())},
          tolerance_ns{
              interval_ns * std::min<std::uint64_t>(settings.burst, ns_max / interval_ns)} {}

    // The stored arrival time; `now_ns` when the key owes nothing.
    [[nodiscard]] std::uint64_t arrival(std::uint64_t stored, std::uint64_t now_ns) const {
        const std::uint64_t longest = tolerance_ns + interval_ns + clock_spread_ns;
        return stored <= now_ns || stored - now_ns > longest ? now_ns : stored;
    }
};

milliseconds rounded_up(std::uint64_t ns) {
    return milliseconds{(static_cast<std::int64_t>(ns) + ns_per_ms - 1) / ns_per_ms};
}

void describe(
    limit_decision& made,
    const gcra& limit,
    std::uint64_t ahead_ns,
    const limit_settings& settings
) {
    made.remaining = ahead_ns <= limit.tolerance_ns
                         ? (limit.tolerance_ns - ahead_ns) / limit.interval_ns + 1
                         : 0;
    made.reset_after = rounded_up(ahead_ns);
    made.quota = settings.allowed.requests;
    made.window = settings.allowed.per;
}

// The places of a table in which a key can be.
std::span<std::atomic<std::uint64_t>>
places_of(std::span<std::atomic<std::uint64_t>> cells, std::uint64_t key) {
    constexpr std::size_t width = limiter_table::ways * limiter_table::cells_per_key;
    const std::size_t sets = cells.size() / width;
    // The upper bits choose the place, all bits are compared.
    const auto set = static_cast<std::size_t>((key >> 32) * std::uint64_t{sets} >> 32);
    return cells.subspan(set * width, width);
}

} // namespace

limit_decision
take_request(std::atomic<std::uint64_t>& cell, const limit_settings& settings, time_point now) {
    const gcra limit{settings};
    const std::uint64_t now_ns = ns_of(now);
    std::uint64_t stored = cell.load(std::memory_order_relaxed);
    limit_decision made;
    std::uint64_t ahead_ns = 0;
    do {
        ahead_ns = limit.arrival(stored, now_ns) - now_ns;
        made.is_allowed = ahead_ns <= limit.tolerance_ns;
    } while (made.is_allowed && !cell.compare_exchange_weak(
                                    stored,
                                    now_ns + ahead_ns + limit.interval_ns,
                                    std::memory_order_relaxed
                                ));
    if (made.is_allowed) {
        ahead_ns += limit.interval_ns;
    } else {
        made.retry_after = rounded_up(ahead_ns - limit.tolerance_ns);
    }
    describe(made, limit, ahead_ns, settings);
    return made;
}

limit_decision
limiter_table::take(std::uint64_t key, const limit_settings& settings, time_point now) const {
    const std::uint64_t now_ns = ns_of(now);
    const std::uint64_t own = std::max<std::uint64_t>(key, 1); // 0: no key
    const auto places = places_of(cells_, own);
    std::size_t earliest = 0;
    std::uint64_t earliest_ns = 0;
    for (std::size_t place = 0; place < places.size(); place += cells_per_key) {
        if (places[place].load(std::memory_order_relaxed) == own) {
            return take_request(places[place + 1], settings, now);
        }
        // Not what `settings` make of it: the key may be of a limit with much longer times.
        const std::uint64_t stored = places[place + 1].load(std::memory_order_relaxed);
        const std::uint64_t at_ns = std::max(stored, now_ns);
        if (place == 0 || at_ns < earliest_ns) {
            earliest = place;
            earliest_ns = at_ns;
        }
    }
    // Its time stays: it is over, or is the price of a full table.
    places[earliest].store(own, std::memory_order_relaxed);
    return take_request(places[earliest + 1], settings, now);
}

limit_decision
limiter_table::look(std::uint64_t key, const limit_settings& settings, time_point now) const {
    const gcra limit{settings};
    const std::uint64_t now_ns = ns_of(now);
    const std::uint64_t own = std::max<std::uint64_t>(key, 1);
    const auto places = places_of(cells_, own);
    limit_decision made;
    std::uint64_t ahead_ns = 0;
    for (std::size_t place = 0; place < places.size(); place += cells_per_key) {
        if (places[place].load(std::memory_order_relaxed) == own) {
            const std::uint64_t stored = places[place + 1].load(std::memory_order_relaxed);
            ahead_ns = limit.arrival(stored, now_ns) - now_ns;
            break;
        }
    }
    made.is_allowed = ahead_ns <= limit.tolerance_ns;
    if (!made.is_allowed) {
        made.retry_after = rounded_up(ahead_ns - limit.tolerance_ns);
    }
    describe(made, limit, ahead_ns, settings);
    return made;
}

} // namespace msd::core::resilience
