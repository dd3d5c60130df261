// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "plan.hpp"
#include "tally.hpp"

#include <cstdint>
#include <deque>
#include <limits>
#include <random>
#include <string>

namespace load {

constexpr micros never = std::numeric_limits<micros>::max();

// One client: it sends a request, waits for the reply, pauses and starts again. It does not retry a
// failed request. Before it reuses a connection it checks whether the server has closed it, as HTTP
// clients do. The owner calls on_event() for events of the socket, and on_time() regularly.
class client {
public:
    struct place {
        std::size_t group;
        int number; // within the group
        std::uint32_t id;
    };

    client(place where, const plan& all, tally& counts, int epoll);
    ~client();
    client(const client&) = delete;
    client& operator=(const client&) = delete;

    /// A held client connects; any other client sends its first request.
    void start(micros now);
    void on_event(micros now);
    /// Sends a request that is due; ends a request that exceeds its time limit.
    void on_time(micros now);
    [[nodiscard]] micros due() const;

    /// Sends no new request; is_idle() becomes true after the last reply.
    void stop() { stopping_ = true; }
    [[nodiscard]] bool is_idle() const { return outstanding_.empty(); }
    [[nodiscard]] bool is_open() const { return fd_ >= 0 && !connecting_; }
    [[nodiscard]] std::uint64_t requests_used() const { return next_; }

private:
    enum class scan : std::uint8_t { more, reply, bad };

    void begin(micros now);
    void connect_now(micros now);
    void connected(micros now);
    void write_some();
    void read_some(micros now);
    scan scan_reply(micros now);
    void judge(int status, std::string_view body, micros now);
    void ended(int reason, micros now);
    void count_unasked(micros now);
    void fail_all(failure kind, int detail, micros now);
    void rest(micros now);
    void close_socket();
    [[nodiscard]] bool still_stands(micros now);
    void watch(std::uint32_t events) const;

    place where_;
    const plan& all_;
    const group& group_;
    tally& counts_;
    int epoll_;
    std::minstd_rand random_;
    int fd_ = -1;
    int local_port_ = 0;
    bool connecting_ = false;
    bool closing_ = false; // a reply had Connection: close
    bool stopping_ = false;
    std::deque<std::uint64_t> outstanding_; // requests without a reply
    std::uint64_t next_ = 0;
    micros due_at_ = never; // of the next request
    micros asked_at_ = 0;   // when the outstanding requests were due
    std::string out_;
    std::size_t sent_ = 0;
    std::string in_;
};

} // namespace load
