// SPDX-License-Identifier: Apache-2.0
// Changes while the master runs (rolls, number of workers, configuration) for signals and `msd
// ctl`, and the master's status.
#include "base/json.hpp"
#include "base/log.hpp"
#include "process/master.hpp"
#include "process/status.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <iterator>
#include <memory>
#include <set>
#include <string>
#include <utility>

namespace msd::process {

// The plan that a roll moves the workers to. The program on the disk is opened once, so that all
// workers of the roll, and their later replacements, have one version.
result<shared_plan> master::next_plan(roll_request::kind what, const shared_plan& before) {
    auto program = what == roll_request::kind::new_program ? executable::at(settings_.program_path)
                                                           : before->program.again();
    if (!program) {
        return tl::unexpected{std::move(program.error())};
    }
    return std::make_shared<launch_plan>(launch_plan{
        std::move(*program),
        plan_->command_line,
        plan_->ports,
        ++last_generation_,
        settings_.config});
}

reloading::actions master::reload_actions() {
    reloading::actions made;
    made.read = [this] {
        manager_.reload_begins(clock::now());
        return settings_.read_configuration();
    };
    made.is_rolled = [this](const worker_pool& which) {
        return rolls_.will_renew(which) ||
               (is_configuration_unfinished_ && !has_configuration(which));
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
    if (mode_ != mode::serving) {
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
        if (is_configuration_unfinished_ && !has_configuration(each)) {
            to_roll.insert(each.name()); // the roll to what was read before was aborted
        }
    }
    settings_.supervision = read.supervision;
    settings_.config = std::move(read.config);
    for (worker_pool& each : pools_) {
        each.configuration_changed(settings_.supervision, now);
        const bool is_live = read.pools_live.contains(each.name());
        if (!to_roll.contains(each.name()) && (is_live || rolls_.is_idle()) &&
            !each.adopt_configuration(settings_.config)) {
            log::error("{}: no descriptor is free for the new configuration", each.name());
            is_configuration_unfinished_ |= is_live; // the next reload rolls the pool
        }
        if (const auto wanted = read.workers.find(each.name()); wanted != read.workers.end()) {
            scale(each, wanted->second, now);
        }
    }
    upgrade_.ask_again();
    if (!to_roll.empty()) {
        is_configuration_unfinished_ = true;
        roll_request wanted{roll_request::kind::new_configuration, std::move(to_roll), {}};
        rolls_.request(std::move(wanted), settings_.supervision.soak);
    }
}

bool master::has_configuration(const worker_pool& which) const {
    return std::ranges::all_of(which.slots(), [this](const worker_pool::slot& slot) {
        return slot.plan->config == settings_.config;
    });
}

bool master::all_have_configuration() const {
    return std::ranges::all_of(pools_, [this](const worker_pool& each) {
        return has_configuration(each);
    });
}

// Rolls one worker that exceeds a limit of recycling. There is never more than one such roll.
void master::recycle(time_point now) {
    if (mode_ != mode::serving || !rolls_.is_idle()) {
        return;
    }
    if (rolls_.was_aborted(std::exchange(recycling_, 0))) {
        // The worker stays, since its replacement failed.
        recycling_turns_.pause_until(now + settings_.supervision.restart.backoff_max);
    }
    const auto pool_of = [this](std::size_t index) {
        return std::next(pools_.begin(), static_cast<std::ptrdiff_t>(index));
    };
    std::optional<std::size_t> slot;
    const auto has_one_due = [&pool_of, &slot](std::size_t index) {
        slot = pool_of(index)->limits().slot_to_recycle();
        return slot.has_value();
    };
    if (const auto taken = recycling_turns_.take(pools_.size(), has_one_due, now)) {
        const std::string& name = pool_of(*taken)->name();
        log::info("{}/{} is recycled", name, *slot);
        roll_request wanted{roll_request::kind::same_plan, {}, {{name, *slot}}};
        recycling_ = rolls_.request(std::move(wanted), settings_.supervision.soak);
    }
}

std::uint64_t master::roll_all(roll_request::kind what) {
    roll_request wanted{what, {}, {}};
    for (const worker_pool& each : pools_) {
        wanted.pools.insert(each.name());
    }
    return mode_ == mode::serving ? rolls_.request(std::move(wanted), settings_.supervision.soak)
                                  : 0;
}

void master::scale(worker_pool& which, int workers, time_point now) {
    if (mode_ == mode::serving) {
        which.scale(workers, rolls_.plan_for_new_slot(which), now);
    }
}

worker_pool* master::find_pool(std::string_view name) {
    const auto found = std::find_if(pools_.begin(), pools_.end(), [name](const worker_pool& each) {
        return each.name() == name;
    });
    return found == pools_.end() ? nullptr : &*found;
}

namespace {

error no_such_pool(const std::list<worker_pool>& pools, std::string_view name) {
    std::string known;
    for (const worker_pool& each : pools) {
        known += (known.empty() ? "" : ", ") + each.name();
    }
    return {errc::not_found, fmt::format("there is no pool '{}'; the pools are: {}", name, known)};
}

std::string error_answer(std::string_view text) {
    return fmt::format(R"({{"error":{}}})", json::quote(text));
}

std::string accepted(std::uint64_t roll) {
    return fmt::format(R"({{"ok":true,"roll":{}}})", roll);
}

template <class Value, class Write>
std::string answer_of(const result<Value>& outcome, Write&& write) {
    return outcome ? write(outcome) : error_answer(outcome.error().text);
}

// A command with its arguments, as read from the line.
struct command {
    std::string name;
    std::string pool;
    std::int64_t number = -1; // slot or workers
};

result<command> read_command(std::string_view line) {
    json::object fields;
    if (const auto parsed = fields.parse(line); !parsed) {
        return fail(errc::malformed, "a command is one JSON object on one line");
    }
    command read;
    const auto text = [&fields](const char* name) {
        const json::value* const value = fields.find(name);
        return value == nullptr ? std::string{} : value->as_string().value_or("");
    };
    read.name = text("command");
    read.pool = text("pool");
    for (const char* const name : {"slot", "workers"}) {
        if (const json::value* const value = fields.find(name)) {
            read.number = value->as_int64().value_or(-1);
        }
    }
    return read;
}

} // namespace

result<std::uint64_t> master::start_roll(std::string_view pool_name) {
    if (pool_name.empty()) {
        return roll_all(roll_request::kind::new_program);
    }
    if (find_pool(pool_name) == nullptr) {
        return tl::unexpected{no_such_pool(pools_, pool_name)};
    }
    roll_request wanted{roll_request::kind::new_program, {std::string{pool_name}}, {}};
    return rolls_.request(std::move(wanted), settings_.supervision.soak);
}

result<void> master::change_scale(std::string_view pool_name, std::int64_t workers) {
    worker_pool* const which = find_pool(pool_name);
    if (which == nullptr) {
        return tl::unexpected{no_such_pool(pools_, pool_name)};
    }
    const int most = which->settings().workers_max;
    if (workers < 1 || workers > most) {
        return fail(
            errc::invalid,
            fmt::format("{} can have 1 to {} workers, not {}", pool_name, most, workers)
        );
    }
    scale(*which, static_cast<int>(workers), clock::now());
    return {};
}

result<std::uint64_t> master::start_drain(std::string_view pool_name, std::int64_t slot) {
    const worker_pool* const which = find_pool(pool_name);
    if (which == nullptr) {
        return tl::unexpected{no_such_pool(pools_, pool_name)};
    }
    const auto slots = static_cast<std::int64_t>(which->slots().size());
    if (slot < 0 || slot >= slots) {
        return fail(
            errc::not_found,
            fmt::format("{} has slots 0 to {}, not {}", pool_name, slots - 1, slot)
        );
    }
    roll_request wanted{
        roll_request::kind::same_plan,
        {},
        {{std::string{pool_name}, static_cast<std::size_t>(slot)}}};
    return rolls_.request(std::move(wanted), settings_.supervision.soak);
}

std::string master::answer(std::string_view line) {
    const auto said = read_command(line);
    if (!said) {
        return error_answer(said.error().text);
    }
    if (said->name == "status") {
        return status();
    }
    if (mode_ != mode::serving && said->name != "stop") {
        return error_answer("the instance is stopping");
    }
    const auto roll_number = [](const auto& outcome) {
        return accepted(*outcome);
    };
    if (said->name == "roll") {
        return answer_of(start_roll(said->pool), roll_number);
    }
    if (said->name == "drain") {
        return answer_of(start_drain(said->pool, said->number), roll_number);
    }
    std::string done = R"({"ok":true})";
    if (said->name == "scale") {
        return answer_of(change_scale(said->pool, said->number), [&](const auto&) { return done; });
    }
    if (said->name == "upgrade") {
        return fmt::format(R"({{"ok":true,"upgrade":{}}})", upgrade_.request());
    }
    if (said->name == "reload") {
        return answer_of(reload(clock::now()), [&](const auto& begun) {
            return *begun == 0 ? done : fmt::format(R"({{"ok":true,"reload":{}}})", *begun);
        });
    }
    if (said->name == "reopen") {
        reopen_logs();
        return done;
    }
    if (said->name == "stop") {
        begin_stop(mode::stopping, clock::now());
        return done;
    }
    return error_answer(fmt::format(
        "unknown command '{}'; the commands are: status, roll, scale, drain, upgrade, reload, "
        "reopen, stop",
        said->name
    ));
}

std::string_view master::state() const {
    if (mode_ != mode::serving) {
        return "stopping";
    }
    const bool ready = std::all_of(pools_.begin(), pools_.end(), [](const worker_pool& each) {
        return each.is_ready();
    });
    if (ready) {
        return "ready";
    }
    const bool degraded = std::any_of(pools_.begin(), pools_.end(), [](const worker_pool& each) {
        return each.is_degraded();
    });
    return all_announced_ && degraded ? "degraded" : "starting";
}

std::string master::status() const {
    const instance_facts
        facts{state(), started_, settings_.program_path, rolls_, reloads_, upgrade_};
    return status_json(facts, pools_, clock::now());
}

void master::report(time_point now) {
    if (!manager_.is_there()) {
        return;
    }
    const instance_facts
        facts{state(), started_, settings_.program_path, rolls_, reloads_, upgrade_};
    const std::string text = status_line(facts, pools_);
    manager_.report({all_announced_, mode_ != mode::serving, text}, now);
}

} // namespace msd::process
