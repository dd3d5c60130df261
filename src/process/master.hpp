// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/deadline.hpp"
#include "base/result.hpp"
#include "process/announcements.hpp"
#include "process/control_commands.hpp"
#include "process/control_server.hpp"
#include "process/event_set.hpp"
#include "process/launch_plans.hpp"
#include "process/master_meters.hpp"
#include "process/master_state.hpp"
#include "process/pid_file.hpp"
#include "process/recycler.hpp"
#include "process/reloading.hpp"
#include "process/rolling.hpp"
#include "process/service_manager.hpp"
#include "process/signal_queue.hpp"
#include "process/status.hpp"
#include "process/stopping.hpp"
#include "process/terminal.hpp"
#include "process/upgrading.hpp"
#include "process/worker_pool.hpp"
#include "process/worker_questions.hpp"

#include <cstdint>
#include <filesystem>
#include <functional>
#include <list>
#include <memory>
#include <optional>
#include <string>
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

// The parent process of all workers of one instance. It has one thread, one epoll set and little
// memory. The master waits for events and passes them on to the part that handles them: a
// worker_pool for each role starts and replaces workers, rolling, reloading and upgrading change
// what they run, stopping ends them in order, control_commands answers `msd ctl`. Signals: see
// msd(8).
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
    [[nodiscard]] result<void> open();
    [[nodiscard]] result<void> open_anew();
    [[nodiscard]] result<void> open_pools();
    [[nodiscard]] result<void> resume(const master_state& left);
    [[nodiscard]] master_state state_for_successor() const;
    [[nodiscard]] result<upgrade_check> ask_new_program();
    void advance_upgrade(time_point now);
    [[nodiscard]] control_server::handler answerer();
    [[nodiscard]] control_commands::actions command_actions();
    [[nodiscard]] reloading::actions reload_actions();
    void turn();
    void on_event(int fd, time_point now);
    void on_signal(int number, time_point now);
    void on_hangup(time_point now);
    void reap(time_point now);
    [[nodiscard]] result<std::uint64_t> reload(time_point now);
    void advance_reload(time_point now);
    [[nodiscard]] worker_questions::answer_to answer_receiver();
    void adopt(reconfiguration& read, time_point now);
    void hold_rolls();
    void reopen_logs();
    void release_pools();
    void start_due(time_point now);
    void watch_new_workers();
    void look_for_ends(time_point now);
    void look_for_silence(time_point now);
    void report(time_point now);
    void begin_stop(stopping::mode how, time_point now);
    [[nodiscard]] time_point next_due() const;
    std::uint64_t roll_all(roll_request::kind what);
    void scale(worker_pool& which, int workers, time_point now);
    [[nodiscard]] instance_facts facts() const;

    master_settings settings_;
    signal_queue signals_;
    starting_terminal terminal_;
    service_manager manager_;
    std::vector<pool_settings> planned_; // until open_pools()
    std::list<worker_pool> pools_;
    std::optional<master_state> inherited_; // by another program, until open()
    std::shared_ptr<board_owner> board_;
    std::optional<master_meters> meters_; // from open() on
    launch_plans plans_;
    rolling rolls_;
    recycler recycler_;
    reloading reloads_;
    upgrading upgrade_;
    stopping stop_;
    announcements announced_;
    worker_questions questions_;
    control_commands commands_;
    std::unique_ptr<control_server> control_; // from open() on
    event_set events_;
    time_point started_;
    time_point looked_at_;   // when heartbeats were checked last …
    time_point awake_since_; // … and since when the checks were in time
    int exit_code_ = 0;
};

} // namespace msd::process
