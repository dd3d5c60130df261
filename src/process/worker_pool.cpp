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

// Spreads the limits of recycling: workers that share the load evenly would all reach them at once.
constexpr int spread_percent_max = 25;

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
    : settings_{std::move(settings)},
      supervision_{supervision},
      board_{std::move(board)},
      policy_{supervision.restart, static_cast<std::size_t>(settings_.workers)},
      slots_(static_cast<std::size_t>(settings_.workers)),
      random_{std::random_device{}()} {
    for (slot& each : slots_) {
        each.plan = plan;
        each.start_at = now;
    }
}

void worker_pool::start_due(time_point now) {
    if (stopping_ || is_held_) {
        return;
    }
    for (std::size_t index = 0; index < slots_.size(); ++index) {
        slot& due = slots_[index];
        if (!due.start_at || *due.start_at > now) {
            continue;
        }
        due.start_at.reset();
        if (const auto made = start(index, due.plan, {}, now); !made) {
            // No process or descriptor is free. No worker died, so this is not counted as a death;
            // the next try follows after a pause.
            log::error("{}/{}: {}", name(), index, made.error().text);
            due.start_at = now + supervision_.restart.backoff_first;
        }
    }
}

worker_description worker_pool::describe(std::size_t index, const launch_plan& plan) const {
    worker_description description;
    description.pool = name();
    description.slot = static_cast<int>(index);
    description.workers = static_cast<int>(slots_.size());
    description.generation = plan.generation;
    description.host = host();
    description.port = port();
    description.ports = plan.ports;
    if (plan.config) {
        description.config = plan.config->get();
    }
    for (const unique_fd& socket : settings_.listeners.sockets) {
        description.listeners.push_back(socket.get());
    }
    return description;
}

result<worker_process*>
worker_pool::start(std::size_t index, const shared_plan& plan, unique_fd handover, time_point now) {
    auto line = board_line::take(board_);
    if (!line) {
        return tl::unexpected{std::move(line.error())};
    }
    worker_description description = describe(index, *plan);
    description.board = line->descriptor();
    description.line = line->index();
    if (handover) {
        description.handover = handover.get();
    }
    auto made = plan->program.start(plan->command_line, std::move(description));
    if (!made) {
        return tl::unexpected{std::move(made.error())};
    }
    worker_process& worker = workers_.emplace_back();
    worker.pid = made->pid;
    worker.control = std::move(made->control);
    worker.slot = index;
    worker.plan = plan;
    worker.line = std::move(*line);
    worker.started = now;
    worker.recycle_spread_percent = recycle_spread();
    worker.act_at = now + supervision_.start_timeout;
    return &worker;
}

int worker_pool::recycle_spread() {
    return std::uniform_int_distribution{0, spread_percent_max}(random_);
}

bool worker_pool::reaped(pid_t pid, int wait_status, time_point now) {
    const auto dead = std::find_if(workers_.begin(), workers_.end(), [pid](const auto& each) {
        return each.pid == pid;
    });
    if (dead == workers_.end()) {
        return false;
    }
    for (const core::worker_message& message : receive_messages(*dead)) {
        apply(*dead, message, now); // it was sent before the worker ended
    }
    const bool in_order = exit_code_of(wait_status) == 0;
    const bool was_expected = ending_ && in_order;
    if (dead->is_candidate) {
        candidate_ended(*dead, end_text(*dead, wait_status), now);
    } else if (dead->slot < slots_.size() && !dead->is_ending() && !stopping_ && !was_expected) {
        judge(*dead, wait_status, now);
    } else if (dead->slot < slots_.size()) {
        slot& its = slots_[dead->slot];
        its.is_stopped = in_order;
        if (!in_order) {
            its.last_exit = end_text(*dead, wait_status);
        }
    }
    workers_.erase(dead);
    return true;
}

void worker_pool::judge(const worker_process& dead, int wait_status, time_point now) {
    using action = core::restart_policy::action;
    std::uniform_real_distribution<double> jitter{-1, 1};
    const auto verdict = policy_.died(dead.slot, exit_code_of(wait_status), now, jitter(random_));
    slot& its = slots_[dead.slot];
    its.is_stopped = false;
    its.last_exit = end_text(dead, wait_status);
    const std::string subject = fmt::format("{}/{}: pid {}", name(), dead.slot, dead.pid);
    const std::string& why = its.last_exit;
    if (verdict.what == action::replace) {
        ++its.restarts;
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
                    supervision_.restart.start_failures_max,
                    why
                )};
    } else if (verdict.what == action::give_up_configuration) {
        end_ =
            end{core::restart_policy::exit_configuration,
                fmt::format("{} cannot start: {}", name(), why)};
    }
}

