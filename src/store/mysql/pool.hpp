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

// The connections of one worker to one server, and what is known about that server. Calls run on
// a blocking lane and borrow a connection each; the lane has as many threads as there may be
// connections.
//
// A server that cannot be reached, or that let a call time out, is down: calls are refused at once
// until a probe, made by a thread of its own at once and then every 500 ms, was answered. At first
// nothing is known, and calls wait for the first probe. A server that is full is not down: calls
// wait for a connection until their deadline.
//
// Connections are kept most recently used first; above one they close after a second without use,
// so that workers share what a server has. A transaction that had to give way is made again, a call
// on a connection that turns out to be lost is made again on a new one, within the deadline.
class pool {
public:
    static constexpr milliseconds probe_every{500};
    static constexpr milliseconds probe_pause_max{30'000}; // when the schema is what fails
    static constexpr milliseconds idle_closed_after{1000};
    static constexpr milliseconds idle_closed_when_few{100}; // at a server with few connections
    static constexpr milliseconds upkeep_every{60'000};
    static constexpr milliseconds trusted_for{500}; // unused for longer: asked for a sign of life
    static constexpr std::size_t calls_max = 1024;  // beyond: errc::unavailable
    static constexpr int attempts_max = 20;         // of one call
    // What one worker takes of a server's connections: this part at most, and one at least. With
    // less than one for each part, none is kept without use.
    static constexpr std::int64_t shares = 16;

    struct settings {
        asio::any_io_executor executor;
        std::string name; // for the log: "store of goods"
        server_address at;
        int connections_max = 8;
        // There are other servers: what this one is not ready for is better tried there.
        bool one_of_several = false;
        // Called on the probing thread with the first connection after each outage, before any call
        // gets one: brings the schema up to date. May be empty. May be slow.
        // errc::refused: come back soon, calls wait meanwhile.
        std::function<result<void>(connection&)> prepare;
        // Called about once a minute on the same thread, with a connection of its own, while calls
        // are made; and again at once, unless something is more urgent, when it tells that there is
        // more to do. May be empty.
        std::function<bool(connection&)> upkeep;
    };

    // May a call be made again when its connection was lost in the commit?
    enum class repeat : std::uint8_t { unless_committing, always };

    // How a call fared with the server, for those who can try another one.
    struct call_end {
        std::optional<failure> what; // its last failure
        bool maybe_made = false;     // lost in the commit
    };

    explicit pool(settings chosen);
    /// Waits for the calls that run, each at most the server's call_timeout.
    ~pool();
    pool(const pool&) = delete;
    pool& operator=(const pool&) = delete;

    /// Waits for the first probe, at most until `until`. Success says that the pool will do: the
    /// server is up, or down, or not ready yet, which is then logged. errc::invalid: the server
    /// denies access or has a schema that cannot be used.
    asio::awaitable<result<void>> start(deadline until);

    /// Runs `work(connection&)`, which returns result<T> and owns what it touches, on a thread of
    /// the lane; it may be called again after a failure of the connection. errc::unavailable: down,
    /// or too many calls; errc::timeout; errc::cancelled; and what `work` returns. `end`, if not
    /// null, is told before the outcome is there; after a timeout it is the call's alone.
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

    /// Has the server probed and prepared again before the next call.
    void prepare_again();

    /// Calls would be refused.
    [[nodiscard]] bool down() const;
    /// Connections open now, in use or not.
    [[nodiscard]] int connections() const;

private:
    struct state;

    // The tries of one call, on a thread of the lane: borrows connections and decides whether
    // there is another try.
    class attempts {
    public:
        attempts(state& shared, deadline until, repeat when_lost, call_end* end);
        ~attempts();
        attempts(const attempts&) = delete;
        attempts& operator=(const attempts&) = delete;

        /// Null: no connection, why() tells the reason.
        [[nodiscard]] connection* next();
        /// Gives the connection back. True: try again.
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

    std::shared_ptr<state> state_; // shared with calls that outlive their deadline
    net::blocking_lane lane_;
};

} // namespace msd::store::mysql
