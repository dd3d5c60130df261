// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/deadline.hpp"
#include "base/result.hpp"
#include "base/unique_fd.hpp"
#include "core/restart_policy.hpp"
#include "process/board_line.hpp"
#include "process/launch_plan.hpp"
#include "process/pool_settings.hpp"
#include "process/worker_process.hpp"

#include <cstddef>
#include <list>
#include <memory>
#include <optional>
#include <random>
#include <string>
#include <string_view>
#include <vector>

namespace msd::process {

// The slots of a pool and the workers in them: it starts workers and tells them to end. The list of
// workers is separate from the slots, because there are more workers than slots while a slot is
// rolled and while a worker of a removed slot drains. What follows a death, a message, an exceeded
// limit or a roll is decided by worker_pool, worker_messages, worker_limits and slot_candidates.
class worker_set {
public:
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

    worker_set(
        pool_settings settings,
        const supervision_settings& supervision,
        std::shared_ptr<board_owner> board,
        const shared_plan& plan,
        time_point now
    );

    /// Starts a worker in the slot. `handover`: of a candidate, its end for the old worker.
    [[nodiscard]] result<worker_process*>
    start(std::size_t index, const shared_plan& plan, unique_fd handover, time_point now);
    /// Adds a worker that an earlier program in this process started. errc::invalid: another worker
    /// has its line of the scoreboard.
    [[nodiscard]] result<worker_process*> adopt(std::size_t line);
    /// Starts a worker in the slot soon when every worker there except `but` is ending.
    void fill(std::size_t index, const worker_process* but, time_point now);
    /// Tells `worker` to drain, or to stop when it is not READY and so has no requests to finish.
    void end(worker_process& worker, time_point now, std::string_view text = {}) const;
    /// The slot of `worker` has a READY worker. Also retries slots that are empty because of a
    /// configuration error: this worker started with the same configuration.
    void note_ready(const worker_process& worker, time_point now);
    /// Fills the slots that are empty because of a configuration error.
    void retry_left_empty(time_point now);
    /// Sets the number of slots. Workers of new slots start from `plan`; workers of removed slots
    /// stay.
    void resize(std::size_t wanted, const shared_plan& plan, time_point now);
    /// Closes the listening sockets: first no connection can begin any more, then the workers take
    /// those in the queues, so that whatever the kernel has accepted is served. No worker is
    /// started in a slot any more.
    void stop_listening();
    /// The service manager has copies of the listening sockets and uses them after this instance.
    void share_listeners() { settings_.listeners.is_our_own = false; }

    void set_supervision(const supervision_settings& supervision);

    [[nodiscard]] const std::string& name() const { return settings_.name; }
    [[nodiscard]] const pool_settings& settings() const { return settings_; }
    [[nodiscard]] const supervision_settings& supervision() const { return supervision_; }
    [[nodiscard]] bool is_stopping() const { return stopping_; }
    [[nodiscard]] std::vector<slot>& slots() { return slots_; }
    [[nodiscard]] const std::vector<slot>& slots() const { return slots_; }
    [[nodiscard]] std::list<worker_process>& workers() { return workers_; }
    [[nodiscard]] const std::list<worker_process>& workers() const { return workers_; }
    [[nodiscard]] core::restart_policy& policy() { return policy_; }
    [[nodiscard]] const core::restart_policy& policy() const { return policy_; }
    [[nodiscard]] std::minstd_rand& random() { return random_; }

private:
    [[nodiscard]] worker_description describe(std::size_t index, const launch_plan& plan) const;
    [[nodiscard]] worker_process& add(board_line line);

    pool_settings settings_;
    supervision_settings supervision_;
    std::shared_ptr<board_owner> board_;
    core::restart_policy policy_;
    std::vector<slot> slots_;
    std::list<worker_process> workers_;
    std::minstd_rand random_;
    bool stopping_ = false;
};

} // namespace msd::process
