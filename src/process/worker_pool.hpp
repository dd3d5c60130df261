// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/deadline.hpp"
#include "base/result.hpp"
#include "core/recycling.hpp"
#include "core/restart_policy.hpp"
#include "process/board_line.hpp"
#include "process/launch_plan.hpp"
#include "process/listen_set.hpp"
#include "process/master_state.hpp"
#include "process/plan_table.hpp"
#include "process/worker_process.hpp"

#include <cstdint>
#include <list>
#include <memory>
#include <optional>
#include <random>
#include <string>
#include <string_view>
#include <vector>

namespace msd::process {

struct supervision_settings {
    core::restart_settings restart;
    milliseconds start_timeout{60'000}; // until READY, or EXTEND
    milliseconds drain_timeout{30'000};
    milliseconds stop_timeout{5000};       // after STOP or TERM, before KILL
    milliseconds soak{2000};               // READY for so long, a new worker replaces the old one
    milliseconds heartbeat_every{1000};    // interval at which a worker's event loop reports
    milliseconds heartbeat_timeout{15000}; // without a report for so long, the worker hangs
    milliseconds abort_grace{5000};        // after ABRT, before KILL
    milliseconds upgrade_timeout{10'000};  // for a new program to say whether it can take over
    milliseconds configure_timeout{5000};  // for a worker to apply a configuration file
    core::recycling_limits recycle;
};

struct pool_settings {
    std::string name;
    int workers = 1;
    int workers_max = 1024; // scale() goes no further
    // Pools of a lower rank have ended before the next ones stop. They start in the reverse order:
    // a pool waits until every pool of a higher rank has had a READY worker.
    int stop_rank = 0;
    bool hands_over = false; // a new worker takes the state of the one before it over (HAND_OVER)
    listen_set listeners;
};

// The workers of one role: a number of slots, each with a worker process that is replaced when it
// dies. The list of workers is separate from the slots, because there are more workers than slots
// while a slot is rolled and while a worker of a removed slot drains. The pool starts and signals
// processes; the master waits for events.
class worker_pool {
public:
    // Why the pool cannot run: the exit code of the master and its reason.
    struct end {
        int exit_code;
        std::string reason;
    };

    struct slot {
        shared_plan plan; // that its workers are started from
        int restarts = 0;
        bool was_ready = false;
        std::string last_exit;     // of a worker that was not told to stop
        std::string candidate_end; // why the last candidate failed
        std::optional<time_point>
            start_at;            // when a worker is started; nothing: it has one, or stays empty
        bool is_stopped = false; // its last worker ended with exit code 0, without a successor
    };

    // Progress of replacing the old worker of a slot by a candidate.
    enum class retirement : std::uint8_t { under_way, done, refused };

    worker_pool(
        pool_settings settings,
        const supervision_settings& supervision,
        std::shared_ptr<board_owner> board,
        const shared_plan& plan,
        time_point now
    );

    /// For resume(). Without candidates: no roll may be active.
    [[nodiscard]] pool_state state(plan_table& plans) const;
    /// Continues with the state that the earlier program in this process left; for a pool that has
    /// started no worker. The pool owns the workers' descriptors from here on. errc::invalid: two
    /// workers have the same line of the scoreboard.
    [[nodiscard]] result<void>
    resume(const pool_state& left, const std::vector<shared_plan>& plans);

    /// No worker is started until release(). For a pool that has started nothing.
    void hold() { is_held_ = true; }
    void release() { is_held_ = false; }
    [[nodiscard]] bool is_held() const { return is_held_; }
    /// Some slot has had a READY worker.
    [[nodiscard]] bool has_served() const;

    /// Starts the workers that are due.
    void start_due(time_point now);

    /// Reads the control channel of `worker`, which is one of workers().
    void receive_from(worker_process& worker, time_point now);

    /// Handles the end of a process. False when it is not a worker of this pool.
    bool reaped(pid_t pid, int wait_status, time_point now);

    /// The instance is going to stop: a worker that ends with exit code 0 from here on got a signal
    /// (to the whole process group) and is not replaced. A worker that crashes still is.
    void expect_end() { ending_ = true; }

    /// The service manager has copies of the listening sockets and uses them after this instance.
    void share_listeners() { settings_.listeners.is_our_own = false; }

    /// Starts the drain of all workers: the sockets are closed and no worker is replaced any more.
    void drain(time_point now);
    /// The same with one second for requests in flight; workers that run at `kill_at` get KILL.
    void stop(time_point kill_at);

    /// Signals workers that exceed the time limit of their phase: TERM, then KILL.
    void escalate(time_point now);

    /// Sends ABRT to workers without a heartbeat for the heartbeat timeout, and KILL to stopped
    /// ones (state T). Time before `since` does not count.
    void abort_hung(time_point since, time_point now);

    /// Sets the number of slots, 1 … settings.workers_max. Workers of new slots start from `plan`,
    /// workers of removed slots drain.
    void scale(int workers, const shared_plan& plan, time_point now);

    /// Starts a second worker for the slot. It may end by itself: see candidate().
    [[nodiscard]] result<void>
    start_candidate(std::size_t index, const shared_plan& plan, time_point now);
    /// Null when it has ended; slots()[index].candidate_end has the reason.
    [[nodiscard]] const worker_process* candidate(std::size_t index) const;
    /// Whether its event loop had a heartbeat before and has missed two since.
    [[nodiscard]] bool has_missed_heartbeats(const worker_process& worker, time_point now) const;
    /// Makes the candidate the worker of the slot and tells the old worker to drain or, in a pool
    /// that hands over, to hand over: see retirement_of().
    void retire_old(std::size_t index, time_point now);
    /// refused: the old worker continues, so discard the candidate; candidate_end has the reason.
    [[nodiscard]] retirement retirement_of(std::size_t index, time_point now);
    void discard_candidate(std::size_t index, time_point now);

    /// A slot whose worker exceeds a limit of settings.recycle.
    [[nodiscard]] std::optional<std::size_t> slot_to_recycle() const;

    /// Replacements of workers start with this configuration file. The running workers stay: its
    /// changes do not concern them, or they have applied them. No roll of this pool may be active.
    /// False: no descriptor is free, and the slots keep the file that they have.
    [[nodiscard]] bool adopt_configuration(const std::shared_ptr<const unique_fd>& config);

    /// Sends CONFIGURE with that file. False: `file` is empty, or the channel of `worker` is full
    /// or closed.
    [[nodiscard]] static bool
    configure(worker_process& worker, std::uint64_t number, const unique_fd* file, time_point now);
    /// Replaces `worker`, which is one of workers(), by one that starts from the plan of its slot.
    void replace(worker_process& worker, time_point now);

    /// Applies it, and fills the slots that are empty because of a configuration error.
    void configuration_changed(const supervision_settings& supervision, time_point now);

    void send_to_all(core::worker_message::kind what) const;

    /// When start_due() or escalate() has something to do; time_point::max(): no time is set.
    [[nodiscard]] time_point next_due() const;

    [[nodiscard]] const std::string& name() const { return settings_.name; }
    [[nodiscard]] const pool_settings& settings() const { return settings_; }
    [[nodiscard]] int stop_rank() const { return settings_.stop_rank; }
    [[nodiscard]] const std::string& host() const { return settings_.listeners.host; }
    [[nodiscard]] std::uint16_t port() const { return settings_.listeners.port; }
    [[nodiscard]] std::list<worker_process>& workers() { return workers_; }
    [[nodiscard]] const std::list<worker_process>& workers() const { return workers_; }
    [[nodiscard]] const std::vector<slot>& slots() const { return slots_; }
    [[nodiscard]] std::size_t ready_slots() const;
    [[nodiscard]] bool is_ready() const { return ready_slots() == slots_.size(); }
    /// True when a slot whose worker was READY or has failed before has no READY worker.
    [[nodiscard]] bool is_degraded() const;
    [[nodiscard]] bool is_stopping() const { return stopping_; }
    [[nodiscard]] const std::optional<end>& ended() const { return end_; }

private:
    [[nodiscard]] result<worker_process*>
    start(std::size_t index, const shared_plan& plan, unique_fd handover, time_point now);
    [[nodiscard]] worker_description describe(std::size_t index, const launch_plan& plan) const;
    [[nodiscard]] worker_process* find_candidate(std::size_t index);
    [[nodiscard]] worker_process* find_incumbent(std::size_t index);
    [[nodiscard]] std::vector<bool> served() const;
    void apply(worker_process& worker, const core::worker_message& message, time_point now);
    void note_configured(worker_process& worker, const core::worker_message& message) const;
    void limit_messages(worker_process& worker, time_point now) const;
    void hand_over(worker_process& incumbent, worker_process& candidate, time_point now);
    void settle(std::size_t index, time_point now);
    void note_ready(const worker_process& worker, time_point now);
    void retry_left_empty(time_point now);
    [[nodiscard]] int recycle_spread();
    void weigh(worker_process& worker) const;
    [[nodiscard]] milliseconds beats_every(const worker_process& worker) const;
    [[nodiscard]] milliseconds heartbeat_limit(const worker_process& worker) const;
    void end_worker(worker_process& worker, time_point now, std::string_view text = {}) const;
    /// Starts a worker in the slot when every worker there except `but` is leaving.
    void fill(std::size_t index, const worker_process* but, time_point now);
    void candidate_ended(const worker_process& dead, std::string why, time_point now);
    void judge(const worker_process& dead, int wait_status, time_point now);
    void begin_stopping();

    pool_settings settings_;
    supervision_settings supervision_;
    std::shared_ptr<board_owner> board_;
    core::restart_policy policy_;
    std::vector<slot> slots_;
    std::list<worker_process> workers_;
    std::minstd_rand random_;
    std::optional<end> end_;
    bool is_held_ = false;
    bool ending_ = false;
    bool stopping_ = false;
};

} // namespace msd::process
