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

// What a cache knows of one key.
struct cached {
    enum class state : std::uint8_t {
        miss,   // nothing: ask the owner
        absent, // there is no such thing
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

// A place to keep what belongs to somebody else: in this process or shared by all. Behind it stand
// the worker's memory and Redis; one behaviour suite runs over both. A cache never fails: when it
// cannot answer it has a miss, when it cannot keep something it does not. Keys are short texts
// without spaces.
class cache {
public:
    virtual ~cache() = default;

    virtual asio::awaitable<cached> get(std::string key) = 0;

    /// Keeps `value`, or with none for a shorter time that there is no such thing. Returns at once;
    /// it is kept soon or not at all. A value that was asked for before the key was removed is
    /// never kept, nor one that was under way for too long.
    virtual void put(std::string key, std::optional<std::string> value, question of) = 0;
    void put(std::string key, std::optional<std::string> value, time_point asked) {
        put(std::move(key), std::move(value), question{asked});
    }

    /// The thing changes. True: nobody gets an older value from here any more. False: the cache
    /// could not be told by `until`; it is told as soon as possible, and until then this one has a
    /// miss.
    virtual asio::awaitable<bool> remove(std::string key, deadline until) = 0;

    /// Somebody else has changed the thing; `told`: and said so to the cache, if it is one that we
    /// share with him. Whether we could have heard him is another question.
    virtual void removed_elsewhere(std::string key, bool told) = 0;

    /// Ends what it holds. Once, when nobody awaits it any more, and before it is destroyed.
    virtual asio::awaitable<void> stop() = 0;

    /// Members for the worker's statistics.
    virtual void write_figures(json::writer& out) const = 0;
};

} // namespace msd::store
