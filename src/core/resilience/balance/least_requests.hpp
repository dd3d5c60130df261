// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "core/resilience/endpoint_set.hpp"

#include <array>
#include <cstdint>
#include <optional>
#include <vector>

namespace msd::core::resilience {

// Chooses the endpoint with the lowest (requests in flight + 1) / weight; of equal ones the one
// that became equal first. The endpoints are in lists by their number, and a bitmap of the lists
// finds the lowest one, so choosing costs the same for any number of endpoints. Other workers
// change the numbers, too: the endpoint that is about to be chosen, and one more in turn at each
// choice, is compared with its current number and moved. Numbers above `levels` count as equal.
class least_requests {
public:
    static constexpr std::uint32_t levels = 1024;

    void rebuild(const endpoint_set& set);
    [[nodiscard]] std::optional<std::uint32_t>
    choose(const endpoint_set& set, const choice_request& request, random_generator& random);
    /// A request of this worker to the endpoint ended, and in_flight has been reduced.
    void ended(const endpoint_set& set, std::uint32_t index);

private:
    static constexpr std::uint32_t none = 0xFFFFFFFF;
    static constexpr std::uint32_t word_bits = 64;

    struct link {
        std::uint32_t before = none;
        std::uint32_t after = none;
        std::uint32_t level = none; // none: in no list
        float per_request = 1;      // levels of a request: the largest weight / its own
    };

    [[nodiscard]] std::uint32_t
    level_of(const endpoint_set& set, std::uint32_t index, std::uint32_t more) const;
    [[nodiscard]] std::uint32_t lowest() const;
    void insert(std::uint32_t index, std::uint32_t level);
    void remove(std::uint32_t index);
    void move(std::uint32_t index, std::uint32_t level);

    std::vector<link> links_; // by index of entries()
    std::array<std::uint32_t, levels> first_{};
    std::array<std::uint32_t, levels> last_{};
    std::array<std::uint64_t, levels / word_bits> used_{};
    std::uint32_t used_words_ = 0;
    std::uint32_t refreshed_ = 0;
};

} // namespace msd::core::resilience
