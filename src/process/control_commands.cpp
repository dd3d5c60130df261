// SPDX-License-Identifier: Apache-2.0
#include "process/control_commands.hpp"

#include "base/json.hpp"
#include "process/fault_commands.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstddef>
#include <utility>

namespace msd::process {

control_commands::control_commands(std::list<worker_pool>& pools, actions of_master)
    : pools_{pools},
      do_{std::move(of_master)} {}

worker_pool* control_commands::find_pool(std::string_view name) {
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

result<std::uint64_t> control_commands::start_roll(std::string_view pool_name) {
    if (pool_name.empty()) {
        return do_.roll_all();
    }
    if (find_pool(pool_name) == nullptr) {
        return tl::unexpected{no_such_pool(pools_, pool_name)};
    }
    roll_request wanted{roll_request::kind::new_program, {std::string{pool_name}}, {}};
    return do_.roll(std::move(wanted));
}

result<void> control_commands::change_scale(std::string_view pool_name, std::int64_t workers) {
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
    do_.scale(*which, static_cast<int>(workers));
    return {};
}

result<std::uint64_t> control_commands::start_drain(std::string_view pool_name, std::int64_t slot) {
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
    return do_.roll(std::move(wanted));
}

result<std::string> control_commands::change_faults(std::string_view line) {
    json::object fields;
    if (auto parsed = fields.parse(line); !parsed) {
        return tl::unexpected{std::move(parsed.error())};
    }
    return answer_fault(fields, do_.faults(), clock::now());
}

// What only a worker knows.
control_answer control_commands::ask_worker(std::string_view pool, std::string_view line) {
    if (!pool.empty() && find_pool(pool) == nullptr) {
        return error_answer(fmt::format("this instance has no {}", pool));
    }
    const auto asked = do_.ask(pool, line);
    return asked ? control_answer::later(*asked) : control_answer{error_answer(asked.error().text)};
}

control_answer control_commands::answer(std::string_view line) {
    const auto said = read_command(line);
    if (!said) {
        return error_answer(said.error().text);
    }
    if (said->name == "status") {
        return do_.status();
    }
    if (!do_.is_serving() && said->name != "stop") {
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
        return fmt::format(R"({{"ok":true,"upgrade":{}}})", do_.upgrade());
    }
    if (said->name == "reload") {
        return answer_of(do_.reload(), [&](const auto& begun) {
            return *begun == 0 ? done : fmt::format(R"({{"ok":true,"reload":{}}})", *begun);
        });
    }
    if (said->name == "fault") {
        return answer_of(change_faults(line), [](const auto& answer) { return *answer; });
    }
    if (said->name == "explain") {
        return ask_worker("gateway", line);
    }
    if (said->name == "metrics") {
        return ask_worker({}, line);
    }
    if (said->name == "reopen") {
        do_.reopen_logs();
        return done;
    }
    if (said->name == "stop") {
        do_.stop();
        return done;
    }
    return error_answer(fmt::format(
        "unknown command '{}'; the commands are: status, roll, scale, drain, upgrade, reload, "
        "reopen, fault, explain, metrics, stop",
        said->name
    ));
}

} // namespace msd::process
