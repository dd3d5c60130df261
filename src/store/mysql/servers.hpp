// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/deadline.hpp"
#include "base/result.hpp"
#include "core/recent_writes.hpp"
#include "core/server_choice.hpp"
#include "store/mysql/pool.hpp"
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

// What a call is about, so that it is read where it was written: the number or the hash of a key;
// nullopt: everything.
using thing = std::optional<std::uint64_t>;

// The servers that hold one database: one, a primary with replicas, or the nodes of a cluster.
// Each has a pool and is watched; core::server_choice says which of them takes a call. A call that
// one server could not do, and certainly has not done, is made again on another within its
// deadline: what was lost in a commit only if it is known to be done once. Belongs to the loop's
// thread. A single server is neither watched nor chosen.
class servers {
public:
    // Reads from a replica leave so much of their time for a second try at the primary.
    static constexpr int replica_share_percent = 50;

    struct settings {
        asio::any_io_executor executor;
        std::string name;                      // for the log: "store of goods"
        std::vector<server_address> at;        // in the order of preference; the replicas last
        std::size_t replicas = 0;              // so many of them are there to be read from
        milliseconds lag_max{2000};            // how old a replica's data may be
        int connections_max = 8;               // to each
        core::recent_writes* writes = nullptr; // outlives this; must be there with replicas
        // pool::settings::prepare of the server that takes writes. May be empty.
        std::function<result<void>(connection&, const server_address&)> prepare;
        // pool::settings::upkeep of the server that takes writes. May be empty.
        std::function<bool(connection&)> upkeep;
    };

    explicit servers(settings chosen);
    ~servers();
    servers(const servers&) = delete;
    servers& operator=(const servers&) = delete;

    /// As pool::start(); with several servers success says that one takes writes, or that all were
    /// asked, or that `until` passed.
    asio::awaitable<result<void>> start(deadline until);

    /// pool::run() where `what` can be read; `work` must be copyable, for it may be called on
    /// several servers.
    template <class F>
    asio::awaitable<std::invoke_result_t<F&, connection&>>
    read(thing what, deadline until, F work) {
        return run({.what = what}, until, std::move(work));
    }

    /// The same where writes go, for what must be the latest.
    template <class F>
    asio::awaitable<std::invoke_result_t<F&, connection&>> read_latest(deadline until, F work) {
        return run({.latest = true}, until, std::move(work));
    }

    /// pool::run() where writes go; `what` was written then, unless that certainly failed.
    template <class F>
    asio::awaitable<std::invoke_result_t<F&, connection&>>
    write(thing what, deadline until, pool::repeat when_lost, F work) {
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

    /// No call would be made, and the log says why.
    [[nodiscard]] bool down() const;

private:
    struct state;

    // How a call is to be made.
    struct wish {
        bool latest = false; // only where writes go
        thing what = std::nullopt;
        pool::repeat when_lost = pool::repeat::always;
        bool* maybe_made = nullptr; // set by a call to one of several that may not have failed
    };

    // The servers that one call is tried on.
    class route {
    public:
        route(servers& among, wish wanted) : among_{&among}, wanted_{wanted} {}

        /// nullopt: there is none.
        [[nodiscard]] std::optional<std::size_t> next();
        [[nodiscard]] deadline limit(deadline until) const;
        /// Learns from a try; true: try another server.
        [[nodiscard]] bool again(const error& failed, const pool::call_end& end, deadline until);
        /// What to answer when there is no server, or none any more.
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
            const auto end = std::make_shared<pool::call_end>();
            const auto limit = where.limit(until);
            auto copy = work;
            auto outcome = co_await pools_[*at]->run(limit, wanted.when_lost, std::move(copy), end);
            if (outcome || !where.again(outcome.error(), *end, until)) {
                co_return outcome;
            }
        }
    }

    void note(thing what);
    [[nodiscard]] pool::settings pool_settings(std::size_t server);
    [[nodiscard]] bool is_replica(std::size_t server) const;

    const settings chosen_;
    std::shared_ptr<state> state_; // null: a single server
    std::vector<std::unique_ptr<pool>> pools_;
    std::vector<std::unique_ptr<server_watch>> watches_;
};

} // namespace msd::store::mysql
