// SPDX-License-Identifier: Apache-2.0
// How another program replaces this master in its process, and how this one continues another.
#include "base/log.hpp"
#include "base/version.hpp"
#include "process/master.hpp"
#include "process/takeover.hpp"

#include <unistd.h>

#include <utility>
#include <vector>

namespace msd::process {

master_state master::state_for_successor() const {
    master_state made;
    plan_table plans;
    made.version = build_name();
    made.pid = getpid();
    made.command_line = settings_.command_line;
    made.program = settings_.program_path;
    made.started = started_;
    made.looked_at = looked_at_;
    made.awake_since = awake_since_;
    made.announced = announced_.are_complete();
    made.config = plans_.config() ? plans_.config()->get() : -1;
    if (settings_.lock != nullptr) {
        made.pid_file = {settings_.lock->descriptor(), settings_.lock->path()};
    }
    made.control = control_->state();
    made.board = {board_->board.descriptor(), core::scoreboard::layout};
    made.plan = plans.number_of(plans_.current());
    made.last_generation = plans_.last_generation();
    made.rolls = rolls_.state();
    made.upgrade = upgrade_.id();
    std::size_t index = 0;
    for (const worker_pool& each : pools_) {
        made.pools.push_back(each.state(plans));
        made.pools.back().announced = announced_.includes(index++);
    }
    made.plans = plans.states();
    return made;
}

result<upgrade_check> master::ask_new_program() {
    auto program = executable::at(settings_.program_path);
    if (!program) {
        return tl::unexpected{std::move(program.error())};
    }
    const master_state state = state_for_successor();
    const auto text = write_down(state);
    if (!text) {
        return tl::unexpected{text.error()};
    }
    auto asked = upgrade_check::ask(
        std::move(*program),
        text->get(),
        state.config,
        settings_.supervision.upgrade_timeout
    );
    if (asked) {
        events_.watch(asked->descriptor());
    }
    return asked;
}

void master::advance_upgrade(time_point now) {
    hold_rolls();
    const bool is_reloading = reloads_.is_active() || reloads_.has_unanswered();
    upgrade_.advance(rolls_.is_active() || is_reloading, now);
    hold_rolls();
}

// While an upgrade or a reload waits for the active roll, or is under way, no roll begins.
void master::hold_rolls() {
    rolls_.hold(upgrade_.is_active() || reloads_.is_active());
}

result<void> master::resume(const master_state& left) {
    auto board = core::scoreboard::adopt(unique_fd{left.board.memory});
    if (!board) {
        return tl::unexpected{std::move(board.error())};
    }
    board_ = std::make_shared<board_owner>(std::move(*board));
    shared_files files;
    const std::vector<shared_plan> plans = plans_from(left.plans, files);
    const shared_plan& current = plans[left.plan];
    std::vector<bool> announced;
    std::size_t index = 0;
    std::size_t workers = 0;
    for (pool_settings& each : planned_) {
        worker_pool& made =
            pools_.emplace_back(std::move(each), settings_.supervision, board_, current, started_);
        if (auto resumed = made.resume(left.pools[index], plans); !resumed) {
            return resumed;
        }
        announced.push_back(left.pools[index].announced);
        workers += made.workers().size();
        ++index;
    }
    planned_.clear();
    plans_.resume(current, shared_file(files, left.config), left.last_generation);
    announced_.resume(std::move(announced), left.announced);
    control_ = std::make_unique<control_server>(control_server::adopt(left.control, answerer()));
    rolls_.resume(left.rolls);
    upgrade_.resume(left.upgrade);
    started_ = left.started;
    looked_at_ = left.looked_at;
    awake_since_ = left.awake_since;
    log::info(
        "upgrade {} done: version {} in place of {}, with {} workers",
        left.upgrade,
        build_name(),
        left.version,
        workers
    );
    return {};
}

} // namespace msd::process
