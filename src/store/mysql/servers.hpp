// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/deadline.hpp"
#include "base/result.hpp"
#include "core/recent_writes.hpp"
#include "core/server_choice.hpp"
#include "store/mysql/connection_pool.hpp"
#include "store/mysql/server_watch.hpp"

#include <asio/any_io_executor.hpp>
#include <asio/awaitable.hpp>

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

namespace msd::store::mysql {

// What a call reads or writes, so that reads are made where the last write is visible: the number
// or the hash of a key; nullopt: everything.
using thing = std::optional<std::uint64_t>;

// The servers of one database: a single server, a primary with replicas, or the nodes of a cluster.
// Each has a pool and is watched; core::server_choice selects the server for a call. A call that
// failed on one server, and was certainly not executed, is repeated on another one within its
// deadline; a call whose connection was lost during COMMIT is repeated only if it has an
// idempotency key. Used by the loop's thread. A single server is not watched.
class servers {
public:
    // The share of a read's time that a replica may use; the rest is for a retry at the primary.
    static constexpr int replica_share_percent = 50;

    struct settings {
        asio::any_io_executor executor;
        std::string name;                      // for the log: "store of goods"
        std::vector<server_address> at;        // in the order of preference; replicas come last
        std::size_t replicas = 0;              // number of replicas
        milliseconds lag_max{2000};            // maximum age of data read from a replica
        int connections_max = 8;               // per server
        core::recent_writes* writes = nullptr; // required with replicas; outlives this object
        // pool::settings::prepare of the server that accepts writes. May be empty.
        std::function<result<void>(connection&, const server_address&)> prepare;
        // pool::settings::upkeep of the server that accepts writes. May be empty.
        std::function<bool(connection&)> upkeep;
    };

    explicit servers(settings chosen);
    ~servers();
    servers(const servers&) = delete;
    servers& operator=(const servers&) = delete;

    /// As pool::start(). With several servers it succeeds when one accepts writes, when all were
    /// queried, or when `until` has passed.
    asio::awaitable<result<void>> start(deadline until);

    /// pool::run() on a server where `what` can be read. `work` must be copyable, because it may be
    /// called on several servers.
    template <class F>
    asio::awaitable<std::invoke_result_t<F&, connection&>>
    read(thing what, deadline until, F work) {
        return run({.what = what}, until, std::move(work));
    }

    /// The same on the server that accepts writes, for reads that must see all writes.
    template <class F>
    asio::awaitable<std::invoke_result_t<F&, connection&>> read_latest(deadline until, F work) {
        return run({.latest = true}, until, std::move(work));
    }

    /// pool::run() on the server that accepts writes. Records a write to `what`, unless the call
    /// has certainly failed.
    template <class F>
    asio::awaitable<std::invoke_result_t<F&, connection&>>
    write(thing what, deadline until, connection_pool::repeat when_lost, F work) {
        bool maybe_made = false;
        wish wanted;
        wanted.latest = true;
        wanted.when_lost = when_lost;
        wanted.maybe_made = &maybe_made;
        auto outcome = co_await run(wanted, until, std::move(work));
        if (outcome || maybe_made) {
            note(what);
        }
        co_return outcome;
    }

    /// Whether calls fail at once; the reason was logged.
    [[nodiscard]] bool down() const;

private:
    struct state;

    // How a call is executed.
    struct wish {
        bool latest = false; // only on the server that accepts writes
        thing what = std::nullopt;
        connection_pool::repeat when_lost = connection_pool::repeat::always;
        bool* maybe_made = nullptr; // set when a failed call may have been executed
    };

    // Selects the servers on which one call is attempted.
    class route {
    public:
        route(servers& among, wish wanted) : among_{&among}, wanted_{wanted} {}

        /// The server for the next attempt; nullopt: there is none.
        [[nodiscard]] std::optional<std::size_t> next();
        [[nodiscard]] deadline limit(deadline until) const;
        /// Evaluates a failed attempt; true: try another server.
        [[nodiscard]] bool
        again(const error& failed, const connection_pool::call_end& end, deadline until);
        /// The error for the caller when no server is left.
        [[nodiscard]] error why() const;

    private:
        [[nodiscard]] bool learn(const failure& what, bool maybe_made);

        servers* among_;
        wish wanted_;
        std::size_t at_ = 0;
        bool at_replica_ = false;
        std::vector<std::size_t> tried_;
        std::optional<error> last_;
    };

    template <class F>
    asio::awaitable<std::invoke_result_t<F&, connection&>>
    run(wish wanted, deadline until, F work) {
        if (!state_) {
            auto outcome = co_await pools_[0]->run(until, wanted.when_lost, std::move(work));
            co_return outcome;
        }
        route where{*this, wanted};
        for (;;) {
            const auto at = where.next();
            if (!at) {
                co_return tl::unexpected{where.why()};
            }
            const auto end = std::make_shared<connection_pool::call_end>();
            const auto limit = where.limit(until);
            auto copy = work;
            auto outcome = co_await pools_[*at]->run(limit, wanted.when_lost, std::move(copy), end);
            if (outcome || !where.again(outcome.error(), *end, until)) {
                co_return outcome;
            }
        }
    }

    void note(thing what);
    [[nodiscard]] connection_pool::settings pool_settings(std::size_t server);
    [[nodiscard]] bool is_replica(std::size_t server) const;

    const settings chosen_;
    std::shared_ptr<state> state_; // null: a single server
    std::vector<std::unique_ptr<connection_pool>> pools_;
    std::vector<std::unique_ptr<server_watch>> watches_;
};

} // namespace msd::store::mysql
