// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "core/resilience/endpoint_set.hpp"

#include <cstdint>
#include <optional>
#include <vector>

namespace msd::core::resilience {

// Chooses at random, by weight, with the alias method (Walker 1977, tables as Vose 1991): one
// random number and one comparison, however many endpoints there are.
class weighted_random {
public:
    void rebuild(const endpoint_set& set);
    [[nodiscard]] std::optional<std::uint32_t>
    choose(const endpoint_set& set, const choice_request& request, random_generator& random) const;
    void ended(const endpoint_set&, std::uint32_t) {}

private:
    struct column {
        std::uint32_t threshold; // of 2³²: below it `own`, else `alias`
        std::uint32_t own;
        std::uint32_t alias;
    };

    std::vector<column> columns_;
};

} // namespace msd::core::resilience
