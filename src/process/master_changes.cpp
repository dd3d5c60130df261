// SPDX-License-Identifier: Apache-2.0
// Changes while the master runs: reloads, rolls, numbers of workers, the stop.
#include "base/log.hpp"
#include "process/master.hpp"

#include <functional>
#include <set>
#include <string>
#include <utility>

namespace msd::process {

control_commands::actions master::command_actions() {
    control_commands::actions made;
    made.is_serving = [this] {
        return stop_.is_serving();
    };
    made.status = [this] {
        return status_json(facts(), pools_, clock::now());
    };
    made.roll = [this](roll_request wanted) {
        return rolls_.request(std::move(wanted), settings_.supervision.soak);
    };
    made.roll_all = [this] {
        return roll_all(roll_request::kind::new_program);
    };
    made.scale = [this](worker_pool& which, int workers) {
        scale(which, workers, clock::now());
    };
    made.upgrade = [this] {
        return upgrade_.request();
    };
    made.reload = [this] {
        return reload(clock::now());
    };
    made.reopen_logs = [this] {
        reopen_logs();
    };
    made.faults = [this]() -> core::fault_board& {
        return board_->board.faults();
    };
    made.ask = [this](std::string_view pool, std::string_view question) {
        return questions_.ask(pool, question, clock::now());
    };
    made.stop = [this] {
        begin_stop(stopping::mode::stopping, clock::now());
    };
    return made;
}

reloading::actions master::reload_actions() {
    reloading::actions made;
    made.read = [this] {
        manager_.reload_begins(clock::now());
        return settings_.read_configuration();
    };
    made.is_rolled = [this](const worker_pool& which) {
        return rolls_.will_renew(which) || plans_.is_outdated(which);
    };
    made.adopt = [this](reconfiguration& read) {
        adopt(read, clock::now());
    };
    made.end = [this] {
        manager_.reload_ends();
    };
    return made;
}

// Applies what can change while the instance runs: in the master at once; in the workers by
// CONFIGURE, or by a roll of the pools that read another changed key, with the program that they
// have.
result<std::uint64_t> master::reload(time_point now) {
    if (!stop_.is_serving()) {
        return fail(errc::unavailable, "the instance is stopping");
    }
    auto begun = reloads_.request();
    if (reloads_.is_active()) {
        upgrade_.ask_again(); // it waits for the end of the reload
    }
    advance_reload(now);
    return begun;
}

void master::advance_reload(time_point now) {
    reloads_.advance(rolls_.is_active(), settings_.supervision.configure_timeout, now);
    hold_rolls();
}

void master::adopt(reconfiguration& read, time_point now) {
    std::set<std::string, std::less<>> to_roll = std::move(read.pools_affected);
    for (const worker_pool& each : pools_) {
        if (plans_.is_outdated(each)) {
            to_roll.insert(each.name()); // the roll to what was read before was aborted
        }
    }
    settings_.supervision = read.supervision;
    plans_.set_configuration(std::move(read.config));
    for (worker_pool& each : pools_) {
        each.configuration_changed(settings_.supervision, now);
        const bool is_live = read.pools_live.contains(each.name());
        if (!to_roll.contains(each.name()) && (is_live || rolls_.is_idle()) &&
            !each.adopt_configuration(plans_.config())) {
            log::error("{}: no descriptor is free for the new configuration", each.name());
            if (is_live) {
                plans_.note_unfinished(); // the next reload rolls the pool
            }
        }
        if (const auto wanted = read.workers.find(each.name()); wanted != read.workers.end()) {
            scale(each, wanted->second, now);
        }
    }
    upgrade_.ask_again();
    if (!to_roll.empty()) {
        plans_.note_unfinished();
        roll_request wanted{roll_request::kind::new_configuration, std::move(to_roll), {}};
        rolls_.request(std::move(wanted), settings_.supervision.soak);
    }
}

std::uint64_t master::roll_all(roll_request::kind what) {
    roll_request wanted{what, {}, {}};
    for (const worker_pool& each : pools_) {
        wanted.pools.insert(each.name());
    }
    return stop_.is_serving() ? rolls_.request(std::move(wanted), settings_.supervision.soak) : 0;
}

void master::scale(worker_pool& which, int workers, time_point now) {
    if (stop_.is_serving()) {
        which.scale(workers, rolls_.plan_for_new_slot(which), now);
    }
}

void master::begin_stop(stopping::mode how, time_point now) {
    if (stop_.now_is() >= how) {
        return;
    }
    log::info("stopping{}", how == stopping::mode::stopping_fast ? " at once" : "");
    rolls_.abandon(now);
    reloads_.abandon();
    upgrade_.abandon("the instance stops");
    stop_.begin(how, settings_.supervision.stop_timeout, now);
}

// Closing a terminal sends HUP twice, from the kernel and from the shell: the second one must not
// make the stop a fast one.
void master::on_hangup(time_point now) {
    if (!terminal_.is_gone()) {
        static_cast<void>(reload(now)); // it has logged what is wrong
        return;
    }
    if (stop_.is_serving()) {
        log::info("the terminal on which this instance was started has been closed");
    }
    begin_stop(stopping::mode::stopping, now);
}

instance_facts master::facts() const {
    return {
        stop_.is_serving() ? announced_.state() : "stopping",
        started_,
        settings_.program_path,
        rolls_,
        reloads_,
        upgrade_,
        board_->board.faults()};
}

void master::report(time_point now) {
    if (!manager_.is_there()) {
        return;
    }
    const std::string text = status_line(facts(), pools_);
    manager_.report({announced_.are_complete(), !stop_.is_serving(), text}, now);
}

} // namespace msd::process
