// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "core/resilience/endpoint_set.hpp"

#include <cstdint>
#include <optional>
#include <vector>

namespace msd::core::resilience {

// Smooth weighted round robin: in each cycle an endpoint is chosen as often as its weight, and its
// turns are spread over the cycle, as in nginx (2012). nginx computes each turn from the weights of
// all endpoints; here the whole cycle is computed at a change, with virtual deadlines (Nagle 1987;
// Demers, Keshav and Shenker 1989), and choosing reads the next turn. A worker starts at a random
// turn, so that workers do not choose alike.
class round_robin {
public:
    // Of a cycle, as a multiple of the endpoints. Weights are divided by their greatest common
    // divisor and rounded when the cycle would be longer; each endpoint keeps one turn.
    static constexpr std::uint32_t turns_each_max = 16;

    void rebuild(const endpoint_set& set);
    [[nodiscard]] std::optional<std::uint32_t>
    choose(const endpoint_set& set, const choice_request& request, random_generator& random);
    void ended(const endpoint_set&, std::uint32_t) {}

private:
    std::vector<std::uint32_t> turns_; // indexes of entries()
    std::vector<float> due_;           // by index, for the slow start: 1 is a whole turn
    std::size_t next_ = 0;
    bool is_started_ = false;
};

} // namespace msd::core::resilience
