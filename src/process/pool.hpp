// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/deadline.hpp"
#include "base/result.hpp"
#include "core/restart_policy.hpp"
#include "process/executable.hpp"
#include "process/listen_set.hpp"
#include "process/worker_process.hpp"

#include <cstdint>
#include <deque>
#include <list>
#include <map>
#include <optional>
#include <random>
#include <string>
#include <vector>

namespace msd::process {

struct supervision_settings {
    core::restart_settings restart;
    milliseconds start_timeout{60'000}; // until READY; a worker may ask for as much again (EXTEND)
    milliseconds drain_timeout{30'000};
    milliseconds stop_timeout{5000}; // after STOP or TERM, before KILL
};

// What every worker of a master is started from.
struct launch_plan {
    executable program;
    std::vector<std::string> command_line;
    std::map<std::string, std::uint16_t> ports; // of all pools
};

struct pool_settings {
    std::string name;
    int workers = 1;
    int stop_rank = 0; // pools of a lower rank are gone before the next ones stop
    listen_set listeners;
};

// The workers of one role: as many slots as were asked for, each filled by a process that is
// replaced when it dies. Workers are a list beside the slots, so a slot can have an old and a new
// worker for a while. Starts and signals processes; waiting for what they do is the master's part.
class pool {
public:
    // Why the pool cannot be: the exit code of the master and its reason.
    struct end {
        int exit_code;
        std::string reason;
    };

    struct slot {
        int restarts = 0;
        std::string last_exit;
        std::optional<time_point> start_at; // to be filled then; nothing: filled, or left empty
    };

    pool(pool_settings settings, const supervision_settings& supervision, time_point now);

    /// Starts the workers that are due.
    void start_due(const launch_plan& plan, time_point now);

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

    /// A better configuration is there: fills the slots that were left empty for a bad one.
    void configuration_changed(time_point now);

    void tell_all(core::worker_message::kind what) const;

    /// When start_due() or escalate() has something to do; time_point::max(): not by itself.
    [[nodiscard]] time_point next_due() const;

    [[nodiscard]] const std::string& name() const { return settings_.name; }
    [[nodiscard]] int stop_rank() const { return settings_.stop_rank; }
    [[nodiscard]] const std::string& host() const { return settings_.listeners.host; }
    [[nodiscard]] std::uint16_t port() const { return settings_.listeners.port; }
    [[nodiscard]] std::list<worker_process>& workers() { return workers_; }
    [[nodiscard]] const std::list<worker_process>& workers() const { return workers_; }
    [[nodiscard]] const std::vector<slot>& slots() const { return slots_; }
    [[nodiscard]] std::size_t ready_slots() const;
    [[nodiscard]] bool is_ready() const { return ready_slots() == slots_.size(); }
    [[nodiscard]] bool was_ever_ready() const { return policy_.was_ever_ready(); }
    [[nodiscard]] bool is_stopping() const { return stopping_; }
    [[nodiscard]] const std::optional<end>& ended() const { return end_; }

private:
    [[nodiscard]] result<void> start(std::size_t index, const launch_plan& plan, time_point now);
    void obey(worker_process& worker, const core::worker_message& message, time_point now);
    void judge(const worker_process& dead, int wait_status, time_point now);
    void begin_stopping();

    pool_settings settings_;
    supervision_settings supervision_;
    core::restart_policy policy_;
    std::vector<slot> slots_;
    std::list<worker_process> workers_;
    std::minstd_rand random_;
    std::uint64_t generation_ = 1;
    std::optional<end> end_;
    bool ending_ = false;
    bool stopping_ = false;
};

} // namespace msd::process
