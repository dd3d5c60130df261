// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/deadline.hpp"
#include "base/result.hpp"
#include "base/unique_fd.hpp"
#include "process/board_line.hpp"
#include "process/launch_plan.hpp"
#include "process/master_state.hpp"
#include "process/plan_table.hpp"
#include "process/pool_settings.hpp"
#include "process/slot_candidates.hpp"
#include "process/worker_limits.hpp"
#include "process/worker_messages.hpp"
#include "process/worker_process.hpp"
#include "process/worker_set.hpp"

#include <cstdint>
#include <list>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace msd::process {

// The workers of one role: a number of slots, each with a worker process that is replaced when it
// dies (core/restart_policy). The pool decides when workers start and end, and what follows a
// death; the master waits for events. Each other job has a class: worker_set starts and ends
// processes, worker_messages handles what workers send, worker_limits finds those that exceed a
// limit, and slot_candidates replaces workers in a roll.
class worker_pool {
public:
    // Why the pool cannot run: the exit code of the master and its reason.
    struct end {
        int exit_code;
        std::string reason;
    };

    using slot = worker_set::slot;

    // Workers that ended and are replaced, by what ended them, since this program runs the master.
    struct replacements {
        std::uint64_t exits = 0;   // by themselves
        std::uint64_t signals = 0; // from elsewhere: a crash, an operator, a lack of memory
        std::uint64_t kills = 0;   // by the master: they hung, or exceeded a limit
    };

    worker_pool(
        pool_settings settings,
        const supervision_settings& supervision,
        std::shared_ptr<board_owner> board,
        const shared_plan& plan,
        time_point now
    );
    worker_pool(const worker_pool&) = delete;
    worker_pool& operator=(const worker_pool&) = delete;

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

    /// Handles the end of a process. False when it is not a worker of this pool.
    bool reaped(pid_t pid, int wait_status, time_point now);

    /// The instance is going to stop: a worker that ends with exit code 0 from here on got a signal
    /// (to the whole process group) and is not replaced. A worker that crashes still is.
    void expect_end() { ending_ = true; }

    /// See worker_set.
    void share_listeners() { set_.share_listeners(); }

    /// Starts the drain of all workers: the sockets are closed and no worker is replaced any more.
    void drain(time_point now);
    /// The same with one second for requests in flight; workers that run at `kill_at` get KILL.
    void stop(time_point kill_at);

    /// Sets the number of slots, 1 … settings.workers_max. Workers of new slots start from `plan`,
    /// workers of removed slots drain.
    void scale(int workers, const shared_plan& plan, time_point now);

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

    [[nodiscard]] slot_candidates& candidates() { return candidates_; }
    [[nodiscard]] worker_limits& limits() { return limits_; }
    [[nodiscard]] const worker_limits& limits() const { return limits_; }
    [[nodiscard]] worker_messages& messages() { return messages_; }

    /// When start_due() or limits().escalate() has something to do; time_point::max(): no time is
    /// set.
    [[nodiscard]] time_point next_due() const;

    [[nodiscard]] const std::string& name() const { return set_.name(); }
    [[nodiscard]] const pool_settings& settings() const { return set_.settings(); }
    [[nodiscard]] int stop_rank() const { return settings().stop_rank; }
    [[nodiscard]] const std::string& host() const { return settings().listeners.host; }
    [[nodiscard]] std::uint16_t port() const { return settings().listeners.port; }
    [[nodiscard]] std::list<worker_process>& workers() { return set_.workers(); }
    [[nodiscard]] const std::list<worker_process>& workers() const { return set_.workers(); }
    [[nodiscard]] const std::vector<slot>& slots() const { return set_.slots(); }
    [[nodiscard]] std::size_t ready_slots() const;
    [[nodiscard]] bool is_ready() const { return ready_slots() == slots().size(); }
    /// True when a slot whose worker was READY or has failed before has no READY worker.
    [[nodiscard]] bool is_degraded() const;
    [[nodiscard]] bool is_stopping() const { return set_.is_stopping(); }
    [[nodiscard]] const replacements& replaced() const { return replaced_; }
    [[nodiscard]] const std::optional<end>& ended() const { return end_; }

private:
    [[nodiscard]] std::vector<bool> served() const;
    void judge(const worker_process& dead, int wait_status, time_point now);

    worker_set set_;
    slot_candidates candidates_{set_};
    worker_limits limits_{set_};
    worker_messages messages_{set_, limits_};
    std::optional<end> end_;
    replacements replaced_;
    bool is_held_ = false;
    bool ending_ = false;
};

} // namespace msd::process
