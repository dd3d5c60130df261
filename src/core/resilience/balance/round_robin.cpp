// SPDX-License-Identifier: Apache-2.0
#include "core/resilience/balance/round_robin.hpp"

#include <algorithm>
#include <numeric>

namespace msd::core::resilience {

namespace {

constexpr int turns_skipped_max = 32;

struct virtual_turn {
    double at;
    double period;
    std::uint32_t index;
    std::uint32_t left; // turns of this cycle
};

bool is_later(const virtual_turn& a, const virtual_turn& b) {
    return a.at > b.at || (a.at == b.at && a.index > b.index);
}

} // namespace

void round_robin::rebuild(const endpoint_set& set) {
    const auto& active = set.active();
    std::uint64_t divisor = 0;
    for (const auto& endpoint : active) {
        divisor =
            std::gcd(divisor, std::max<std::uint64_t>(set.entries()[endpoint.index].weight, 1));
    }
    const std::uint64_t longest = active.size() * turns_each_max;
    const bool is_rounded = divisor != 0 && set.active_weight() / divisor > longest;
    std::vector<virtual_turn> heap;
    heap.reserve(active.size());
    turns_.clear();
    for (std::size_t place = 0; place < active.size(); ++place) {
        const std::uint32_t index = active[place].index;
        const std::uint64_t weight = std::max<std::uint32_t>(set.entries()[index].weight, 1);
        const std::uint64_t turns =
            is_rounded ? std::max<std::uint64_t>(
                             1,
                             (weight * longest + set.active_weight() / 2) / set.active_weight()
                         )
                       : weight / divisor;
        // The fractions of the golden ratio start the endpoints at different points of a period.
        const double phase = static_cast<double>(place + 1) * 0.6180339887498949;
        const double period = 1 / static_cast<double>(turns);
        heap.push_back(
            {(phase - static_cast<double>(static_cast<std::uint64_t>(phase))) * period,
             period,
             index,
             static_cast<std::uint32_t>(turns)}
        );
    }
    std::make_heap(heap.begin(), heap.end(), is_later);
    while (!heap.empty()) {
        std::pop_heap(heap.begin(), heap.end(), is_later);
        virtual_turn& turn = heap.back();
        turns_.push_back(turn.index);
        turn.at += turn.period;
        if (--turn.left == 0) {
            heap.pop_back();
        } else {
            std::push_heap(heap.begin(), heap.end(), is_later);
        }
    }
    due_.assign(set.entries().size(), 0);
    is_started_ = false;
}

std::optional<std::uint32_t> round_robin::choose(
    const endpoint_set& set,
    const choice_request& request,
    random_generator& random
) {
    const auto count = static_cast<std::uint32_t>(turns_.size());
    if (!is_started_ && count != 0) {
        next_ = random.below(count);
        is_started_ = true;
    }
    for (int skipped = 0; skipped < turns_skipped_max && count != 0; ++skipped) {
        const std::uint32_t index = turns_[next_];
        next_ = next_ + 1 < count ? next_ + 1 : 0;
        if (endpoint_set::was_tried(request, index)) {
            continue;
        }
        if (set.is_ramping(request.now)) {
            due_[index] += static_cast<float>(set.share(index, request.now));
            if (due_[index] < 1) {
                continue;
            }
            due_[index] -= 1;
        }
        return index;
    }
    return set.any_untried(request, random);
}

} // namespace msd::core::resilience
