// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "core/resilience/endpoint_set.hpp"

#include <cstdint>
#include <optional>
#include <vector>

namespace msd::core::resilience {

// Requests with the same key go to the same endpoint, in all workers, as long as the endpoint is
// active and not overloaded. The table is Maglev's (Eisenbud and others, 2016): one lookup,
// shares by weight, and little change when an endpoint comes or leaves. An endpoint takes at most
// 1.25 × its share of the requests in flight (Mirrokni, Thorup and Zadimoghaddam, "Consistent
// hashing with bounded loads", 2018); further requests go to the places of further hashes of the
// key (Chen, Coleman and Shrivastava 2021), which spreads them over all endpoints instead of one
// neighbour. The table has all endpoints with a weight and changes with the list only, not with
// ejections: an endpoint that comes back finds its keys again.
class consistent_hash {
public:
    static constexpr std::uint32_t places = 65'537; // prime
    static constexpr double load_max = 1.25;

    void rebuild(const endpoint_set& set);
    [[nodiscard]] std::optional<std::uint32_t>
    choose(const endpoint_set& set, const choice_request& request, random_generator& random) const;
    void ended(const endpoint_set&, std::uint32_t) {}

private:
    [[nodiscard]] bool
    has_room(const endpoint_set& set, std::uint32_t index, std::uint32_t in_flight) const;

    std::vector<std::pair<std::uint64_t, std::uint32_t>> built_from_; // tokens and weights
    std::vector<std::uint16_t> table_;                                // indexes of entries()
};

} // namespace msd::core::resilience
