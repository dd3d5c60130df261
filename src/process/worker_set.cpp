// SPDX-License-Identifier: Apache-2.0
#include "process/worker_set.hpp"

#include <algorithm>
#include <utility>

namespace msd::process {

namespace {

// Spreads the limits of recycling: workers that share the load evenly would all reach them at once.
constexpr int spread_percent_max = 25;

} // namespace

worker_set::worker_set(
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

worker_description worker_set::describe(std::size_t index, const launch_plan& plan) const {
    worker_description description;
    description.pool = name();
    description.slot = static_cast<int>(index);
    description.workers = static_cast<int>(slots_.size());
    description.generation = plan.generation;
    description.host = settings_.listeners.host;
    description.port = settings_.listeners.port;
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
worker_set::start(std::size_t index, const shared_plan& plan, unique_fd handover, time_point now) {
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
    worker_process& worker = add(std::move(*line));
    worker.pid = made->pid;
    worker.control = std::move(made->control);
    worker.slot = index;
    worker.plan = plan;
    worker.started = now;
    worker.act_at = now + supervision_.start_timeout;
    return &worker;
}

result<worker_process*> worker_set::adopt(std::size_t line) {
    auto taken = board_line::take(board_, line);
    if (!taken) {
        return tl::unexpected{std::move(taken.error())};
    }
    return &add(std::move(*taken));
}

worker_process& worker_set::add(board_line line) {
    worker_process& worker = workers_.emplace_back();
    worker.line = std::move(line);
    worker.recycle_spread_percent = std::uniform_int_distribution{0, spread_percent_max}(random_);
    return worker;
}

void worker_set::fill(std::size_t index, const worker_process* but, time_point now) {
    const bool is_filled = std::any_of(workers_.begin(), workers_.end(), [&](const auto& each) {
        return each.slot == index && &each != but && !each.is_ending();
    });
    if (!is_filled && !slots_[index].start_at && !stopping_) {
        slots_[index].start_at = now;
    }
}

void worker_set::end(worker_process& worker, time_point now, std::string_view text) const {
    using phase = worker_process::phase;
    const bool drains = worker.now_is == phase::ready;
    using kind = core::worker_message::kind;
    send_message(worker, {drains ? kind::drain : kind::stop, std::string{text}});
    worker.now_is = drains ? phase::draining : phase::stopping;
    worker.act_at = now + (drains ? supervision_.drain_timeout : supervision_.stop_timeout);
}

void worker_set::note_ready(const worker_process& worker, time_point now) {
    slots_[worker.slot].was_ready = true;
    policy_.ready(worker.slot, worker.ready_at);
    retry_left_empty(now);
}

void worker_set::retry_left_empty(time_point now) {
    for (const std::size_t index : policy_.retry_left_empty()) {
        slots_[index].start_at = now;
    }
}

void worker_set::resize(std::size_t wanted, const shared_plan& plan, time_point now) {
    const std::size_t before = slots_.size();
    slots_.resize(wanted);
    policy_.resize(wanted);
    for (std::size_t index = before; index < wanted; ++index) {
        slots_[index].plan = plan;
        slots_[index].start_at = now;
    }
}

void worker_set::stop_listening() {
    stopping_ = true;
    hold_new_connections(settings_.listeners);
    settings_.listeners.sockets.clear();
}

void worker_set::set_supervision(const supervision_settings& supervision) {
    supervision_ = supervision;
    policy_.set(supervision.restart);
}

} // namespace msd::process
