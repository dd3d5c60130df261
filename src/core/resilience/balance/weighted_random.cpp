// SPDX-License-Identifier: Apache-2.0
#include "core/resilience/balance/weighted_random.hpp"

#include <limits>

namespace msd::core::resilience {

namespace {

constexpr int draws_max = 8;
constexpr std::uint32_t always = std::numeric_limits<std::uint32_t>::max();

} // namespace

void weighted_random::rebuild(const endpoint_set& set) {
    const auto& active = set.active();
    const std::size_t count = active.size();
    columns_.assign(count, {always, 0, 0});
    // Weights times `count`, so that an average endpoint has the sum of all weights.
    const std::uint64_t average = set.active_weight();
    std::vector<std::uint64_t> left(count);
    std::vector<std::uint32_t> small;
    std::vector<std::uint32_t> large;
    for (std::uint32_t place = 0; place < count; ++place) {
        const std::uint32_t index = active[place].index;
        columns_[place].own = index;
        columns_[place].alias = index;
        left[place] = std::max<std::uint64_t>(set.entries()[index].weight, 1) * count;
        (left[place] < average ? small : large).push_back(place);
    }
    while (!small.empty() && !large.empty()) {
        const std::uint32_t poor = small.back();
        const std::uint32_t rich = large.back();
        small.pop_back();
        const double part = static_cast<double>(left[poor]) / static_cast<double>(average);
        columns_[poor].threshold = static_cast<std::uint32_t>(part * always);
        columns_[poor].alias = columns_[rich].own;
        left[rich] -= average - left[poor];
        if (left[rich] < average) {
            large.pop_back();
            small.push_back(rich);
        }
    }
}

std::optional<std::uint32_t> weighted_random::choose(
    const endpoint_set& set,
    const choice_request& request,
    random_generator& random
) const {
    const auto count = static_cast<std::uint32_t>(columns_.size());
    for (int draw = 0; draw < draws_max && count != 0; ++draw) {
        const std::uint64_t bits = random();
        const column& at = columns_[random_generator::scaled(bits, count)];
        const auto low = static_cast<std::uint32_t>(bits);
        const std::uint32_t index = low <= at.threshold ? at.own : at.alias;
        const bool is_due = !set.is_ramping(request.now) || draw + 1 == draws_max ||
                            random.unit() < set.share(index, request.now);
        if (is_due && !endpoint_set::was_tried(request, index)) {
            return index;
        }
    }
    return set.any_untried(request, random);
}

} // namespace msd::core::resilience
