// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/deadline.hpp"
#include "net/watchdog.hpp"
#include "wire/auth_packets.hpp"

#include <cstddef>
#include <functional>
#include <list>
#include <string>

namespace msd::node {

// The connections of a worker that was set up with a cluster secret, whose peers have not proven it
// yet. They have little time and memory, and when there are too many, the oldest is closed: a peer
// that holds the secret proves it within one round trip, so it is rarely the oldest.
class unproven_peers {
public:
    static constexpr std::size_t count_max = 1024;
    static constexpr milliseconds proof_limit{5000};
    /// Of input that is not handled yet.
    static constexpr std::size_t bytes_max = wire::auth_bytes_max;

    explicit unproven_peers(net::watchdog& dog, milliseconds limit = proof_limit);

    // The place of one connection, from accept until its peer is proven or it ends.
    class place {
    public:
        /// `close` is called once when the time is over or the place is needed. It may destroy
        /// this.
        place(unproven_peers& among, std::function<void()> close);
        ~place();
        place(const place&) = delete;
        place& operator=(const place&) = delete;

    private:
        friend class unproven_peers;
        unproven_peers& among_;
        std::function<void()> close_;
        time_point until_;
        std::list<place*>::iterator at_;
        bool is_listed_ = true;
    };

    [[nodiscard]] std::size_t count() const { return all_.size(); }

private:
    void close_oldest();
    void close_overdue();

    milliseconds limit_;
    net::watchdog::guard guard_;
    std::list<place*> all_; // in the order of their times
};

// Logs connections that are refused for want of the cluster secret: the first lines of a period,
// and then their number, so that an attacker does not fill the log.
class refusal_log {
public:
    static constexpr int lines_max = 5;
    static constexpr milliseconds period{10'000};

    void add(const std::string& text, time_point now);
    [[nodiscard]] std::uint64_t count() const { return count_; }

private:
    time_point began_ = time_point::min();
    int lines_ = 0;
    std::uint64_t left_out_ = 0;
    std::uint64_t count_ = 0;
};

} // namespace msd::node
