// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/deadline.hpp"
#include "net/task_group.hpp"
#include "store/goods_repository.hpp"
#include "store/redis/shared_cache.hpp"

#include <asio/any_io_executor.hpp>
#include <asio/awaitable.hpp>
#include <asio/steady_timer.hpp>

#include <cstddef>
#include <cstdint>
#include <deque>
#include <string>
#include <unordered_map>
#include <utility>

namespace msd::services {

// Keeps the plain keys in Redis, which nodes of an existing deployment use, equal to the store: the
// key `<id>` is the product as the JSON object {name, category, price, description}; a product that
// does not exist has no key. Those nodes read the key before they accept a purchase.
//
// Several writers (workers of msd, existing nodes) write the store first and the plain key second,
// in any order. Therefore each change is followed by a verification: the worker reads the store
// again after it wrote the key and repeats both until the key that it wrote last equals the
// store. So the worker that writes the key last detects an outdated value, and the key becomes
// correct. This needs no Redis script and no transaction, so it works with a cluster too.
//
// A write that Redis did not receive is retried until it succeeds. After each new connection the
// recently changed products are verified again, because Redis may have returned with an older
// state.
class legacy_keys {
public:
    static constexpr std::size_t entries_max = 10'000; // products to verify, and recent changes
    static constexpr milliseconds retry_after{500};

    struct settings {
        milliseconds owner_behind{0}; // how old a row that the store reads may be
        milliseconds verified_for{0}; // how long a change is verified again after a connection
    };

    /// `shared` and `goods` must outlive this.
    legacy_keys(
        const asio::any_io_executor& executor,
        store::redis::shared_cache& shared,
        store::goods_repository& goods,
        settings chosen
    );

    /// Deletes the plain key of a product before the product is deleted, so that a worker that is
    /// killed between the two steps leaves no deleted product that can be bought. update() must
    /// follow, whether the deletion succeeds or not.
    asio::awaitable<void> remove(std::int64_t id, deadline until);

    /// Makes the plain key equal to the store, after a write that was or may have been executed.
    asio::awaitable<void> update(std::int64_t id, deadline until);

    /// The same in the background.
    void verify_soon(std::int64_t id);

    /// Verifies the remaining keys, within a short time limit.
    asio::awaitable<void> stop();

    /// Members for the worker's statistics.
    void write_figures(json::writer& out) const;

private:
    struct entry {
        time_point due;
        std::string written = {}; // a digest of what was written last; empty: not known
        int writing = 0;          // writes in flight
    };

    entry* note(std::int64_t id, time_point due);
    void remember(std::int64_t id);
    void notice_return();
    asio::awaitable<void> settle(std::int64_t id, deadline until);
    asio::awaitable<void> settle_due();
    asio::awaitable<void> verify_until_stopped();
    [[nodiscard]] time_point next_due() const;

    store::redis::shared_cache& shared_;
    store::goods_repository& goods_;
    settings settings_;
    net::task_group tasks_;
    asio::steady_timer timer_; // cancelled when an entry is due earlier
    time_point armed_ = time_point::max();
    std::unordered_map<std::int64_t, entry> entries_;        // to verify
    std::deque<std::pair<time_point, std::int64_t>> recent_; // verified again until then
    bool stopping_ = false;
    std::uint64_t connects_seen_ = 0;
    std::uint64_t written_ = 0;
    std::uint64_t failed_ = 0;
    std::uint64_t dropped_ = 0; // changes beyond entries_max
};

} // namespace msd::services
