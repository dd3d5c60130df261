// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/deadline.hpp"
#include "net/task_group.hpp"
#include "net/watchdog.hpp"
#include "upstream/programs.hpp"

#include <asio/awaitable.hpp>

#include <cstddef>
#include <memory>

namespace msd::upstream {

// The active checks of web programs: connects to each endpoint regularly, or sends it a GET, as its
// service's settings say (core/resilience/health_check.hpp). The workers of a host share the work:
// one of them makes each check. Packet services are checked by the connections to them
// (upstreams). Single-threaded.
class program_checks {
public:
    // At once, in one worker; further ones wait.
    static constexpr std::size_t running_max = 64;
    // Of the body of a reply; then the connection is closed, which is no failure.
    static constexpr std::size_t body_bytes_max = std::size_t{64} * 1024;

    /// `of` outlives this, and this the tasks.
    program_checks(net::watchdog& dog, net::task_group& tasks, programs& of);

    void start() { guard_.set(deadline{clock::now()}); }
    /// Begins no further checks.
    void stop();

private:
    // Endpoints that were added meanwhile are found after this time at the latest.
    static constexpr milliseconds look_every{1000};

    void look();
    asio::awaitable<void> check(std::shared_ptr<program_cluster> of, std::size_t index);

    net::task_group& tasks_;
    programs& programs_;
    net::watchdog::guard guard_;
    std::size_t running_ = 0;
    bool is_full_ = false; // checks that are due wait for one that ends
    bool is_stopped_ = false;
};

} // namespace msd::upstream
