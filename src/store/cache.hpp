// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/deadline.hpp"
#include "base/json.hpp"

#include <asio/awaitable.hpp>

#include <cstdint>
#include <optional>
#include <string>
#include <utility>

namespace msd::store {

// The result of looking up one key in a cache.
struct cached {
    enum class state : std::uint8_t {
        miss,   // the cache has no entry: ask the owner
        absent, // the owner has no such object
        value,
    };

    state what = state::miss;
    std::string value; // of state::value: the bytes that were put
    // Of a miss: what the cache needs back when a value is put for this key. Empty for most caches.
    std::string version = {};
};

// A question to the owner of a value: when it was asked, and the version that get() reported for
// the key before.
struct question {
    time_point asked;
    std::string version = {};
};

// A cache of values that another service owns. Implementations: the worker's memory, and Redis,
// which all workers share. One test suite runs over both. A cache never fails: a lookup that cannot
// be answered is a miss, a value that cannot be stored is dropped. Keys are short texts without
// spaces.
class cache {
public:
    virtual ~cache() = default;

    virtual asio::awaitable<cached> get(std::string key) = 0;

    /// Stores `value`; without a value stores, for a shorter time, that the object does not exist.
    /// Returns at once; the entry is stored soon afterwards or not at all. `of` says when the owner
    /// was asked: an answer that was asked for before the key was removed, or that took too long,
    /// is never stored.
    virtual void put(std::string key, std::optional<std::string> value, question of) = 0;
    void put(std::string key, std::optional<std::string> value, time_point asked) {
        put(std::move(key), std::move(value), question{asked});
    }

    /// Invalidates the key because the object changes. True: the cache no longer returns an older
    /// value. False: the cache could not be reached by `until`; the removal is repeated as soon as
    /// possible, and until then this object reports a miss for the key.
    virtual asio::awaitable<bool> remove(std::string key, deadline until) = 0;

    /// Another process has changed the object. `is_sent`: that process has also invalidated the key
    /// in the cache, if both share one.
    virtual void removed_elsewhere(std::string key, bool is_sent) = 0;

    /// Closes connections and releases what the cache holds. Called once, after the last call has
    /// returned and before destruction.
    virtual asio::awaitable<void> stop() = 0;

    /// Writes JSON members for the worker's statistics.
    virtual void write_figures(json::writer& out) const = 0;
};

} // namespace msd::store
