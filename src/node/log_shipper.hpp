// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "core/rate_quota.hpp"
#include "upstream/upstreams.hpp"

#include <asio/any_io_executor.hpp>

#include <cstdint>
#include <deque>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>

namespace msd::node {

// Sends the log lines of this worker to the logs service as POST /logs, which has no reply. Lines
// wait while no instance takes them; when the queue is full, the oldest are dropped and counted.
// Logging never waits for the network: any thread only pushes its line to a queue.
//
// Shipping cannot feed itself: lines that are logged while a line is sent are not shipped, dropped
// lines are counted and not logged, and at most lines_per_s lines are shipped over time, also when
// the answers of a hostile logs service make this worker log.
class log_shipper {
public:
    static constexpr std::size_t lines_max = 1000;
    static constexpr std::uint64_t lines_per_s = 100; // lines_max of them at once

    /// Both must outlive this object.
    log_shipper(asio::any_io_executor executor, upstream::upstreams& services);
    /// Stops shipping; lines that still wait are dropped.
    ~log_shipper();
    log_shipper(const log_shipper&) = delete;
    log_shipper& operator=(const log_shipper&) = delete;

    /// Tries to send the waiting lines: an instance may have become reachable.
    void wake();

    [[nodiscard]] std::uint64_t dropped() const;

private:
    void push(std::string_view line);
    void post_sending(); // with the mutex held
    void send_waiting();

    asio::any_io_executor executor_;
    upstream::upstreams& services_;
    mutable std::mutex mutex_; // the threads of blocking lanes log, too
    core::rate_quota quota_{{.each_per_s = lines_per_s}};
    std::deque<std::string> waiting_;
    std::uint64_t dropped_ = 0;
    bool posted_ = false;
    std::shared_ptr<bool> alive_;
};

} // namespace msd::node
