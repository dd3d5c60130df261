// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/deadline.hpp"

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <optional>

namespace msd::core {

// What is known about earlier logins, in memory that the workers of a service share. Zeros are no
// knowledge. Its size is constant. Counters are a count-min sketch: nothing is evicted, so nobody
// can erase the failures of a name by failing with many others, and a name gets the failures of
// others only if it shares all its cells with them. Names and clients are hashes under a key that
// clients do not know.
struct login_records {
    using cell = std::atomic<std::uint64_t>;

    static constexpr std::size_t name_rows = 3;
    static constexpr std::size_t names = 32'768; // cells in a row; a power of two, like the others
    static constexpr std::size_t clients = 8192;
    static constexpr std::size_t sets = 16'384;
    static constexpr std::size_t ways = 4; // entries in a set

    std::array<std::array<cell, names>, name_rows> failures; // of names, leaking
    std::array<cell, clients> unsuccessful;                  // replies to clients, leaking
    std::array<std::array<cell, ways>, sets> waits;          // of clients with a name under attack
    std::array<std::array<cell, ways>, sets> successes;      // of clients with a name
};
static_assert(std::atomic<std::uint64_t>::is_always_lock_free, "shared between processes");

// Slows down guessing of passwords without locking anybody out.
//
// A name is under attack when it had more than failures_free wrong passwords lately, from whatever
// clients. From then on each client waits before each attempt with that name, also before its
// first: delay_first after the next failure, doubling with each further one up to delay_max. The
// waits of different clients are independent, so no client can take the turn of another. One
// failure is forgotten every forget_every.
//
// A client that has logged in with the name before is proven and does not wait. It stops being
// proven after proven_failures_max wrong passwords in a row or proven_for.
//
// Times are milliseconds since 1970, because the records outlive the processes. A time in the
// future, after the clock was set back, counts as never.
class login_throttle {
public:
    struct settings {
        int failures_free = 5;
        milliseconds delay_first{1000};
        milliseconds delay_max{30'000}; // 0: no delays
    };

    static constexpr milliseconds forget_every{60'000};
    static constexpr milliseconds proven_for{std::chrono::hours{24 * 30}};
    static constexpr unsigned proven_failures_max = 10;
    static constexpr milliseconds wait_kept{600'000}; // for the next attempt, after a wait is over

    // Unsuccessful replies are held back, so that a client that waits for each reply cannot send
    // requests at full speed.
    static constexpr int unsuccessful_free = 8;
    static constexpr milliseconds unsuccessful_forget_every{2000};
    static constexpr milliseconds hold_step{50};
    static constexpr milliseconds hold_max{1000};

    struct subject {
        std::uint64_t name = 0;
        std::uint64_t client = 0;
        std::uint64_t both = 0; // of the client with the name
    };

    struct verdict {
        bool is_proven = false;
        milliseconds wait{0}; // before the next attempt; 0: the attempt may be made now
    };

    login_throttle(login_records& records, settings chosen)
        : records_{records},
          settings_{chosen} {}

    /// Whether an attempt may be made. If so, the attempt uses up the wait of this client.
    [[nodiscard]] verdict begin(const subject& who, std::int64_t now_ms);
    /// The same without effect: no wait begins and none is used up.
    [[nodiscard]] verdict peek(const subject& who, std::int64_t now_ms) const;

    /// A wrong password. `is_guess`: false for a password that this client has tried before.
    void note_failure(const subject& who, bool is_guess, std::int64_t now_ms);
    void note_success(const subject& who, std::int64_t now_ms);

    /// Any reply to this client other than success.
    void note_unsuccessful(std::uint64_t client, std::int64_t now_ms);
    /// For how long after its request an unsuccessful reply to this client is held back.
    [[nodiscard]] milliseconds hold(std::uint64_t client, std::int64_t now_ms) const;

private:
    using cell = login_records::cell;

    [[nodiscard]] int failures_of(std::uint64_t name, std::int64_t now_ms) const;
    [[nodiscard]] int failures_max() const;
    [[nodiscard]] milliseconds delay_after(int failures) const;
    [[nodiscard]] bool is_proven(std::uint64_t both, std::int64_t now_ms) const;

    login_records& records_;
    settings settings_;
};

} // namespace msd::core
