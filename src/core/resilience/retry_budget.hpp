// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "core/resilience/window.hpp"

#include <cstdint>

namespace msd::core::resilience {

struct retry_budget_settings {
    std::uint32_t percent = 20;    // of the requests of the window
    std::uint32_t per_second = 10; // allowed in any case
};

// Limits the retries of a service, for all workers of the host, so that retries cannot multiply the
// load of a service that fails (Finagle's and Linkerd's retry budget): in any 10 s at most 20 % of
// the requests and 10 retries a second. Zeroed memory is an unused budget. Workers that take the
// last retry at the same moment can exceed the budget by one each.
struct retry_budget {
    window<2> counts; // requests and retries

    /// A request begins; its retries do not count as requests.
    void count_request(time_point now) { counts.add({1, 0}, now); }

    /// Takes one retry, if there is one.
    [[nodiscard]] bool take(const retry_budget_settings& settings, time_point now) {
        if (available(settings, now) == 0) {
            return false;
        }
        counts.add({0, 1}, now);
        return true;
    }

    /// The retries that are left.
    [[nodiscard]] std::uint64_t
    available(const retry_budget_settings& settings, time_point now) const {
        const auto [requests, retries] = counts.sums(now);
        const std::uint64_t allowed = requests * settings.percent / 100 +
                                      std::uint64_t{settings.per_second} * window<2>::buckets;
        return allowed > retries ? allowed - retries : 0;
    }

    void clear() { counts.clear(); }
};

static_assert(sizeof(retry_budget) == 80);

} // namespace msd::core::resilience
