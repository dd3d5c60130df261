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

// The cache in Redis, shared by the workers of all hosts. An invalidation writes a tombstone that
// expires after some seconds, and values are written with SET NX: a slow writer of an old value
// finds the tombstone. An invalidation that could not be sent to Redis is remembered and sent as
// soon as Redis is back; until then the key is a miss. After each reconnect all invalidations
// younger than the values' time to live are sent again, because Redis may return with an older
// state or be replaced by a replica.
//
// While Redis is unreachable every lookup is a miss at once; the client sees to that.
//
// With settings.legacy_keys, nodes of an existing deployment keep the same things under plain keys
// of their own ("17" for "goods:17") and change them without notifying msd. Then each entry holds
// the version of the plain key's text, a digest, as it was before the owner was asked; an entry is
// valid only while the plain key still has that version. The other nodes write the database first
// and the plain key second, so an entry that was filled from the older row never survives the
// write of the plain key.
class shared_cache final : public cache {
public:
    // How old the owner's answer may be when it is stored, and how long a tombstone lives; both
    // grow by owner_behind.
    static constexpr milliseconds fill_within{5000};
    static constexpr milliseconds mark_stands{10'000};
    static constexpr std::size_t puts_max = 1024; // in flight; more are dropped
    // Limit of the invalidations to be sent and of those that were sent. Beyond it nothing is read
    // from the cache until the oldest value has expired.
    static constexpr std::size_t unsent_max = 10'000;
    static constexpr std::size_t value_bytes_max = 1u << 20; // larger values are not stored

    /// `timeout` limits each call to Redis.
    shared_cache(
        const asio::any_io_executor& executor,
        std::unique_ptr<client> server,
        shared_cache_settings chosen,
        milliseconds timeout
    );

    /// The plain key of existing nodes for the object: the part after the last colon.
    [[nodiscard]] static std::string plain_name_of(std::string_view key);

    asio::awaitable<cached> get(std::string key) override;
    using cache::put;
    /// With legacy_keys a value is kept only with the version that get() reported, and none is kept
    /// when the owner may be behind.
    void put(std::string key, std::optional<std::string> value, question of) override;
    asio::awaitable<bool> remove(std::string key, deadline until) override;
    void removed_elsewhere(std::string key, bool is_sent) override;
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
    /// Grows with each new connection: Redis may have lost earlier writes.
    [[nodiscard]] std::uint64_t connects() const { return server_->counted().connects; }

private:
    asio::awaitable<std::optional<std::string>> plain_version(std::string key, deadline until);
    asio::awaitable<void> store_value(std::string name, std::string text, milliseconds ttl);
    asio::awaitable<bool> mark_removed(std::string key, deadline until);
    asio::awaitable<void> discard(std::string key);
    asio::awaitable<void> remove_outdated(std::string key);
    asio::awaitable<void> send_unsent();
    void record_sent(std::string key);
    void record_unsent(std::string key);
    void rest();
    void notice_return();
    [[nodiscard]] bool is_doubtful(const std::string& key) const;

    std::unique_ptr<client> server_;
    shared_cache_settings settings_;
    milliseconds timeout_; // of one call
    net::task_group tasks_;
    outage_log keeping_{"cache (keeping)"};
    std::unordered_set<std::string> unsent_;
    // Invalidations that were sent, each kept until all values older than it have expired: a Redis
    // that returns, or replaces another, may lack them.
    std::unordered_map<std::string, time_point> sent_;
    std::deque<std::pair<time_point, std::string>> sent_order_;
    time_point sent_overflow_until_ = time_point::min(); // for sent_
    std::uint64_t connects_seen_ = 0;
    time_point nothing_until_ = time_point::min(); // after an overflow: nothing is read until then
    asio::steady_timer news_;                      // cancelled when an invalidation is to be sent
    std::uint64_t hits_ = 0;
    std::uint64_t misses_ = 0;
    std::uint64_t failures_ = 0; // calls without a reply
    std::uint64_t dropped_ = 0;  // values that were not stored
    std::uint64_t removals_ = 0;
    std::uint64_t discarded_ = 0; // entries in another format
    std::uint64_t outdated_ = 0;  // entries that a change of the plain key made invalid
};

/// Starts connecting in the background; null when `server` has no address. errc::invalid: the
/// settings cannot work.
[[nodiscard]] result<std::unique_ptr<shared_cache>> open_shared_cache(
    const asio::any_io_executor& executor,
    const client_settings& server,
    shared_cache_settings chosen
);

} // namespace msd::store::redis
