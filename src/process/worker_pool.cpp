// SPDX-License-Identifier: Apache-2.0
#include "process/worker_pool.hpp"

#include "base/log.hpp"

#include <sys/wait.h>

#include <algorithm>
#include <map>
#include <utility>

namespace msd::process {

namespace {

constexpr int exit_given_up = 70;

int exit_code_of(int wait_status) {
    return WIFEXITED(wait_status) ? WEXITSTATUS(wait_status) : -1;
}

// The reason that the worker gave, or else its exit status.
std::string end_text(const worker_process& dead, int wait_status) {
    return dead.end_reason.empty() ? exit_text(wait_status) : dead.end_reason;
}

} // namespace

worker_pool::worker_pool(
    pool_settings settings,
    const supervision_settings& supervision,
    std::shared_ptr<board_owner> board,
    const shared_plan& plan,
    time_point now
)
    : set_{std::move(settings), supervision, std::move(board), plan, now} {}

void worker_pool::start_due(time_point now) {
    if (set_.is_stopping() || is_held_) {
        return;
    }
    for (std::size_t index = 0; index < set_.slots().size(); ++index) {
        slot& due = set_.slots()[index];
        if (!due.start_at || *due.start_at > now) {
            continue;
        }
        due.start_at.reset();
        if (const auto made = set_.start(index, due.plan, {}, now); !made) {
            // No process or descriptor is free. No worker died, so this is not counted as a death;
            // the next try follows after a pause.
            log::error("{}/{}: {}", name(), index, made.error().text);
            due.start_at = now + set_.supervision().restart.backoff_first;
        }
    }
}

bool worker_pool::reaped(pid_t pid, int wait_status, time_point now) {
    const auto dead =
        std::find_if(set_.workers().begin(), set_.workers().end(), [pid](const auto& each) {
            return each.pid == pid;
        });
    if (dead == set_.workers().end()) {
        return false;
    }
    messages_.receive_last(*dead, now);
    const bool in_order = exit_code_of(wait_status) == 0;
    const bool was_expected = ending_ && in_order;
    const bool has_slot = dead->slot < set_.slots().size();
    if (dead->is_candidate) {
        candidates_.ended(*dead, end_text(*dead, wait_status), now);
    } else if (has_slot && !dead->is_ending() && !set_.is_stopping() && !was_expected) {
        judge(*dead, wait_status, now);
    } else if (has_slot) {
        slot& its = set_.slots()[dead->slot];
        its.is_stopped = in_order;
        if (!in_order) {
            its.last_exit = end_text(*dead, wait_status);
        }
    }
    set_.workers().erase(dead);
    return true;
}

void worker_pool::judge(const worker_process& dead, int wait_status, time_point now) {
    using action = core::restart_policy::action;
    std::uniform_real_distribution<double> jitter{-1, 1};
    const auto verdict =
        set_.policy().died(dead.slot, exit_code_of(wait_status), now, jitter(set_.random()));
    slot& its = set_.slots()[dead.slot];
    its.is_stopped = false;
    its.last_exit = end_text(dead, wait_status);
    const std::string subject = fmt::format("{}/{}: pid {}", name(), dead.slot, dead.pid);
    const std::string& why = its.last_exit;
    if (verdict.what == action::replace) {
        ++its.restarts;
        ++(dead.terminated            ? replaced_.kills
           : WIFSIGNALED(wait_status) ? replaced_.signals
                                      : replaced_.exits);
        its.start_at = verdict.at;
        const auto pause = deadline{verdict.at}.left(now);
        log::warning("{} ended, {}; replaced in {} ms", subject, why, pause.count());
        return;
    }
    log::error("{} ended, {}; not replaced", subject, why);
    if (verdict.what == action::give_up) {
        end_ =
            end{exit_given_up,
                fmt::format(
                    "{} never got ready, {} attempts failed: {}",
                    name(),
                    set_.supervision().restart.start_failures_max,
                    why
                )};
    } else if (verdict.what == action::give_up_configuration) {
        end_ =
            end{core::restart_policy::exit_configuration,
                fmt::format("{} cannot start: {}", name(), why)};
    }
}

void worker_pool::drain(time_point now) {
    set_.stop_listening();
    for (worker_process& worker : set_.workers()) {
        if (!worker.is_ending()) {
            set_.end(worker, now, core::last_of_pool);
        }
    }
}

void worker_pool::stop(time_point kill_at) {
    set_.stop_listening();
    for (worker_process& worker : set_.workers()) {
        if (worker.now_is != worker_process::phase::stopping) {
            send_message(
                worker,
                {core::worker_message::kind::stop, std::string{core::last_of_pool}}
            );
            worker.now_is = worker_process::phase::stopping;
        }
        worker.act_at = kill_at;
    }
}

void worker_pool::scale(int workers, const shared_plan& plan, time_point now) {
    const std::size_t before = slots().size();
    const auto wanted = static_cast<std::size_t>(std::clamp(workers, 1, settings().workers_max));
    set_.resize(wanted, plan, now);
    for (worker_process& worker : set_.workers()) {
        if (worker.slot < wanted) {
            continue;
        }
        worker.is_candidate = false;
        if (!worker.is_ending()) {
            set_.end(worker, now);
        }
    }
    if (wanted != before) {
        log::info("{}: {} workers, before {}", name(), wanted, before);
        for (const worker_process& worker : set_.workers()) {
            send_message(worker, {core::worker_message::kind::scale, std::to_string(wanted)});
        }
    }
}

bool worker_pool::adopt_configuration(const std::shared_ptr<const unique_fd>& config) {
    std::map<shared_plan, shared_plan> made; // slots that share a plan go on sharing one
    for (const slot& each : set_.slots()) {
        shared_plan& adopted = made[each.plan];
        if (!adopted) {
            auto program = each.plan->program.again();
            if (!program) {
                return false;
            }
            adopted = std::make_shared<launch_plan>(launch_plan{
                std::move(*program),
                each.plan->command_line,
                each.plan->ports,
                each.plan->generation,
                config});
        }
    }
    for (slot& each : set_.slots()) {
        each.plan = made[each.plan];
    }
    return true;
}

bool worker_pool::configure(
    worker_process& worker,
    std::uint64_t number,
    const unique_fd* file,
    time_point now
) {
    worker.configuring = {number, configuring_state::step::sent, now, {}};
    return file != nullptr && send_message(
                                  worker,
                                  {core::worker_message::kind::configure, std::to_string(number)},
                                  file->get()
                              );
}

void worker_pool::replace(worker_process& worker, time_point now) {
    if (!worker.is_ending()) {
        set_.end(worker, now);
    }
    if (worker.slot < set_.slots().size()) {
        set_.fill(worker.slot, nullptr, now);
    }
}

void worker_pool::configuration_changed(const supervision_settings& supervision, time_point now) {
    set_.set_supervision(supervision);
    set_.retry_left_empty(now);
}

void worker_pool::send_to_all(core::worker_message::kind what) const {
    for (const worker_process& worker : set_.workers()) {
        send_message(worker, {what, {}});
    }
}

time_point worker_pool::next_due() const {
    time_point next = time_point::max();
    for (const worker_process& worker : set_.workers()) {
        next = std::min(next, worker.act_at);
    }
    for (const slot& each : set_.slots()) {
        if (each.start_at && !set_.is_stopping() && !is_held_) {
            next = std::min(next, *each.start_at);
        }
    }
    return next;
}

std::vector<bool> worker_pool::served() const {
    std::vector<bool> served(set_.slots().size());
    for (const worker_process& worker : set_.workers()) {
        const bool serves = worker.now_is == worker_process::phase::ready;
        if (serves && worker.slot < served.size() && !worker.handed_over) {
            served[worker.slot] = true;
        }
    }
    return served;
}

bool worker_pool::has_served() const {
    return std::any_of(set_.slots().begin(), set_.slots().end(), [](const slot& each) {
        return each.was_ready;
    });
}

std::size_t worker_pool::ready_slots() const {
    const std::vector<bool> all = served();
    return static_cast<std::size_t>(std::count(all.begin(), all.end(), true));
}

bool worker_pool::is_degraded() const {
    const std::vector<bool> all = served();
    for (std::size_t index = 0; index < all.size(); ++index) {
        const slot& its = set_.slots()[index];
        if (!all[index] &&
            (its.was_ready || its.restarts > 0 || set_.policy().is_left_empty(index))) {
            return true;
        }
    }
    return false;
}

} // namespace msd::process