void worker_pool::drain(time_point now) {
    begin_stopping();
    for (worker_process& worker : workers_) {
        if (!worker.is_ending()) {
            end_worker(worker, now, core::last_of_pool);
        }
    }
}

// A worker that is not READY has no requests to finish, so it stops at once.
void worker_pool::end_worker(worker_process& worker, time_point now, std::string_view text) const {
    using phase = worker_process::phase;
    const bool drains = worker.now_is == phase::ready;
    using kind = core::worker_message::kind;
    send_message(worker, {drains ? kind::drain : kind::stop, std::string{text}});
    worker.now_is = drains ? phase::draining : phase::stopping;
    worker.act_at = now + (drains ? supervision_.drain_timeout : supervision_.stop_timeout);
}

void worker_pool::stop(time_point kill_at) {
    begin_stopping();
    for (worker_process& worker : workers_) {
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

void worker_pool::begin_stopping() {
    stopping_ = true;
    // First no connection can begin any more, then the workers take those in the queues: whatever
    // the kernel has accepted is served.
    hold_new_connections(settings_.listeners);
    settings_.listeners.sockets.clear();
}

void worker_pool::scale(int workers, const shared_plan& plan, time_point now) {
    const std::size_t before = slots_.size();
    const auto wanted = static_cast<std::size_t>(std::clamp(workers, 1, settings_.workers_max));
    slots_.resize(wanted);
    policy_.resize(wanted);
    for (std::size_t index = before; index < wanted; ++index) {
        slots_[index].plan = plan;
        slots_[index].start_at = now;
    }
    for (worker_process& worker : workers_) {
        if (worker.slot < wanted) {
            continue;
        }
        worker.is_candidate = false;
        if (!worker.is_ending()) {
            end_worker(worker, now);
        }
    }
    if (wanted != before) {
        log::info("{}: {} workers, before {}", name(), wanted, before);
        for (const worker_process& worker : workers_) {
            send_message(worker, {core::worker_message::kind::scale, std::to_string(wanted)});
        }
    }
}

bool worker_pool::adopt_configuration(const std::shared_ptr<const unique_fd>& config) {
    std::map<shared_plan, shared_plan> made; // slots that share a plan go on sharing one
    for (const slot& each : slots_) {
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
    for (slot& each : slots_) {
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
        end_worker(worker, now);
    }
    if (worker.slot < slots_.size()) {
        fill(worker.slot, nullptr, now);
    }
}

void worker_pool::configuration_changed(const supervision_settings& supervision, time_point now) {
    supervision_ = supervision;
    policy_.set(supervision.restart);
    retry_left_empty(now);
}

// Also retries slots that are empty because of a configuration error: this worker started with the
// same configuration.
void worker_pool::note_ready(const worker_process& worker, time_point now) {
    slots_[worker.slot].was_ready = true;
    policy_.ready(worker.slot, worker.ready_at);
    retry_left_empty(now);
}

void worker_pool::retry_left_empty(time_point now) {
    for (const std::size_t index : policy_.retry_left_empty()) {
        slots_[index].start_at = now;
    }
}

void worker_pool::send_to_all(core::worker_message::kind what) const {
    for (const worker_process& worker : workers_) {
        send_message(worker, {what, {}});
    }
}

time_point worker_pool::next_due() const {
    time_point next = time_point::max();
    for (const worker_process& worker : workers_) {
        next = std::min(next, worker.act_at);
    }
    for (const slot& each : slots_) {
        if (each.start_at && !stopping_ && !is_held_) {
            next = std::min(next, *each.start_at);
        }
    }
    return next;
}

std::vector<bool> worker_pool::served() const {
    std::vector<bool> served(slots_.size());
    for (const worker_process& worker : workers_) {
        const bool serves = worker.now_is == worker_process::phase::ready;
        if (serves && worker.slot < served.size() && !worker.handed_over) {
            served[worker.slot] = true;
        }
    }
    return served;
}

bool worker_pool::has_served() const {
    return std::any_of(slots_.begin(), slots_.end(), [](const slot& each) {
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
        const slot& its = slots_[index];
        if (!all[index] && (its.was_ready || its.restarts > 0 || policy_.is_left_empty(index))) {
            return true;
        }
    }
    return false;
}

} // namespace msd::process
