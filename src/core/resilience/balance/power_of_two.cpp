// SPDX-License-Identifier: Apache-2.0
#include "core/resilience/balance/power_of_two.hpp"

#include <cmath>

namespace msd::core::resilience {

namespace {

constexpr int draws_max = 8; // until an endpoint is drawn that was not tried
constexpr std::uint32_t interval_choices = 64;

using active_endpoint = endpoint_set::active_endpoint;

float score_of(const active_endpoint& endpoint, float latency_us) {
    const auto in_flight = static_cast<float>(requests_in(endpoint.load->in_flight));
    return std::sqrt(latency_us + 1) * (in_flight + 1) * endpoint.inverse_weight;
}

} // namespace

float power_of_two::score(
    const endpoint_set& set,
    std::uint32_t index,
    float rival_us,
    time_point now
) {
    const endpoint_entry& entry = set.entries()[index];
    const float inverse = 1 / static_cast<float>(std::max<std::uint32_t>(entry.weight, 1));
    const float latency_us = entry.load->latency.value_us();
    return score_of({entry.load, inverse, index}, latency_us > 0 ? latency_us : rival_us) /
           static_cast<float>(set.share(index, now));
}

bool power_of_two::is_starved(
    const active_endpoint& winner,
    const active_endpoint& other,
    std::uint32_t tick,
    std::size_t endpoints
) const {
    const std::uint32_t picked = other.load->picked_tick.load(std::memory_order_relaxed);
    const float turns_s = forced_after_turns * static_cast<float>(endpoints) * interval_s_;
    if (picked == 0 || seconds_between(picked, tick) <= std::max(forced_after_s, turns_s)) {
        return false;
    }
    // When both wait, the better one goes first.
    const std::uint32_t rival = winner.load->picked_tick.load(std::memory_order_relaxed);
    return seconds_between(picked, tick) > seconds_between(rival, tick);
}

void power_of_two::measure_interval(std::uint32_t tick) {
    if (choices_++ == 0) {
        measured_tick_ = tick;
    } else if (choices_ % interval_choices == 1) {
        interval_s_ = seconds_between(measured_tick_, tick) / interval_choices;
        measured_tick_ = tick;
    }
}

std::optional<std::uint32_t> power_of_two::choose(
    const endpoint_set& set,
    const choice_request& request,
    random_generator& random
) {
    const auto& active = set.active();
    const auto count = static_cast<std::uint32_t>(active.size());
    if (count == 1 && !endpoint_set::was_tried(request, active[0].index)) {
        return active[0].index;
    }
    if (count < 2) {
        return set.any_untried(request, random);
    }
    const active_endpoint* first = nullptr;
    const active_endpoint* second = nullptr;
    for (int draw = 0; draw < draws_max; ++draw) {
        const std::uint64_t bits = random();
        const std::uint32_t one = random_generator::scaled(bits, count);
        const std::uint32_t step = random_generator::scaled(bits << 32, count - 1) + 1;
        const std::uint32_t other = one + step < count ? one + step : one + step - count;
        first = &active[one];
        second = &active[other];
        if (request.tried.empty()) {
            break;
        }
        const bool is_first_tried = endpoint_set::was_tried(request, first->index);
        const bool is_second_tried = endpoint_set::was_tried(request, second->index);
        if (!is_first_tried || !is_second_tried) {
            first = is_first_tried ? second : first;
            second = is_second_tried ? first : second;
            break;
        }
        first = nullptr;
    }
    if (first == nullptr) {
        return set.any_untried(request, random);
    }

    const float first_us = first->load->latency.value_us();
    const float second_us = second->load->latency.value_us();
    // An endpoint without a sample counts as fast as the other one.
    float first_score = score_of(*first, first_us > 0 ? first_us : second_us);
    float second_score = score_of(*second, second_us > 0 ? second_us : first_us);
    if (set.is_ramping(request.now)) {
        first_score /= static_cast<float>(set.share(first->index, request.now));
        second_score /= static_cast<float>(set.share(second->index, request.now));
    }
    const bool is_second_better = second_score < first_score;
    const active_endpoint* winner = is_second_better ? second : first;
    const active_endpoint* other = is_second_better ? first : second;

    // 0 stands for never.
    const std::uint32_t tick = tick_of(request.now) | 1;
    if (is_starved(*winner, *other, tick, count)) {
        winner = other;
    }
    measure_interval(tick);
    winner->load->picked_tick.store(tick, std::memory_order_relaxed);
    return winner->index;
}

} // namespace msd::core::resilience
