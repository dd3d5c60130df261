// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "roles/upstreams.hpp"

#include <asio/any_io_executor.hpp>

#include <cstdint>
#include <deque>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>

namespace msd::roles {

// Sends the log lines of this worker to the logs service as POST /logs, which has no reply. Lines
// wait while no instance takes them; when the queue is full, the oldest are dropped and counted.
// Logging never waits for the network: any thread only pushes its line to a queue.
class log_shipper {
public:
    static constexpr std::size_t lines_max = 1000;

    /// Both must outlive this object.
    log_shipper(asio::any_io_executor executor, upstreams& services);
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
    upstreams& services_;
    mutable std::mutex mutex_; // the threads of blocking lanes log, too
    std::deque<std::string> waiting_;
    std::uint64_t dropped_ = 0;
    bool posted_ = false;
    std::shared_ptr<bool> alive_;
};

} // namespace msd::roles
