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
    // How long an answer may be under way. For so long a removal stands in the way of answers that
    // were asked for before it.
    milliseconds fill_within{5000};
};

// What somebody remembers of things he does not own: values by key, for a while, within bounds;
// that there is no such thing is worth remembering too. The one who is used longest ago makes room.
//
// Whoever puts a value says when he asked the owner for it. What the table learnt later than that,
// a younger value or a removal, stays: an answer that was under way while the thing changed never
// comes back from the dead. Knows no clock.
class cache_table {
public:
    static constexpr std::size_t entry_overhead = 200; // bytes of bookkeeping, about

    enum class state : std::uint8_t { miss, absent, value };

    struct found {
        state what = state::miss;
        std::string_view value; // until the table is changed
    };

    explicit cache_table(cache_limits limits) : limits_{limits} {}

    [[nodiscard]] found find(std::string_view key, time_point now);

    /// Keeps `value`, or with none that there is no such thing, until `until`. Tells whether it is
    /// kept: not when it was asked for too long ago, is too large, or something younger is known.
    bool
    put(std::string key,
        std::optional<std::string> value,
        time_point asked,
        time_point until,
        time_point now);

    /// The thing has changed: what is kept goes, and so will every answer asked for until now.
    void remove(std::string key, time_point now);

    /// Including removals that still stand.
    [[nodiscard]] std::size_t size() const { return entries_.size(); }
    [[nodiscard]] std::size_t bytes() const { return bytes_; }
    /// How many went to make room before their time.
    [[nodiscard]] std::uint64_t evictions() const { return evictions_; }

private:
    enum class kind : std::uint8_t { value, absent, removed };

    struct entry {
        std::string key;
        std::string value;
        kind what;
        time_point learnt; // when it was asked for, or removed
        time_point until;
    };

    using entries = std::list<entry>;

    [[nodiscard]] static std::size_t bytes_of(const entry& one);
    void insert(entry&& fresh, time_point now);
    void erase(entries::iterator one);
    void drop_expired_last(time_point now);
    void make_room();

    cache_limits limits_;
    entries entries_;                                               // the last used first
    std::unordered_map<std::string_view, entries::iterator> index_; // by the entries' own keys
    std::size_t bytes_ = 0;
    std::uint64_t evictions_ = 0;
    time_point forgotten_ = time_point::min(); // of the removals that made room, the youngest
};

} // namespace msd::core
