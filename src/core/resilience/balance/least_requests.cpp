// SPDX-License-Identifier: Apache-2.0
#include "core/resilience/balance/least_requests.hpp"

#include <algorithm>
#include <bit>

namespace msd::core::resilience {

namespace {

constexpr int corrections_max = 8; // of endpoints whose number has changed since, for one choice

} // namespace

std::uint32_t
least_requests::level_of(const endpoint_set& set, std::uint32_t index, std::uint32_t more) const {
    const auto count = requests_in(set.entries()[index].load->in_flight);
    const auto next = static_cast<float>(count) + static_cast<float>(more) + 1;
    // Equal weights: the number of requests in flight.
    const float level = next * links_[index].per_request - 1;
    return static_cast<std::uint32_t>(std::min(level, static_cast<float>(levels - 1)));
}

std::uint32_t least_requests::lowest() const {
    if (used_words_ == 0) {
        return none;
    }
    const auto word = static_cast<std::uint32_t>(std::countr_zero(used_words_));
    return word * word_bits + static_cast<std::uint32_t>(std::countr_zero(used_[word]));
}

void least_requests::insert(std::uint32_t index, std::uint32_t level) {
    link& own = links_[index];
    own.level = level;
    own.before = last_[level];
    own.after = none;
    (own.before == none ? first_[level] : links_[own.before].after) = index;
    last_[level] = index;
    used_[level / word_bits] |= std::uint64_t{1} << (level % word_bits);
    used_words_ |= 1U << (level / word_bits);
}

void least_requests::remove(std::uint32_t index) {
    link& own = links_[index];
    const std::uint32_t level = own.level;
    (own.before == none ? first_[level] : links_[own.before].after) = own.after;
    (own.after == none ? last_[level] : links_[own.after].before) = own.before;
    own.level = none;
    if (first_[level] == none) {
        used_[level / word_bits] &= ~(std::uint64_t{1} << (level % word_bits));
        if (used_[level / word_bits] == 0) {
            used_words_ &= ~(1U << (level / word_bits));
        }
    }
}

void least_requests::move(std::uint32_t index, std::uint32_t level) {
    remove(index);
    insert(index, level);
}

void least_requests::rebuild(const endpoint_set& set) {
    links_.assign(set.entries().size(), {});
    first_.fill(none);
    last_.fill(none);
    used_.fill(0);
    used_words_ = 0;
    refreshed_ = 0;
    std::uint32_t largest = 1;
    for (const auto& endpoint : set.active()) {
        largest = std::max(largest, set.entries()[endpoint.index].weight);
    }
    for (const auto& endpoint : set.active()) {
        links_[endpoint.index].per_request = static_cast<float>(largest) * endpoint.inverse_weight;
        insert(endpoint.index, level_of(set, endpoint.index, 0));
    }
}

void least_requests::ended(const endpoint_set& set, std::uint32_t index) {
    if (index < links_.size() && links_[index].level != none) {
        const std::uint32_t level = level_of(set, index, 0);
        if (level != links_[index].level) {
            move(index, level);
        }
    }
}

std::optional<std::uint32_t> least_requests::choose(
    const endpoint_set& set,
    const choice_request& request,
    random_generator& random
) {
    const auto& active = set.active();
    if (active.empty()) {
        return set.any_untried(request, random);
    }
    refreshed_ = refreshed_ + 1 < active.size() ? refreshed_ + 1 : 0;
    ended(set, active[refreshed_].index);
    for (int corrected = 0; corrected < corrections_max; ++corrected) {
        const std::uint32_t level = lowest();
        const std::uint32_t index = first_[level];
        const std::uint32_t current = level_of(set, index, 0);
        if (current > level) {
            move(index, current);
            continue;
        }
        const bool is_due =
            !set.is_ramping(request.now) || random.unit() < set.share(index, request.now);
        // The level that the endpoint has when the caller has begun its request. One that is
        // passed over waits as if it had been chosen; the refresh moves it back.
        move(index, level_of(set, index, 1));
        if (is_due && !endpoint_set::was_tried(request, index)) {
            return index;
        }
    }
    return set.any_untried(request, random);
}

} // namespace msd::core::resilience
