// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/deadline.hpp"
#include "base/result.hpp"
#include "net/task_group.hpp"
#include "services/service.hpp"

#include <asio/awaitable.hpp>
#include <asio/steady_timer.hpp>

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <utility>

namespace msd::store::redis {
class shared_cache;
}

namespace msd::services {

// Announces changes of products to all caches: to the shared cache before and after a write, so
// that a worker that is killed between the two leaves no stale value; to connected callers after
// the write. While the outcome of a write is unknown, the change is announced repeatedly, for
// doubt_lasts at most.
class goods_changes {
public:
    // How often, and for how long, a change with an unknown outcome is announced.
    static constexpr milliseconds doubt_every{3000};
    static constexpr milliseconds doubt_lasts{60'000};
    static constexpr std::size_t doubts_max = 1000; // changes beyond this are announced once

    explicit goods_changes(const service_context& context);
    ~goods_changes();
    goods_changes(const goods_changes&) = delete;
    goods_changes& operator=(const goods_changes&) = delete;

    /// Connects to the shared cache, if there is one. errc::invalid: the settings cannot work.
    [[nodiscard]] result<void> start();
    asio::awaitable<void> stop();

    /// Call before a write. Marks the product as removed in the shared cache; waits for the cache
    /// at most half of the time that is left, because the write needs the rest. Returns until when
    /// the cache refuses values that were read before the write; time_point::min(): the cache does
    /// not have the mark.
    asio::awaitable<time_point> begins(std::int64_t id, deadline until);

    // The outcome of a write.
    struct end {
        const result<std::int64_t>* outcome; // as the store returned it
        time_point known_until;              // as begins() returned it
        deadline until;                      // of the request
    };

    /// Call after a write that was or may have been executed.
    asio::awaitable<void> ended(std::int64_t id, end how);

    /// The cache that all workers share; null: there is none. Until stop().
    [[nodiscard]] store::redis::shared_cache* shared() const { return shared_.get(); }

    /// Called for each product whose write may have been executed or may be executed later, each
    /// time its change is announced.
    void on_doubt(std::function<void(std::int64_t)> called) { on_doubt_ = std::move(called); }

    /// Members for the worker's statistics.
    void write_figures(json::writer& out) const;

private:
    asio::awaitable<bool> remove(std::int64_t id, deadline until);
    asio::awaitable<void> announce(std::int64_t id, bool known, deadline until);
    asio::awaitable<void> announce_doubtful();

    service_context context_;
    std::unique_ptr<store::redis::shared_cache> shared_; // null: there is none
    net::task_group tasks_;
    asio::steady_timer doubt_timer_;
    std::map<std::int64_t, time_point> doubts_; // announced again until then
    std::function<void(std::int64_t)> on_doubt_;
    std::uint64_t announced_ = 0;
};

} // namespace msd::services
