// SPDX-License-Identifier: Apache-2.0
#include "core/input_budget.hpp"

#include <algorithm>

namespace msd::core {

namespace {

constexpr std::size_t freed_part = 8; // of the bound

// Bytes × milliseconds. An input that has just begun counts as one millisecond old.
double occupied(std::size_t bytes, time_point since, time_point now) {
    const std::chrono::duration<double, std::milli> age = now - since;
    return static_cast<double>(bytes) * std::max(age.count(), 1.0);
}

} // namespace

input_budget::share::share(input_budget* budget, holder& owner) : budget_{budget}, owner_{owner} {}

input_budget::share::~share() {
    shrink(0);
}

void input_budget::share::shrink(std::size_t bytes) {
    if (bytes < bytes_) {
        budget_->set(*this, bytes);
    }
}

void input_budget::set(share& changed, std::size_t bytes) {
    if (changed.bytes_ == 0) {
        changed.place_ = shares_.size();
        shares_.push_back(&changed);
    } else if (bytes == 0) {
        shares_[changed.place_] = shares_.back();
        shares_[changed.place_]->place_ = changed.place_;
        shares_.pop_back();
    }
    used_ += bytes - changed.bytes_;
    changed.bytes_ = bytes;
}

bool input_budget::resize(share& changed, std::size_t bytes, time_point now) {
    set(changed, bytes);
    if (used_ <= bytes_max_) {
        return true;
    }
    make_room(now);
    return changed.bytes_ != 0;
}

void input_budget::make_room(time_point now) {
    struct candidate {
        double rank;
        share* from;
        bool operator<(const candidate& other) const { return rank < other.rank; }
    };
    std::vector<candidate> unfinished;
    std::vector<share*> idle;
    for (share* const each : shares_) {
        const time_point since = each->owner_.unfinished_since();
        if (since == time_point::max()) {
            idle.push_back(each);
        } else {
            unfinished.push_back({occupied(each->bytes_, since, now), each});
        }
    }
    for (share* const each : idle) {
        each->owner_.reclaim();
        set(*each, 0);
    }
    const std::uint64_t before = ended_;
    const std::size_t wanted = bytes_max_ - bytes_max_ / freed_part;
    std::make_heap(unfinished.begin(), unfinished.end());
    while (used_ > wanted && !unfinished.empty()) {
        std::pop_heap(unfinished.begin(), unfinished.end());
        share& largest = *unfinished.back().from;
        unfinished.pop_back();
        largest.owner_.reclaim();
        set(largest, 0);
        ++ended_;
    }
    if (ended_ != before && on_ended_) {
        on_ended_(now);
    }
}

} // namespace msd::core
