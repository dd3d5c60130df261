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

// Sends the log lines of this worker to the logs service, as POST /logs that nobody answers. While
// no instance takes them they wait; the oldest are dropped first and counted. Never in the way of
// the work: a line is a push to a queue, from whatever thread it comes.
class log_shipper {
public:
    static constexpr std::size_t lines_max = 1000;

    /// Both must outlive it.
    log_shipper(asio::any_io_executor executor, upstreams& services);
    /// Ends the shipping; what still waits is dropped.
    ~log_shipper();
    log_shipper(const log_shipper&) = delete;
    log_shipper& operator=(const log_shipper&) = delete;

    /// Tries again what waits: an instance may have come.
    void wake();

    [[nodiscard]] std::uint64_t dropped() const;

private:
    void push(std::string_view line);
    void post_sending(); // with the mutex held
    void send_waiting();

    asio::any_io_executor executor_;
    upstreams& services_;
    mutable std::mutex mutex_; // lines come from the blocking lanes' threads too
    std::deque<std::string> waiting_;
    std::uint64_t dropped_ = 0;
    bool posted_ = false;
    std::shared_ptr<bool> alive_;
};

} // namespace msd::roles
