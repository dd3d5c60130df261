// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/deadline.hpp"
#include "base/result.hpp"
#include "net/blocking_lane.hpp"
#include "store/mysql/connection.hpp"

#include <asio/any_io_executor.hpp>
#include <asio/awaitable.hpp>

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <type_traits>
#include <utility>

namespace msd::store::mysql {

// The connections of one worker to one server, and the state of that server. Calls run on a
// blocking lane and borrow a connection each; the lane has as many threads as the limit of
// connections.
//
// A server that is unreachable, or on which a call timed out, is down: calls fail at once until a
// probe succeeds. A separate thread, the keeper, probes at once and then every 500 ms. Before the
// first probe calls wait for it. A server without a free connection is not down: calls wait for a
// connection until their deadline.
//
// The most recently used connection is borrowed first. All but one are closed after a second
// without use, so that workers share the server's connections. Within the deadline, an aborted
// transaction is repeated, and a call whose connection was lost is repeated on a new connection.
class connection_pool {
public:
    static constexpr milliseconds probe_every{500};
    static constexpr milliseconds probe_pause_max{30'000}; // while the migration fails
    static constexpr milliseconds idle_closed_after{1000};
    static constexpr milliseconds idle_closed_when_few{100}; // at a server with few connections
    static constexpr milliseconds upkeep_every{60'000};
    static constexpr milliseconds trusted_for{500}; // unused for longer: pinged before use
    static constexpr std::size_t calls_max = 1024;  // beyond: errc::unavailable
    static constexpr int attempts_max = 20;         // of one call
    // One worker uses at most this fraction of a server's connections, and at least one. If a
    // fraction is less than one connection, unused connections are closed soon.
    static constexpr std::int64_t shares = 16;

    struct settings {
        asio::any_io_executor executor;
        std::string name; // for the log: "store of goods"
        server_address at;
        int connections_max = 8;
        // There are other servers: calls that this one is not ready for are tried there.
        bool one_of_several = false;
        // Called on the keeper's thread with the first connection after each outage, before calls
        // get one: migrates the schema. May be empty. May be slow. errc::refused: it is called
        // again soon, and calls wait until then.
        std::function<result<void>(connection&)> prepare;
        // Called about once a minute on the same thread with a separate connection, while calls are
        // made. When it returns true, there is more to do and it is called again at once, unless
        // something is more urgent. May be empty.
        std::function<bool(connection&)> upkeep;
    };

    // Whether a call may be repeated when its connection was lost during COMMIT.
    enum class repeat : std::uint8_t { unless_committing, always };

    // How a call ended at the server, for callers that can try another server.
    struct call_end {
        std::optional<failure> what; // the last failure
        bool maybe_made = false;     // the connection was lost during COMMIT
    };

    explicit connection_pool(settings chosen);
    /// Waits for running calls, each at most for the server's call_timeout.
    ~connection_pool();
    connection_pool(const connection_pool&) = delete;
    connection_pool& operator=(const connection_pool&) = delete;

    /// Waits for the first probe or until `until`. Succeeds also when the server is down or not
    /// ready, which is logged. errc::invalid: the server denies access, or its schema cannot be
    /// used.
    asio::awaitable<result<void>> start(deadline until);

    /// Runs `work(connection&)` on a thread of the lane. `work` returns result<T>, owns everything
    /// it uses, and may be called again after a failure of the connection. errc::unavailable: the
    /// server is down, or there are too many calls; errc::timeout; errc::cancelled; and the errors
    /// of `work`. `end`, if not null, is set before this returns; after errc::timeout the call
    /// still uses it and the caller must not read it.
    template <class F>
    asio::awaitable<std::invoke_result_t<F&, connection&>>
    run(deadline until, repeat when_lost, F work, std::shared_ptr<call_end> end = nullptr) {
        if (auto down = refusal()) {
            if (end) {
                end->what = failure{failure_kind::unreachable, 0};
            }
            co_return tl::unexpected{std::move(*down)};
        }
        const auto begun = clock::now();
        auto call =
            [shared = state_, until, when_lost, work = std::move(work), end = std::move(end)](
            ) mutable -> std::invoke_result_t<F&, connection&> {
            attempts tries{*shared, until, when_lost, end.get()};
            for (;;) {
                connection* const on = tries.next();
                if (on == nullptr) {
                    return tl::unexpected{tries.why()};
                }
                auto outcome = work(*on);
                if (!tries.again(outcome.has_value())) {
                    return outcome;
                }
            }
        };
        auto outcome = co_await lane_.run(until, std::move(call));
        if (!outcome && outcome.error().code == errc::timeout) {
            timed_out(begun);
        }
        co_return outcome;
    }

    /// Probes and prepares the server again before the next call.
    void prepare_again();

    /// Whether calls fail at once.
    [[nodiscard]] bool down() const;
    /// Number of open connections, used or not.
    [[nodiscard]] int connections() const;

private:
    struct state;

    // The attempts of one call on a thread of the lane: borrows connections and decides whether the
    // call is repeated.
    class attempts {
    public:
        attempts(state& shared, deadline until, repeat when_lost, call_end* end);
        ~attempts();
        attempts(const attempts&) = delete;
        attempts& operator=(const attempts&) = delete;

        /// Null: there is no connection; why() has the reason.
        [[nodiscard]] connection* next();
        /// Returns the connection to the pool. True: repeat the call.
        [[nodiscard]] bool again(bool succeeded);
        [[nodiscard]] const error& why() const { return why_; }

    private:
        [[nodiscard]] bool decide(const connection& used, failure what) const;
        void give_back();

        state& shared_;
        const deadline until_;
        const repeat when_lost_;
        call_end* const end_; // may be null
        std::optional<connection> lent_;
        time_point lent_at_;
        int made_ = 0;
        int lost_ = 0;
        error why_;
    };

    [[nodiscard]] std::optional<error> refusal() const;
    void timed_out(time_point begun);

    std::shared_ptr<state> state_; // shared with calls that run past their deadline
    net::blocking_lane lane_;
};

} // namespace msd::store::mysql
