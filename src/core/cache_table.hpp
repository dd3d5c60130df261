// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/deadline.hpp"

#include <cstddef>
#include <cstdint>
#include <list>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>

namespace msd::core {

struct cache_limits {
    std::size_t entries_max = 10'000;
    std::size_t bytes_max = 16u << 20; // keys, values, and entry_overhead for each
    // How long a response may be in flight. The mark of a removal is kept for that time and rejects
    // responses to requests that were sent before the removal.
    milliseconds fill_within{5000};
};

// A bounded cache: values by key that expire, and also the fact that a key has no value. Evicts the
// least recently used entry when it is full.
//
// put() takes the time at which the value was requested. An entry or a removal that is newer than
// that request is kept, so a response that was in flight while the value changed never replaces a
// newer entry. Time is an argument.
class cache_table {
public:
    static constexpr std::size_t entry_overhead = 200; // approximate bytes of bookkeeping

    enum class state : std::uint8_t { miss, absent, value };

    struct found {
        state what = state::miss;
        std::string_view value; // until the table is changed
    };

    explicit cache_table(cache_limits limits) : limits_{limits} {}

    [[nodiscard]] found find(std::string_view key, time_point now);

    /// Caches `value` until `until`; nullopt caches that the key has no value. Returns whether it
    /// is cached: not when the request at `asked` is too old, when the value is too large, or when
    /// a newer entry or removal exists.
    bool
    put(std::string key,
        std::optional<std::string> value,
        time_point asked,
        time_point until,
        time_point now);

    /// The value has changed: removes the entry and rejects responses to requests sent until now.
    void remove(std::string key, time_point now);

    /// The number of entries, including the marks of removals.
    [[nodiscard]] std::size_t size() const { return entries_.size(); }
    [[nodiscard]] std::size_t bytes() const { return bytes_; }
    /// The number of entries that were evicted before they expired.
    [[nodiscard]] std::uint64_t evictions() const { return evictions_; }

private:
    enum class kind : std::uint8_t { value, absent, removed };

    struct entry {
        std::string key;
        std::string value;
        kind what;
        time_point learnt; // when it was requested, or removed
        time_point until;
    };

    using entries = std::list<entry>;

    [[nodiscard]] static std::size_t bytes_of(const entry& one);
    void insert(entry&& fresh, time_point now);
    void erase(entries::iterator one);
    void drop_expired_last(time_point now);
    void make_room();

    cache_limits limits_;
    entries entries_;                                               // most recently used first
    std::unordered_map<std::string_view, entries::iterator> index_; // keys are views into entries_
    std::size_t bytes_ = 0;
    std::uint64_t evictions_ = 0;
    time_point forgotten_ = time_point::min(); // the newest evicted removal
};

} // namespace msd::core
