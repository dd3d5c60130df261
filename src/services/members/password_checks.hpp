// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/deadline.hpp"
#include "base/json.hpp"
#include "base/result.hpp"
#include "core/fair_queue.hpp"
#include "core/login_throttle.hpp"
#include "net/blocking_lane.hpp"
#include "services/service.hpp"
#include "store/shared_logins.hpp"

#include <asio/any_io_executor.hpp>
#include <asio/awaitable.hpp>

#include <array>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string_view>
#include <type_traits>
#include <unordered_map>
#include <utility>

namespace msd::services {

// Runs the hashing of passwords, which costs more than everything else that a client can ask for.
// It is done on two threads of low priority, in the order of core::fair_queue, so that a client or
// a name with many requests delays the others by one hash each. core::login_throttle slows attempts
// on a name after failures. Unsuccessful replies to a client with many of them are held back, so
// that 200 connections that wait for their replies send 200 requests a second.
class password_checks {
public:
    struct settings {
        asio::any_io_executor executor;
        std::filesystem::path data_dir; // for what the workers share
        core::login_throttle::settings throttle;
        std::size_t requests_in_flight_max = 1024; // of the worker; a quarter may be held back
    };

    // A request of a client that concerns the password of a name.
    struct attempt {
        core::login_throttle::subject who;
        time_point arrived;
        bool is_proven = false; // the client has logged in with this name before
    };

    enum class work : std::uint8_t {
        member,   // the password of a member
        unknown,  // a name that does not exist; all names of a client count as one
        creation, // of a member; all names of a client count as one
    };

    explicit password_checks(settings chosen);
    password_checks(const password_checks&) = delete;
    password_checks& operator=(const password_checks&) = delete;
    ~password_checks() = default;

    /// Opens the records that the workers share. When that fails, this worker has its own, which is
    /// logged. errc::unavailable: there is no memory for them.
    [[nodiscard]] result<void> start();
    /// Waits for hashes that are being made.
    void stop() { lane_.stop(); }

    /// `client` is the address of the client; empty if it is not known. All addresses of an IPv6
    /// network of 64 bits are one client.
    [[nodiscard]] attempt recognize(std::string_view client, std::string_view name) const;

    /// A digest of a password that was tried for a name, for the next two functions. `hash` is the
    /// stored hash, so that a new password of the member makes new digests.
    [[nodiscard]] std::uint64_t
    digest_of(const attempt& made, std::string_view hash, std::string_view password) const;

    /// The reply when an attempt needs no check: the password was found to be wrong before, or the
    /// client has to wait (429). nullopt: check the password; the attempt is counted as begun.
    [[nodiscard]] std::optional<reply> reply_unchecked(attempt& made, std::uint64_t digest);

    /// Records the outcome of a check.
    void note_wrong(const attempt& made, std::uint64_t digest);
    void note_right(const attempt& made);

    /// Makes `hashing`, a function that returns result<T> and owns everything it uses, when it is
    /// the turn of the attempt. errc::refused: too many attempts of the client or for the name are
    /// waiting. errc::unavailable, errc::timeout, errc::cancelled: as net::blocking_lane, or the
    /// queue is full, or the request is no longer wanted. `asked` lives until this returns.
    template <class F>
    asio::awaitable<std::invoke_result_t<F&>>
    run(attempt made, work what, const call* asked, F hashing) {
        const auto turn = co_await wait_for_turn(&made, what, asked->until);
        if (!turn) {
            co_return tl::unexpected{turn.error()};
        }
        const held_turn held{*this, made.arrived};
        if (!asked->is_wanted()) {
            co_return fail(errc::cancelled, "the client has left");
        }
        auto outcome = co_await lane_.run(asked->until, std::move(hashing));
        co_return outcome;
    }

    /// The reply for an error of run(): 429 or 503.
    [[nodiscard]] static reply failure_of(const error& why);

    /// Returns `answer`, an unsuccessful reply, and counts it. Returns it later when the client has
    /// had many of them. `as_checked`: not before a check would have ended.
    asio::awaitable<reply>
    hold_back(attempt made, reply answer, deadline until, bool as_checked = false);

    /// Members for the statistics of the worker.
    void write_figures(json::writer& out) const;

private:
    struct waiter;

    // A turn that was granted: gives the next one at its end.
    struct held_turn {
        held_turn(password_checks& from, time_point begun) : checks{from}, since{begun} {}
        ~held_turn() { checks.end_turn(since); }
        held_turn(const held_turn&) = delete;
        held_turn& operator=(const held_turn&) = delete;
        password_checks& checks;
        time_point since;
    };

    asio::awaitable<result<void>> wait_for_turn(const attempt* made, work what, deadline until);
    void end_turn(time_point since);
    [[nodiscard]] std::uint64_t hash(std::string_view kind, std::string_view text) const;

    static constexpr std::size_t known_wrong_max = 4096;

    settings settings_;
    std::optional<store::shared_logins> shared_; // from start() on, like the next one
    std::optional<core::login_throttle> throttle_;
    core::fair_queue queue_;
    std::unordered_map<std::uint64_t, waiter*> waiting_; // by the id of their tasks
    std::uint64_t last_id_ = 0;
    int running_ = 0;
    std::size_t held_ = 0; // replies
    std::uint64_t refused_ = 0;
    milliseconds typical_{30}; // from the arrival of an attempt to the end of its check
    store::shared_logins::hash_key own_key_{}; // of this process
    std::array<std::uint64_t, known_wrong_max> known_wrong_{};
    net::blocking_lane lane_; // declared last: its threads end first
};

} // namespace msd::services
