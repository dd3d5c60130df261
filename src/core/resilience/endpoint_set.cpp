// SPDX-License-Identifier: Apache-2.0
#include "core/resilience/endpoint_set.hpp"

#include <algorithm>
#include <utility>

namespace msd::core::resilience {

namespace {

constexpr std::uint64_t percent = 100;

// The lower, the rather is the endpoint used.
int preference(const endpoint_entry& entry) {
    if (entry.is_refusing) {
        return 3;
    }
    if (entry.is_ejected) {
        return 2;
    }
    return entry.is_avoided || entry.weight == 0 ? 1 : 0;
}

bool is_usable(const endpoint_entry& entry) {
    return preference(entry) == 0;
}

} // namespace

void endpoint_set::assign(std::vector<endpoint_entry> entries) {
    entries_ = std::move(entries);
    is_active_.assign(entries_.size(), false);
    active_.reserve(entries_.size());
    spare_.reserve(entries_.size());
    ejected_.reserve(entries_.size());
    tokens_.clear();
    for (std::uint32_t index = 0; index < entries_.size(); ++index) {
        tokens_.emplace_back(entries_[index].token, index);
    }
    std::sort(tokens_.begin(), tokens_.end());
    compile();
}

void endpoint_set::change(std::uint32_t index, const endpoint_entry& entry) {
    if (entries_[index].token != entry.token) {
        const auto old =
            std::find(tokens_.begin(), tokens_.end(), std::pair{entries_[index].token, index});
        *old = {entry.token, index};
        std::sort(tokens_.begin(), tokens_.end());
    }
    entries_[index] = entry;
    compile();
}

// Makes the endpoints active to which the rule applies, unless there are none.
template <class Rule>
bool endpoint_set::activate(Rule is_used) {
    active_.clear();
    active_weight_ = 0;
    for (std::uint32_t index = 0; index < entries_.size(); ++index) {
        const endpoint_entry& entry = entries_[index];
        is_active_[index] = is_used(entry);
        if (is_active_[index]) {
            const std::uint32_t weight = std::max<std::uint32_t>(entry.weight, 1);
            active_.push_back({entry.load, 1 / static_cast<float>(weight), index});
            active_weight_ += weight;
        }
    }
    return !active_.empty();
}

void endpoint_set::compile() {
    std::uint64_t healthy = 0;
    std::uint64_t in_zone = 0;
    std::uint64_t usable_in_zone = 0;
    ejected_.clear();
    spare_.clear();
    ramps_until_ = time_point{};
    for (std::uint32_t index = 0; index < entries_.size(); ++index) {
        const endpoint_entry& entry = entries_[index];
        const bool is_own = own_zone_ != 0 && entry.zone == own_zone_;
        const bool is_out = entry.is_ejected || entry.is_refusing;
        healthy += is_out ? 0 : 1;
        in_zone += is_own ? 1 : 0;
        usable_in_zone += is_own && is_usable(entry) ? 1 : 0;
        if (is_out) {
            ejected_.push_back(index);
        }
        if (entry.started_at != time_point{}) {
            ramps_until_ = std::max(ramps_until_, entry.started_at + starting_.length);
        }
    }
    is_panic_ = healthy * percent < entries_.size() * panic_percent;
    is_local_ =
        !is_panic_ && in_zone != 0 && usable_in_zone * percent >= in_zone * zone_healthy_percent;
    if (is_panic_) {
        const auto listens = [](const endpoint_entry& entry) {
            return !entry.is_refusing && !entry.is_avoided && entry.weight != 0;
        };
        if (activate(listens)) {
            return;
        }
    } else if (is_local_) {
        activate([this](const endpoint_entry& entry) {
            return is_usable(entry) && entry.zone == own_zone_;
        });
        for (std::uint32_t index = 0; index < entries_.size(); ++index) {
            if (is_usable(entries_[index]) && !is_active_[index]) {
                spare_.push_back(index);
            }
        }
        return;
    }
    for (int most = 0; most <= 3; ++most) {
        if (activate([most](const endpoint_entry& entry) { return preference(entry) <= most; })) {
            return;
        }
    }
}

bool endpoint_set::takes_requests(std::uint32_t index) const {
    return is_active_[index] || (is_local_ && is_usable(entries_[index]));
}

void endpoint_set::detach(std::span<endpoint_load> copies) {
    for (std::size_t index = 0; index < entries_.size(); ++index) {
        const endpoint_load& from = *entries_[index].load;
        endpoint_load& to = copies[index];
        to.latency.cell.store(from.latency.cell.load(std::memory_order_relaxed));
        to.in_flight.store(from.in_flight.load(std::memory_order_relaxed));
        to.picked_tick.store(from.picked_tick.load(std::memory_order_relaxed));
        entries_[index].load = &to;
    }
    for (active_endpoint& each : active_) {
        each.load = &copies[each.index];
    }
}

std::optional<std::uint32_t> endpoint_set::with_token(std::uint64_t token) const {
    const auto found =
        std::lower_bound(tokens_.begin(), tokens_.end(), std::pair{token, std::uint32_t{0}});
    if (found == tokens_.end() || found->first != token) {
        return std::nullopt;
    }
    return found->second;
}

std::optional<std::uint32_t>
endpoint_set::any_untried(const choice_request& request, random_generator& random) const {
    std::optional<std::uint32_t> best;
    int best_rank = 0;
    const auto count = static_cast<std::uint32_t>(entries_.size());
    const std::uint32_t first = count == 0 ? 0 : random.below(count);
    for (std::uint32_t looked = 0; looked < count; ++looked) {
        const std::uint32_t index = (first + looked) % count;
        const int rank = is_active_[index] ? -1 : preference(entries_[index]);
        if (!was_tried(request, index) && (!best || rank < best_rank)) {
            best = index;
            best_rank = rank;
        }
    }
    return best;
}

std::optional<std::uint32_t> endpoint_set::next_ejected() {
    if (ejected_.empty()) {
        return std::nullopt;
    }
    next_ejected_ = next_ejected_ + 1 < ejected_.size() ? next_ejected_ + 1 : 0;
    return ejected_[next_ejected_];
}

} // namespace msd::core::resilience
