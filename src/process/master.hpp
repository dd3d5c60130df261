// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/deadline.hpp"
#include "base/result.hpp"
#include "core/recycling.hpp"
#include "process/control_server.hpp"
#include "process/launch_plan.hpp"
#include "process/master_state.hpp"
#include "process/pid_file.hpp"
#include "process/pool.hpp"
#include "process/rolling.hpp"
#include "process/service_manager.hpp"
#include "process/signal_queue.hpp"
#include "process/terminal.hpp"
#include "process/upgrading.hpp"

#include <cstdint>
#include <filesystem>
#include <functional>
#include <list>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace msd::process {

// What is new in a configuration that was read again.
struct reconfiguration {
    supervision_settings supervision;
    std::map<std::string, int> workers;                // of each pool
    std::shared_ptr<const unique_fd> config;           // the file as it was read; empty: none
    std::set<std::string, std::less<>> pools_affected; // their workers read what has changed
};

struct master_settings {
    std::vector<std::string> command_line; // of this process; workers get the same
    std::string program_path;              // where the next version of the program is put
    const pid_file* lock = nullptr;        // outlives the master; null: none
    supervision_settings supervision;
    std::filesystem::path control_socket;
    std::shared_ptr<const unique_fd> config; // see launch_plan
    /// A reload: reads the configuration again and logs what has changed. An error goes to the log,
    /// and everything stays as it was.
    std::function<result<reconfiguration>()> read_configuration;
    /// Every slot of a pool is READY for the first time.
    std::function<void(const pool&)> on_pool_ready = [](const pool&) {
    };
    /// The same for all pools.
    std::function<void()> on_all_ready = [] {
    };
};

// The parent of all workers of one instance: starts them on sockets that are bound already,
// replaces the dead and the hung, rolls to new ones, ends them in order, answers on the control
// socket. One thread, one epoll set, and little memory; what is decided about a death is
// core/restart_policy's, what a pool is like is pool's. Signals: see msd(8).
class master {
public:
    /// `signals` exists since before the sockets of `pools` were bound.
    master(master_settings settings, signal_queue signals, std::vector<pool_settings> pools);
    /// In place of the master that left that state in this process. `pools` are as it names them,
    /// with its listening sockets; every other descriptor is taken over by run().
    master(
        master_settings settings,
        signal_queue signals,
        std::vector<pool_settings> pools,
        master_state left
    );
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
    [[nodiscard]] result<void> open_anew();
    [[nodiscard]] result<void> open_pools();
    [[nodiscard]] result<void> resume(const master_state& left);
    [[nodiscard]] master_state state_to_leave() const;
    [[nodiscard]] result<upgrade_check> ask_new_program();
    void advance_upgrade(time_point now);
    [[nodiscard]] control_server::handler answerer();
    [[nodiscard]] result<shared_plan> next_plan(roll_request::kind what, const shared_plan& before);
    void turn();
    void watch(int fd) const;
    void on_event(int fd, time_point now);
    void on_signal(int number, time_point now);
    void reap(time_point now);
    void on_hangup(time_point now);
    result<void> reconfigure(time_point now);
    void reopen_logs();
    void release_pools();
    void start_due(time_point now);
    void watch_new_workers();
    void look_for_ends(time_point now);
    void look_for_silence(time_point now);
    void recycle(time_point now);
    [[nodiscard]] bool has_configuration(const pool& which) const;
    [[nodiscard]] bool all_have_configuration() const;
    void announce();
    void report(time_point now);
    void begin_stop(mode how, time_point now);
    void stop_next_rank(time_point now);
    [[nodiscard]] bool all_gone() const;
    [[nodiscard]] time_point next_due() const;
    void set_timer() const;
    std::uint64_t roll_all(roll_request::kind what);
    void scale(pool& which, int workers, time_point now);
    [[nodiscard]] pool* find_pool(std::string_view name);
    [[nodiscard]] std::string answer(std::string_view line);
    [[nodiscard]] std::string status() const;
    [[nodiscard]] result<std::uint64_t> obey_roll(std::string_view pool_name);
    [[nodiscard]] result<void> obey_scale(std::string_view pool_name, std::int64_t workers);
    [[nodiscard]] result<std::uint64_t> obey_drain(std::string_view pool_name, std::int64_t slot);
    [[nodiscard]] std::string_view state() const;

    master_settings settings_;
    signal_queue signals_;
    starting_terminal terminal_;
    service_manager manager_;
    std::vector<pool_settings> planned_; // until open_pools()
    std::list<pool> pools_;
    std::vector<bool> announced_; // per pool
    bool all_announced_ = false;
    std::optional<master_state> left_; // by another program, until open()
    std::shared_ptr<board_owner> board_;
    shared_plan plan_; // what the pools began with, or what was rolled last; from open() on
    bool is_configuration_unfinished_ = false; // the roll to what was read last has not succeeded
    std::uint64_t recycling_ = 0;              // the last roll that recycle() asked for; 0: seen
    core::recycling_turns recycling_turns_;
    std::uint64_t last_generation_ = 1;
    rolling rolls_;
    upgrading upgrade_;
    std::unique_ptr<control_server> control_; // from open() on
    unique_fd epoll_;
    unique_fd timer_;
    time_point started_;
    time_point looked_at_;                            // when heartbeats were looked at last …
    time_point awake_since_;                          // … and since when that was done in time
    time_point next_rank_at_ = time_point::max();     // fast stop: no later
    time_point kill_at_ = time_point::max();          // fast stop: whoever is left
    time_point forget_stored_at_ = time_point::max(); // stop: stored sockets are kept until then
    mode mode_ = mode::serving;
    int exit_code_ = 0;
};

} // namespace msd::process
