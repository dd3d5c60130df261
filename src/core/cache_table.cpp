// SPDX-License-Identifier: Apache-2.0
#include "core/cache_table.hpp"

#include <algorithm>
#include <iterator>
#include <utility>

namespace msd::core {

cache_table::found cache_table::find(std::string_view key, time_point now) {
    const auto indexed = index_.find(key);
    if (indexed == index_.end()) {
        return {};
    }
    const auto one = indexed->second;
    if (one->until <= now) {
        erase(one);
        return {};
    }
    if (one->what == kind::removed) {
        return {};
    }
    entries_.splice(entries_.begin(), entries_, one);
    return {one->what == kind::value ? state::value : state::absent, one->value};
}

bool cache_table::put(
    std::string key,
    std::optional<std::string> value,
    time_point asked,
    time_point until,
    time_point now
) {
    if (until <= now || now - asked > limits_.fill_within || asked <= forgotten_) {
        return false;
    }
    if (const auto indexed = index_.find(key); indexed != index_.end()) {
        const entry& known = *indexed->second;
        if (known.until > now && known.learnt >= asked) {
            return false;
        }
    }
    entry fresh;
    fresh.key = std::move(key);
    fresh.what = value ? kind::value : kind::absent;
    fresh.value = std::move(value).value_or(std::string{});
    fresh.learnt = asked;
    fresh.until = until;
    if (limits_.entries_max == 0 || bytes_of(fresh) > limits_.bytes_max) {
        return false;
    }
    insert(std::move(fresh), now);
    return true;
}

void cache_table::remove(std::string key, time_point now) {
    entry mark;
    mark.key = std::move(key);
    mark.what = kind::removed;
    mark.learnt = now;
    mark.until =
        now + limits_.fill_within + milliseconds{1}; // covers a response exactly at the limit
    insert(std::move(mark), now);
}

std::size_t cache_table::bytes_of(const entry& one) {
    return entry_overhead + one.key.size() + one.value.size();
}

void cache_table::insert(entry&& fresh, time_point now) {
    if (const auto indexed = index_.find(fresh.key); indexed != index_.end()) {
        erase(indexed->second);
    }
    drop_expired_last(now);
    bytes_ += bytes_of(fresh);
    entries_.push_front(std::move(fresh));
    index_.emplace(entries_.front().key, entries_.begin());
    make_room();
}

void cache_table::erase(entries::iterator one) {
    bytes_ -= bytes_of(*one);
    index_.erase(one->key);
    entries_.erase(one);
}

// Removes at most two expired entries for each insertion, so that entries that are no longer used
// do not stay forever.
void cache_table::drop_expired_last(time_point now) {
    for (int looked_at = 0; looked_at < 2 && !entries_.empty(); ++looked_at) {
        if (entries_.back().until > now) {
            return;
        }
        erase(std::prev(entries_.end()));
    }
}

void cache_table::make_room() {
    while (!entries_.empty() &&
           (entries_.size() > limits_.entries_max || bytes_ > limits_.bytes_max)) {
        const entry& last = entries_.back();
        if (last.what == kind::removed) {
            forgotten_ = std::max(forgotten_, last.learnt);
        } else {
            ++evictions_;
        }
        erase(std::prev(entries_.end()));
    }
}

} // namespace msd::core
