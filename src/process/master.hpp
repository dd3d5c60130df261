// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/deadline.hpp"
#include "base/result.hpp"
#include "core/recycling.hpp"
#include "process/control_server.hpp"
#include "process/launch_plan.hpp"
#include "process/master_state.hpp"
#include "process/pid_file.hpp"
#include "process/reloading.hpp"
#include "process/rolling.hpp"
#include "process/service_manager.hpp"
#include "process/signal_queue.hpp"
#include "process/terminal.hpp"
#include "process/upgrading.hpp"
#include "process/worker_pool.hpp"

#include <cstdint>
#include <filesystem>
#include <functional>
#include <list>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace msd::process {

struct master_settings {
    std::vector<std::string> command_line; // of this process; workers get the same
    std::string program_path;              // where the next version of the program is put
    const pid_file* lock = nullptr;        // outlives the master; null: none
    supervision_settings supervision;
    std::filesystem::path control_socket;
    std::shared_ptr<const unique_fd> config; // see launch_plan
    /// A reload: reads the configuration again and logs what has changed. On an error its text is
    /// logged and nothing changes.
    std::function<result<reconfiguration>()> read_configuration;
    /// Called when every slot of a pool is READY for the first time.
    std::function<void(const worker_pool&)> on_pool_ready = [](const worker_pool&) {
    };
    /// Called when that is so for all pools.
    std::function<void()> on_all_ready = [] {
    };
};

// The parent process of all workers of one instance. It starts workers on sockets that are bound
// already, replaces dead and hung workers, rolls out new programs, stops the pools in order and
// answers on the control socket. It has one thread, one epoll set and little memory.
// core/restart_policy decides what follows a worker's death; the state of a pool is in `pool`.
// Signals: see msd(8).
class master {
public:
    /// `signals` was constructed before the sockets of `pools` were bound.
    master(master_settings settings, signal_queue signals, std::vector<pool_settings> pools);
    /// Continues the master that this process executed before and that left the state `left`.
    /// `pools` are the pools of that state with its listening sockets; run() takes over all other
    /// descriptors.
    master(
        master_settings settings,
        signal_queue signals,
        std::vector<pool_settings> pools,
        master_state left
    );
    ~master();
    master(const master&) = delete;
    master& operator=(const master&) = delete;

    /// Runs until a stop is requested and every worker has ended. Returns the exit code: 0 after a
    /// stop, 70 when a pool never got ready, 78 when its configuration is the reason. Error: the
    /// control socket or the program cannot be opened; then no worker was started.
    [[nodiscard]] result<int> run();

private:
    enum class mode : std::uint8_t { serving, stopping, stopping_fast };

    [[nodiscard]] result<void> open();
    [[nodiscard]] result<void> open_anew();
    [[nodiscard]] result<void> open_pools();
    [[nodiscard]] result<void> resume(const master_state& left);
    [[nodiscard]] master_state state_for_successor() const;
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
    [[nodiscard]] reloading::actions reload_actions();
    [[nodiscard]] result<std::uint64_t> reload(time_point now);
    void advance_reload(time_point now);
    void adopt(reconfiguration& read, time_point now);
    void hold_rolls();
    void reopen_logs();
    void release_pools();
    void start_due(time_point now);
    void watch_new_workers();
    void look_for_ends(time_point now);
    void look_for_silence(time_point now);
    void recycle(time_point now);
    [[nodiscard]] bool has_configuration(const worker_pool& which) const;
    [[nodiscard]] bool all_have_configuration() const;
    void announce();
    void report(time_point now);
    void begin_stop(mode how, time_point now);
    void stop_next_rank(time_point now);
    [[nodiscard]] bool all_gone() const;
    [[nodiscard]] time_point next_due() const;
    void set_timer() const;
    std::uint64_t roll_all(roll_request::kind what);
    void scale(worker_pool& which, int workers, time_point now);
    [[nodiscard]] worker_pool* find_pool(std::string_view name);
    [[nodiscard]] std::string answer(std::string_view line);
    [[nodiscard]] std::string status() const;
    [[nodiscard]] result<std::uint64_t> start_roll(std::string_view pool_name);
    [[nodiscard]] result<void> change_scale(std::string_view pool_name, std::int64_t workers);
    [[nodiscard]] result<std::uint64_t> start_drain(std::string_view pool_name, std::int64_t slot);
    [[nodiscard]] std::string_view state() const;

    master_settings settings_;
    signal_queue signals_;
    starting_terminal terminal_;
    service_manager manager_;
    std::vector<pool_settings> planned_; // until open_pools()
    std::list<worker_pool> pools_;
    std::vector<bool> announced_; // per pool
    bool all_announced_ = false;
    std::optional<master_state> inherited_; // by another program, until open()
    std::shared_ptr<board_owner> board_;
    shared_plan plan_; // what the pools began with, or what was rolled last; from open() on
    bool is_configuration_unfinished_ = false; // the roll to what was read last has not succeeded
    std::uint64_t recycling_ = 0;              // the last roll that recycle() asked for; 0: seen
    core::recycling_turns recycling_turns_;
    std::uint64_t last_generation_ = 1;
    rolling rolls_;
    reloading reloads_;
    upgrading upgrade_;
    std::unique_ptr<control_server> control_; // from open() on
    unique_fd epoll_;
    unique_fd timer_;
    time_point started_;
    time_point looked_at_;                            // when heartbeats were checked last …
    time_point awake_since_;                          // … and since when the checks were in time
    time_point next_rank_at_ = time_point::max();     // fast stop: the next rank stops then
    time_point kill_at_ = time_point::max();          // fast stop: remaining workers get KILL then
    time_point forget_stored_at_ = time_point::max(); // stop: stored sockets are kept until then
    mode mode_ = mode::serving;
    int exit_code_ = 0;
};

} // namespace msd::process
