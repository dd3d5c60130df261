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
    milliseconds heartbeat_every{1000};    // how often a worker's event loop says that it turns
    milliseconds heartbeat_timeout{15000}; // silent for so long, it hangs
    milliseconds abort_grace{5000};        // after ABRT, before KILL
    milliseconds upgrade_timeout{10'000};  // for a new program to say whether it can take over
    core::recycling_limits recycle;
};

struct pool_settings {
    std::string name;
    int workers = 1;
    int workers_max = 1024; // scale() goes no further
    // Pools of a lower rank are gone before the next ones stop. They start in the reverse order: a
    // pool waits until every pool of a higher rank has had a READY worker.
    int stop_rank = 0;
    bool hands_over = false; // a new worker takes the state of the one before it over (HAND_OVER)
    listen_set listeners;
};

// The workers of one role: as many slots as were asked for, each filled by a process that is
// replaced when it dies. Workers are a list beside the slots: while a slot is handed from an old
// worker to a new one, or a slot that was scaled away drains, there are more of them than slots.
// Starts and signals processes; waiting for what they do is the master's part.
class pool {
public:
    // Why the pool cannot be: the exit code of the master and its reason.
    struct end {
        int exit_code;
        std::string reason;
    };

    struct slot {
        shared_plan plan; // its workers are started from
        int restarts = 0;
        bool was_ready = false;
        std::string last_exit;              // of a worker nobody had told to leave
        std::string candidate_end;          // why the last candidate came to nothing
        std::optional<time_point> start_at; // to be filled then; nothing: filled, or left empty
        bool is_stopped = false;            // its last worker ended in order and has no successor
    };

    // How far the old worker of a slot is with leaving it to a candidate.
    enum class retirement : std::uint8_t { under_way, done, refused };

    pool(
        pool_settings settings,
        const supervision_settings& supervision,
        std::shared_ptr<board_owner> board,
        const shared_plan& plan,
        time_point now
    );

    /// For resume(). Without candidates: no roll may be active.
    [[nodiscard]] pool_state state(plan_table& plans) const;
    /// Goes on as another program in this process left it; for a pool that has started nothing. The
    /// descriptors of the workers are this one's from now on. errc::invalid: two workers have one
    /// line of the scoreboard.
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
    void hear_from(worker_process& worker, time_point now);

    /// A process ended; false when it is none of this pool.
    bool reaped(pid_t pid, int wait_status, time_point now);

    /// The instance is going to stop: a worker that leaves by itself from now on was told so by
    /// somebody else (a signal to the whole process group) and is not replaced. One that crashes
    /// still is.
    void expect_end() { ending_ = true; }

    /// Finish and leave: the pool's sockets close, nobody is replaced any more.
    void drain(time_point now);
    /// The same within a second; whoever is left at `kill_at` is killed.
    void stop(time_point kill_at);

    /// Ends the patience with workers whose time is over: TERM, then KILL.
    void escalate(time_point now);

    /// ABRT for workers whose event loop has not turned for the heartbeat timeout, KILL for stopped
    /// ones. Silence before `since` does not count.
    void end_silent(time_point since, time_point now);

    /// `workers` slots from now on, 1 … settings.workers_max: new ones start from `plan`, workers
    /// of slots that go are drained.
    void scale(int workers, const shared_plan& plan, time_point now);

    /// A second worker for the slot. It comes to nothing by itself: see candidate().
    [[nodiscard]] result<void>
    start_candidate(std::size_t index, const shared_plan& plan, time_point now);
    /// Nullptr: it has ended; slots()[index].candidate_end says why.
    [[nodiscard]] const worker_process* candidate(std::size_t index) const;
    /// Whether its event loop, which has turned before, missed two of its beats.
    [[nodiscard]] bool is_silent(const worker_process& worker, time_point now) const;
    /// The candidate of the slot is its worker from now on, the one before it is told to drain or,
    /// in a pool that hands over, to hand over: ask retirement_of().
    void retire_old(std::size_t index, time_point now);
    /// refused: the old worker goes on, so the candidate has to go; candidate_end says why.
    [[nodiscard]] retirement retirement_of(std::size_t index, time_point now);
    void discard_candidate(std::size_t index, time_point now);

    /// One whose worker has done or holds more than settings.recycle allows.
    [[nodiscard]] std::optional<std::size_t> slot_to_recycle() const;

    /// Replacements of workers start with this configuration file, whose changes mean nothing to
    /// the workers that run: they stay. No roll may be active.
    void adopt_configuration(const std::shared_ptr<const unique_fd>& config);

    /// Applies it, and fills the slots that were left empty for a bad configuration.
    void configuration_changed(const supervision_settings& supervision, time_point now);

    void tell_all(core::worker_message::kind what) const;

    /// When start_due() or escalate() has something to do; time_point::max(): not by itself.
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
    /// Some slot that was filled once, or failed to be, has no READY worker.
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
    void obey(worker_process& worker, const core::worker_message& message, time_point now);
    void hand_over(worker_process& incumbent, worker_process& candidate, time_point now);
    void settle(std::size_t index, time_point now);
    void note_ready(const worker_process& worker, time_point now);
    void retry_left_empty(time_point now);
    [[nodiscard]] int recycle_spread();
    void weigh(worker_process& worker) const;
    [[nodiscard]] milliseconds beats_every(const worker_process& worker) const;
    [[nodiscard]] milliseconds patience_with(const worker_process& worker) const;
    void let_go(worker_process& worker, time_point now, std::string_view text = {}) const;
    /// A slot in which, without `but`, everybody leaves gets a worker.
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
