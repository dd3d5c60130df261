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

// Keeps the plain keys of a Redis that nodes of an existing deployment use equal to the store:
// under
// `<id>` the product as the JSON object {name, category, price, description}, no key for a product
// that does not exist. Those nodes look there before they accept a purchase.
//
// Several writers (workers of msd, existing nodes) write the store first and the plain key second,
// in any order. Therefore each change is followed by a verification: the worker reads the store
// again after it wrote the key and repeats both until the key it wrote last is what the store
// says. Whoever writes the key last finds out that it is outdated, so the key ends up right. It
// needs no script and no transaction of Redis, so it works with a cluster too.
//
// What Redis could not be told is tried again until it succeeds. After each new connection the
// products changed lately are verified again, because Redis may have come back with an older state.
class legacy_keys {
public:
    static constexpr std::size_t entries_max = 10'000; // products to verify; and changed lately
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

    /// Deletes the plain key of a product that is about to be deleted: a worker that is killed
    /// between the two leaves no deleted product that can be bought. update() must follow, whatever
    /// becomes of the deletion.
    asio::awaitable<void> remove(std::int64_t id, deadline until);

    /// Makes the plain key what the store says, after a write that was done, or may have been done.
    asio::awaitable<void> update(std::int64_t id, deadline until);

    /// The same in the background.
    void verify_soon(std::int64_t id);

    /// Verifies what is left, as far as that is possible within a moment.
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
    asio::steady_timer timer_; // cancelled when an entry is due before it fires
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
