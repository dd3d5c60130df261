// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/deadline.hpp"
#include "base/result.hpp"
#include "process/control_server.hpp"
#include "process/pool.hpp"
#include "process/service_manager.hpp"
#include "process/signal_queue.hpp"

#include <cstdint>
#include <filesystem>
#include <functional>
#include <list>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace msd::process {

struct master_settings {
    std::vector<std::string> command_line; // of this process; workers get the same
    supervision_settings supervision;
    std::filesystem::path control_socket;
    /// HUP: what a worker started now would find. Its text goes to the log.
    std::function<result<void>()> check_configuration = [] {
        return result<void>{};
    };
    /// Every slot of a pool is READY for the first time.
    std::function<void(const pool&)> on_pool_ready = [](const pool&) {
    };
    /// The same for all pools.
    std::function<void()> on_all_ready = [] {
    };
};

// The parent of all workers of one instance: starts them on sockets that are bound already,
// replaces the dead, ends them in order, answers on the control socket. One thread, one epoll set,
// no library that would make its memory or its fork() expensive; what is decided about a death is
// core/restart_policy's, what a pool is like is pool's. Signals: see msd(8).
class master {
public:
    /// `signals` exists since before the sockets of `pools` were bound.
    master(master_settings settings, signal_queue signals, std::vector<pool_settings> pools);
    ~master();
    master(const master&) = delete;
    master& operator=(const master&) = delete;

    /// Runs until it is told to stop and every worker is gone. The exit code: 0 after a stop, 70
    /// when a pool never got ready, 78 when its configuration is why. Errors: the control socket or
    /// the program itself cannot be opened; nothing was started then.
    [[nodiscard]] result<int> run();

private:
    enum class mode : std::uint8_t { serving, stopping, stopping_fast };

    [[nodiscard]] result<void> open();
    void turn();
    void watch(int fd) const;
    void on_event(int fd, time_point now);
    void on_signal(int number, time_point now);
    void reap(time_point now);
    void check_configuration(time_point now);
    void reopen_logs();
    void start_due(time_point now);
    void look_for_ends(time_point now);
    void announce();
    void begin_stop(mode how, time_point now);
    void stop_next_rank(time_point now);
    [[nodiscard]] bool all_gone() const;
    [[nodiscard]] time_point next_due() const;
    void set_timer() const;
    [[nodiscard]] std::string answer(std::string_view command) const;
    [[nodiscard]] std::string_view state() const;

    master_settings settings_;
    signal_queue signals_;
    service_manager manager_;
    std::list<pool> pools_;
    std::vector<bool> announced_; // per pool
    bool all_announced_ = false;
    std::unique_ptr<launch_plan> plan_; // both from open() on
    std::unique_ptr<control_server> control_;
    unique_fd epoll_;
    unique_fd timer_;
    time_point started_;
    time_point next_rank_at_ = time_point::max(); // fast stop: no later
    time_point kill_at_ = time_point::max();      // fast stop: whoever is left
    mode mode_ = mode::serving;
    std::string_view told_state_;
    int exit_code_ = 0;
};

} // namespace msd::process
