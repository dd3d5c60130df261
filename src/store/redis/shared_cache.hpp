// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "net/task_group.hpp"
#include "store/cache.hpp"
#include "store/outage_log.hpp"
#include "store/redis/client.hpp"
#include "store/redis/settings.hpp"

#include <asio/any_io_executor.hpp>
#include <asio/steady_timer.hpp>

#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <unordered_set>
#include <utility>

namespace msd::store::redis {

// The cache that all workers of all hosts share, in Redis. A removal leaves a mark for some
// seconds, and a value is put only where nothing stands: so whoever is slow to bring an old value
// finds the mark. A removal that Redis could not be told of is remembered, the key is not read
// from here meanwhile, and Redis is told as soon as it is back. After each loss it is told again
// what it knew, as far back as its values may go: it may come back with an older state, or a
// replica in its place.
//
// While Redis is lost everything is a miss, at once: that is the client's work.
//
// With settings.legacy_keys, nodes of an existing deployment keep the same things under plain keys
// of their own ("17" for "goods:17") and change them without a word to msd. Then each entry holds
// the version of the plain key's text, a digest, as it was before the owner was asked; an entry is
// valid only while the plain key still has that version. The other nodes write the database first
// and the plain key second, so an entry that was filled from the older row never survives the
// write of the plain key.
class shared_cache final : public cache {
public:
    // How long an answer may be under way, and how much longer a removal stands in its way; and
    // longer by what the owner may be behind.
    static constexpr milliseconds fill_within{5000};
    static constexpr milliseconds mark_stands{10'000};
    static constexpr std::size_t puts_max = 1024; // on their way; more are dropped
    // Removals to be told, and of those told. More than that: nothing is read until the oldest
    // value is gone.
    static constexpr std::size_t untold_max = 10'000;
    static constexpr std::size_t value_bytes_max = 1u << 20; // larger ones are not kept

    /// `timeout` bounds each question.
    shared_cache(
        const asio::any_io_executor& executor,
        std::unique_ptr<client> server,
        shared_cache_settings chosen,
        milliseconds timeout
    );

    /// What existing nodes call the thing: the part after the last colon.
    [[nodiscard]] static std::string plain_name_of(std::string_view key);

    asio::awaitable<cached> get(std::string key) override;
    using cache::put;
    /// With legacy_keys a value is kept only with the version that get() reported, and none is kept
    /// when the owner may be behind.
    void put(std::string key, std::optional<std::string> value, question of) override;
    asio::awaitable<bool> remove(std::string key, deadline until) override;
    void removed_elsewhere(std::string key, bool told) override;
    asio::awaitable<void> stop() override;
    void write_figures(json::writer& out) const override;

    /// Writes `text` under the plain name of `key`, without a time to live, or deletes that plain
    /// key. True: Redis has done it.
    asio::awaitable<bool>
    write_plain(std::string key, std::optional<std::string> text, deadline until);

    /// Whether Redis is asked now.
    [[nodiscard]] bool usable() const { return server_->usable(); }
    /// Waits until it is usable, at most until then.
    asio::awaitable<bool> became_usable(deadline until) { return server_->became_usable(until); }
    /// Grows with each connection that was made: Redis may have lost what it was told before.
    [[nodiscard]] std::uint64_t connects() const { return server_->counted().connects; }

private:
    asio::awaitable<std::optional<std::string>> plain_version(std::string key, deadline until);
    asio::awaitable<void> store_value(std::string name, std::string text, milliseconds ttl);
    asio::awaitable<bool> mark_removed(std::string key, deadline until);
    asio::awaitable<void> discard(std::string key);
    asio::awaitable<void> remove_outdated(std::string key);
    asio::awaitable<void> tell_untold();
    void remember_told(std::string key);
    void remember_untold(std::string key);
    void rest();
    void notice_return();
    [[nodiscard]] bool is_doubtful(const std::string& key) const;

    std::unique_ptr<client> server_;
    shared_cache_settings settings_;
    milliseconds timeout_; // of one question; the client gives the server up after it
    net::task_group tasks_;
    outage_log keeping_{"cache (keeping)"};
    std::unordered_set<std::string> untold_;
    // Told lately, each until no older value can stand anywhere: a Redis that comes back, or takes
    // the place of another, may know less.
    std::unordered_map<std::string, time_point> told_;
    std::deque<std::pair<time_point, std::string>> told_order_;
    time_point told_too_much_until_ = time_point::min(); // for told_
    std::uint64_t connects_seen_ = 0;
    time_point nothing_until_ = time_point::min(); // too much was untold
    asio::steady_timer news_;                      // cancelled when there is something to tell
    std::uint64_t hits_ = 0;
    std::uint64_t misses_ = 0;
    std::uint64_t failures_ = 0; // questions without an answer
    std::uint64_t dropped_ = 0;  // values not kept
    std::uint64_t removals_ = 0;
    std::uint64_t discarded_ = 0; // what was not ours
    std::uint64_t outdated_ = 0;  // entries that a change of the plain key made invalid
};

/// Begins to connect in the background; null when `server` has no address. errc::invalid: the
/// settings cannot work.
[[nodiscard]] result<std::unique_ptr<shared_cache>> open_shared_cache(
    const asio::any_io_executor& executor,
    const settings& server,
    shared_cache_settings chosen
);

} // namespace msd::store::redis
