// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "core/resilience/balance/balancer.hpp"

#include <cstdint>
#include <map>
#include <memory>
#include <utility>
#include <vector>

namespace msd::core::resilience {

inline constexpr time_point balancing_start{milliseconds{1'000'000}};

// Endpoints with their memory, a balancer over them, and a generator with a constant seed.
class balanced {
public:
    explicit balanced(
        balance_policy policy,
        std::size_t count,
        std::uint32_t own_zone = 0,
        std::uint64_t seed = 1
    )
        : loads(std::make_unique<endpoint_load[]>(count)),
          random{seed},
          under_test{policy, own_zone} {
        for (std::size_t index = 0; index < count; ++index) {
            endpoint_entry entry;
            entry.load = &loads[index];
            entry.token = 1000 + 7919 * index;
            entries.push_back(entry);
        }
        under_test.assign(entries);
    }

    void apply() { under_test.assign(entries); }

    std::optional<std::uint32_t> choose() { return under_test.choose(request, random); }

    // How often each endpoint is chosen in `times` choices, one per `every`.
    std::map<std::uint32_t, int> shares(int times, milliseconds every = milliseconds{0}) {
        std::map<std::uint32_t, int> counted;
        for (int choice = 0; choice < times; ++choice) {
            ++counted[choose().value()];
            request.now += every;
        }
        return counted;
    }

    std::unique_ptr<endpoint_load[]> loads;
    std::vector<endpoint_entry> entries;
    choice_request request{balancing_start, 0, 0, {}};
    random_generator random;
    balancer under_test;
};

} // namespace msd::core::resilience
