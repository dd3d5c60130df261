// SPDX-License-Identifier: Apache-2.0
#include "core/resilience/balance/consistent_hash.hpp"

#include <algorithm>
#include <cmath>
#include <utility>

namespace msd::core::resilience {

namespace {

constexpr std::uint16_t empty = 0xFFFF;
constexpr int hashes_max = 64; // places that are looked at until one has room

// The order in which an endpoint takes places, from its token: the same in all workers.
struct permutation {
    std::uint32_t at = 0;
    std::uint32_t skip = 1;
    double due = 0; // turns that its weight gives it
    double per_round = 1;
    std::uint16_t index = 0;
};

permutation permutation_of(const endpoint_entry& entry, std::uint32_t index) {
    random_generator mixed{entry.token};
    return {
        mixed.below(consistent_hash::places),
        mixed.below(consistent_hash::places - 1) + 1,
        0,
        1,
        static_cast<std::uint16_t>(index)};
}

void take_place(std::vector<std::uint16_t>& table, permutation& by) {
    while (table[by.at] != empty) {
        by.at = (by.at + by.skip) % consistent_hash::places;
    }
    table[by.at] = by.index;
}

} // namespace

void consistent_hash::rebuild(const endpoint_set& set) {
    std::vector<std::pair<std::uint64_t, std::uint32_t>> wanted;
    std::uint32_t heaviest = 0;
    for (const endpoint_entry& entry : set.entries()) {
        wanted.emplace_back(entry.token, entry.weight);
        heaviest = std::max(heaviest, entry.weight);
    }
    if (wanted == built_from_) {
        return;
    }
    built_from_ = std::move(wanted);
    std::vector<permutation> orders;
    for (std::uint32_t index = 0; index < set.entries().size(); ++index) {
        const endpoint_entry& entry = set.entries()[index];
        if (entry.weight != 0 || heaviest == 0) {
            permutation& made = orders.emplace_back(permutation_of(entry, index));
            made.per_round = heaviest == 0 ? 1 : double(entry.weight) / heaviest;
        }
    }
    // The table depends on the endpoints, not on the order in which a worker lists them.
    std::sort(orders.begin(), orders.end(), [&set](const permutation& a, const permutation& b) {
        return set.entries()[a.index].token < set.entries()[b.index].token;
    });
    table_.assign(orders.empty() ? 0 : places, empty);
    std::uint32_t taken = 0;
    while (taken < table_.size()) {
        for (permutation& order : orders) {
            order.due += order.per_round;
            if (order.due >= 1 && taken < places) {
                order.due -= 1;
                take_place(table_, order);
                ++taken;
            }
        }
    }
}

bool consistent_hash::has_room(
    const endpoint_set& set,
    std::uint32_t index,
    std::uint32_t in_flight
) const {
    const endpoint_entry& entry = set.entries()[index];
    const double part = std::max<std::uint32_t>(entry.weight, 1) / double(set.active_weight());
    const double most = std::ceil(load_max * (double(in_flight) + 1) * part);
    return requests_in(entry.load->in_flight) + 1 <= most;
}

std::optional<std::uint32_t> consistent_hash::choose(
    const endpoint_set& set,
    const choice_request& request,
    random_generator& random
) const {
    // Mixed first: keys whose difference is the step of the generator would share their hashes.
    random_generator hashes{random_generator{request.hash}()};
    // In a slow start the keys move one after the other, and not back.
    const double own_part = random_generator{~request.hash}.unit();
    for (int tried = 0; tried < hashes_max && !table_.empty(); ++tried) {
        const std::uint64_t bits = hashes();
        const std::uint32_t index = table_[random_generator::scaled(bits, places)];
        if (!set.is_active(index) || endpoint_set::was_tried(request, index)) {
            continue;
        }
        const bool is_due =
            !set.is_ramping(request.now) || own_part < set.share(index, request.now);
        if (is_due && has_room(set, index, request.in_flight)) {
            return index;
        }
    }
    return set.any_untried(request, random);
}

} // namespace msd::core::resilience
