// SPDX-License-Identifier: Apache-2.0
#include "process/pool.hpp"

#include "base/log.hpp"

#include <sys/wait.h>

#include <algorithm>
#include <csignal>
#include <utility>

namespace msd::process {

namespace {

constexpr int exit_given_up = 70;

int exit_code_of(int wait_status) {
    return WIFEXITED(wait_status) ? WEXITSTATUS(wait_status) : -1;
}

} // namespace

pool::pool(pool_settings settings, const supervision_settings& supervision, time_point now)
    : settings_{std::move(settings)},
      supervision_{supervision},
      policy_{supervision.restart, static_cast<std::size_t>(settings_.workers)},
      slots_(static_cast<std::size_t>(settings_.workers)),
      random_{std::random_device{}()} {
    for (slot& each : slots_) {
        each.start_at = now;
    }
}

void pool::start_due(const launch_plan& plan, time_point now) {
    if (stopping_) {
        return;
    }
    for (std::size_t index = 0; index < slots_.size(); ++index) {
        slot& due = slots_[index];
        if (!due.start_at || *due.start_at > now) {
            continue;
        }
        due.start_at.reset();
        if (const auto made = start(index, plan, now); !made) {
            // No process or descriptor to be had. Nothing died, so nothing counts: a pause.
            log::error("{}/{}: {}", name(), index, made.error().text);
            due.start_at = now + supervision_.restart.backoff_first;
        }
    }
}

result<void> pool::start(std::size_t index, const launch_plan& plan, time_point now) {
    worker_description description;
    description.pool = name();
    description.slot = static_cast<int>(index);
    description.workers = settings_.workers;
    description.generation = generation_;
    description.host = host();
    description.port = port();
    description.ports = plan.ports;
    for (const unique_fd& socket : settings_.listeners.sockets) {
        description.listeners.push_back(socket.get());
    }
    auto made = plan.program.start(plan.command_line, std::move(description));
    if (!made) {
        return tl::unexpected{std::move(made.error())};
    }
    worker_process& worker = workers_.emplace_back();
    worker.pid = made->pid;
    worker.control = std::move(made->control);
    worker.slot = index;
    worker.generation = generation_;
    worker.started = now;
    worker.act_at = now + supervision_.start_timeout;
    return {};
}

void pool::hear_from(worker_process& worker, time_point now) {
    for (const core::worker_message& message : hear(worker)) {
        obey(worker, message, now);
    }
}

void pool::obey(worker_process& worker, const core::worker_message& message, time_point now) {
    using kind = core::worker_message::kind;
    const bool starting = worker.now_is == worker_process::phase::starting;
    if (message.what == kind::ready && starting) {
        worker.now_is = worker_process::phase::ready;
        worker.act_at = time_point::max();
        policy_.ready(worker.slot, now);
        log::debug("{}/{}: pid {} is ready", name(), worker.slot, worker.pid);
    } else if (message.what == kind::extend && starting) {
        worker.act_at = now + supervision_.start_timeout;
    } else if (message.what == kind::fatal) {
        worker.last_words = message.text;
    } else if (message.what == kind::stats) {
        worker.stats = message.text;
    }
}

bool pool::reaped(pid_t pid, int wait_status, time_point now) {
    const auto dead = std::find_if(workers_.begin(), workers_.end(), [pid](const auto& each) {
        return each.pid == pid;
    });
    if (dead == workers_.end()) {
        return false;
    }
    hear_from(*dead, now); // its last words
    slot& its = slots_[dead->slot];
    its.last_exit = dead->last_words.empty() ? exit_text(wait_status) : dead->last_words;
    const bool left_by_itself = ending_ && exit_code_of(wait_status) == 0;
    if (!dead->is_leaving() && !stopping_ && !left_by_itself) {
        judge(*dead, wait_status, now);
    }
    workers_.erase(dead);
    return true;
}

void pool::judge(const worker_process& dead, int wait_status, time_point now) {
    using action = core::restart_policy::action;
    std::uniform_real_distribution<double> jitter{-1, 1};
    const auto verdict = policy_.died(dead.slot, exit_code_of(wait_status), now, jitter(random_));
    slot& its = slots_[dead.slot];
    const std::string who = fmt::format("{}/{}: pid {}", name(), dead.slot, dead.pid);
    const std::string& why = its.last_exit;
    if (verdict.what == action::replace) {
        ++its.restarts;
        its.start_at = verdict.at;
        const auto pause = deadline{verdict.at}.left(now);
        log::warning("{} ended, {}; replaced in {} ms", who, why, pause.count());
        return;
    }
    log::error("{} ended, {}; not replaced", who, why);
    if (verdict.what == action::give_up) {
        end_ =
            end{exit_given_up,
                fmt::format(
                    "{} never got ready, {} attempts failed: {}",
                    name(),
                    supervision_.restart.start_failures_max,
                    why
                )};
    } else if (verdict.what == action::give_up_configuration) {
        end_ =
            end{core::restart_policy::exit_configuration,
                fmt::format("{} cannot start: {}", name(), why)};
    }
}

void pool::drain(time_point now) {
    using phase = worker_process::phase;
    begin_stopping();
    for (worker_process& worker : workers_) {
        if (worker.is_leaving()) {
            continue;
        }
        // One that is not READY has nothing to finish.
        const bool drains = worker.now_is == phase::ready;
        tell(worker, drains ? core::worker_message::kind::drain : core::worker_message::kind::stop);
        worker.now_is = drains ? phase::draining : phase::stopping;
        worker.act_at = now + (drains ? supervision_.drain_timeout : supervision_.stop_timeout);
    }
}

void pool::stop(time_point kill_at) {
    begin_stopping();
    for (worker_process& worker : workers_) {
        if (worker.now_is != worker_process::phase::stopping) {
            tell(worker, core::worker_message::kind::stop);
            worker.now_is = worker_process::phase::stopping;
        }
        worker.act_at = kill_at;
    }
}

void pool::begin_stopping() {
    stopping_ = true;
    settings_.listeners.sockets.clear();
}

void pool::escalate(time_point now) {
    using phase = worker_process::phase;
    for (worker_process& worker : workers_) {
        if (worker.act_at > now) {
            continue;
        }
        const bool gently = worker.now_is == phase::draining && !worker.terminated;
        log::warning(
            "{}/{}: pid {} is still {}, sending {}",
            name(),
            worker.slot,
            worker.pid,
            text_of(worker.now_is),
            gently ? "TERM" : "KILL"
        );
        kill(worker.pid, gently ? SIGTERM : SIGKILL);
        worker.terminated = gently;
        worker.act_at = gently ? now + supervision_.stop_timeout : time_point::max();
    }
}

void pool::configuration_changed(time_point now) {
    for (const std::size_t index : policy_.configuration_changed()) {
        slots_[index].start_at = now;
    }
}

void pool::tell_all(core::worker_message::kind what) const {
    for (const worker_process& worker : workers_) {
        tell(worker, what);
    }
}

time_point pool::next_due() const {
    time_point next = time_point::max();
    for (const worker_process& worker : workers_) {
        next = std::min(next, worker.act_at);
    }
    for (const slot& each : slots_) {
        if (each.start_at && !stopping_) {
            next = std::min(next, *each.start_at);
        }
    }
    return next;
}

std::size_t pool::ready_slots() const {
    std::vector<bool> served(slots_.size());
    for (const worker_process& worker : workers_) {
        if (worker.now_is == worker_process::phase::ready) {
            served[worker.slot] = true;
        }
    }
    return static_cast<std::size_t>(std::count(served.begin(), served.end(), true));
}

} // namespace msd::process
