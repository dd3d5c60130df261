// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/deadline.hpp"
#include "wire/http_fields.hpp"

#include <chrono>
#include <cstddef>
#include <list>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>

namespace msd::gateway {

// A complete reply that others may get, too. Immutable: whoever sends it holds it.
struct kept_reply {
    std::string type;         // Content-Type; empty: none
    wire::http_fields fields; // the others
    std::string body;
    time_point received{};
    milliseconds age{0};                // when it was received (Age)
    milliseconds fresh_for{0};          // max-age
    std::optional<milliseconds> useful; // stale-if-error: how long after that it may replace errors

    [[nodiscard]] milliseconds age_at(time_point now) const {
        return age + std::chrono::duration_cast<milliseconds>(now - received);
    }
};

// The replies of one worker that are kept for later requests, by key. When it is full, the replies
// that were not used for the longest time go. Single-threaded.
class reply_store {
public:
    static constexpr std::size_t entry_overhead = 300; // approximate bytes of bookkeeping

    struct limits {
        std::size_t bytes_max = std::size_t{16} << 20; // replies, keys, and what is being recorded
        std::size_t reply_bytes_max = std::size_t{1} << 20; // of one reply
    };

    explicit reply_store(limits chosen) : limits_{chosen} {}

    /// Without a user nothing is kept, and recording costs nothing.
    void set_wanted(bool wanted);
    [[nodiscard]] bool is_wanted() const { return is_wanted_; }

    /// Null: there is none.
    [[nodiscard]] std::shared_ptr<const kept_reply> find(std::string_view key);
    /// Replaces an earlier one. One that is too large only removes it.
    void put(std::string key, kept_reply reply);
    void remove(std::string_view key);

    /// Memory of a reply that is still being received; false: there is no room for `more` bytes,
    /// or the reply, of `before` bytes until now, becomes too large.
    [[nodiscard]] bool grow(std::size_t before, std::size_t more);
    void give_back(std::size_t bytes) { recording_ -= bytes; }

    [[nodiscard]] std::size_t size() const { return entries_.size(); }
    [[nodiscard]] std::size_t bytes() const { return bytes_ + recording_; }

private:
    struct entry {
        std::string key;
        std::shared_ptr<const kept_reply> reply;
        std::size_t bytes = 0;
    };
    using entries = std::list<entry>;

    void erase(entries::iterator one);
    void make_room(std::size_t bytes);

    limits limits_;
    entries entries_;                                               // most recently used first
    std::unordered_map<std::string_view, entries::iterator> index_; // keys are views into entries_
    std::size_t bytes_ = 0;
    std::size_t recording_ = 0;
    bool is_wanted_ = false;
};

} // namespace msd::gateway
