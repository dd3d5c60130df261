// SPDX-License-Identifier: Apache-2.0
#include "app/instance_search.hpp"
#include "app/output.hpp"
#include "app/resolve.hpp"
#include "app/status_reading.hpp"
#include "app/status_table.hpp"
#include "app/terminal_commands.hpp"
#include "base/json.hpp"
#include "base/log.hpp"
#include "base/printable.hpp"
#include "process/control_client.hpp"

#include <fmt/format.h>

#include <charconv>
#include <cstdio>
#include <optional>
#include <string>
#include <string_view>
#include <thread>
#include <utility>

namespace msd::app {

namespace {

constexpr milliseconds master_timeout{5000};
constexpr milliseconds look_every{100};
// Longer than an upgrade takes: an instance that has not answered for this time has ended.
constexpr milliseconds absence_max{10'000};
// Longer than the replacement of a killed worker takes.
constexpr milliseconds degraded_max{10'000};

int failed(std::string_view what) {
    log::complain(what);
    return exit_failed;
}

// A line for each wrong key of a file.
void complain_in_lines(std::string_view text) {
    log::write_error("msd: " + printable_lines(text));
}

bool is_gone(const error& why) {
    return why.code == errc::refused || why.code == errc::not_found;
}

// "goods/1" → goods and 1.
std::optional<std::int64_t> cut_slot(std::string& name) {
    const auto slash = name.rfind('/');
    if (slash == std::string::npos) {
        return std::nullopt;
    }
    std::int64_t slot = 0;
    const char* const end = name.data() + name.size();
    const auto [stopped, reason] = std::from_chars(name.data() + slash + 1, end, slot);
    if (reason != std::errc{} || stopped != end) {
        return std::nullopt;
    }
    name.resize(slash);
    return slot;
}

result<std::string> request_for(const command_line& command) {
    std::string text;
    json::writer out{text};
    out.begin_object().key("command").string(command.control);
    std::string pool = command.pool;
    if (command.control == "drain") {
        const auto slot = cut_slot(pool);
        if (!slot) {
            return fail(
                errc::invalid,
                fmt::format(
                    "\"{}\" is not a slot; write POOL/NUMBER, for example goods/0",
                    command.pool
                )
            );
        }
        out.key("slot").integer(*slot);
    }
    if (!pool.empty()) {
        out.key("pool").string(pool);
    }
    if (command.control == "scale") {
        out.key("workers").integer(command.workers);
    }
    out.end_object();
    return text;
}

// Decides from successive statuses when a command with --wait is done.
class progress {
public:
    enum class verdict : std::uint8_t { not_yet, done, failed };

    progress(const command_line& command, const json::object& accepted)
        : command_{command},
          roll_{number_of(accepted, "roll")},
          upgrade_{number_of(accepted, "upgrade")},
          reload_{number_of(accepted, "reload")} {}

    verdict look(const json::object& status) {
        if (command_.control == "stop") {
            return look_at_end(status);
        }
        if (command_.control == "scale") {
            return look_at_pool(status);
        }
        if (upgrade_ != 0) {
            return look_at_upgrade(status);
        }
        if (reload_ != 0) {
            return look_at_reload(status);
        }
        return roll_ != 0 ? look_at_roll(status) : verdict::done;
    }

private:
    verdict look_at_roll(const json::object& status) {
        json::object roll = object_of(status, "roll");
        if (number_of(roll, "id") > roll_) {
            roll = object_of(roll, "previous"); // the next roll has started already
        }
        const std::string state = text_of(roll, "state");
        if (number_of(roll, "id") > roll_) {
            log::complain(
                fmt::format("other rolls have followed, so the result of roll {} is unknown", roll_)
            );
            return verdict::failed;
        }
        if (number_of(roll, "id") != roll_) {
            return verdict::not_yet;
        }
        if (state == "done") {
            return verdict::done;
        }
        if (state == "aborted") {
            log::complain(fmt::format("aborted: {}", text_of(roll, "reason")));
            return verdict::failed;
        }
        show(fmt::format(
            "{} {} of {}: {} is {}",
            state == "rolling_back" ? "rolling back," : "rolling,",
            number_of(roll, "done"),
            number_of(roll, "of"),
            text_of(roll, "slot"),
            text_of(roll, "phase")
        ));
        return verdict::not_yet;
    }

    // Numbers only grow: a later number means that this upgrade has ended, with an unknown result.
    verdict look_at_upgrade(const json::object& status) {
        const json::object upgrade = object_of(status, "upgrade");
        const std::string state = text_of(upgrade, "state");
        if (number_of(upgrade, "id") > upgrade_) {
            log::complain(fmt::format(
                "another upgrade has followed, so the result of upgrade {} is unknown",
                upgrade_
            ));
            return verdict::failed;
        }
        if (state == "done") {
            show(fmt::format(
                "pid {} now runs version {}; its workers keep their program until msd ctl roll",
                number_of(status, "pid"),
                text_of(status, "version")
            ));
            return verdict::done;
        }
        if (state == "refused") {
            log::complain(fmt::format("refused: {}", text_of(upgrade, "reason")));
            return verdict::failed;
        }
        show(state == "waiting" ? "waiting for the roll in progress" : "asking the new program");
        return verdict::not_yet;
    }

    // The numbers begin again when the master is upgraded.
    verdict look_at_reload(const json::object& status) {
        json::object reload = object_of(status, "reload");
        if (number_of(reload, "id") > reload_) {
            reload = object_of(reload, "previous"); // the next reload has begun already
        }
        const std::string state = text_of(reload, "state");
        const bool is_active = state == "waiting" || state == "applying";
        if (number_of(reload, "id") != reload_ && !is_active) {
            log::complain(fmt::format("the result of reload {} is unknown", reload_));
            return verdict::failed;
        }
        if (state == "done") {
            return verdict::done;
        }
        if (state == "refused") {
            complain_in_lines(text_of(reload, "reason"));
            return verdict::failed;
        }
        if (state == "waiting") {
            show("waiting for the roll in progress");
        }
        return verdict::not_yet;
    }

    // Done when the master does not answer any more.
    verdict look_at_end(const json::object& status) {
        std::size_t processes = 0;
        for (const json::value& each : elements_of(status, "pools")) {
            json::object pool;
            if (!pool.parse(each.text)) {
                continue;
            }
            for (const json::value& one : elements_of(pool, "slots")) {
                json::object slot;
                processes += slot.parse(one.text) && number_of(slot, "pid") != 0 ? 1 : 0;
            }
        }
        show(fmt::format("{} {} left", processes, processes == 1 ? "worker is" : "workers are"));
        return verdict::not_yet;
    }

    verdict look_at_pool(const json::object& status) {
        for (const json::value& each : elements_of(status, "pools")) {
            json::object pool;
            if (!pool.parse(each.text) || text_of(pool, "name") != command_.pool) {
                continue;
            }
            const auto processes = elements_of(pool, "slots").size();
            show(fmt::format(
                "{} of {} workers are ready, {} in all",
                number_of(pool, "ready"),
                command_.workers,
                processes
            ));
            const bool settled = number_of(pool, "ready") == command_.workers &&
                                 processes == static_cast<std::size_t>(command_.workers);
            if (settled) {
                return verdict::done;
            }
            if (text_of(pool, "state") != "degraded") {
                degraded_until_ = deadline::in(degraded_max);
            }
            return degraded_until_.passed() ? not_ready(pool) : verdict::not_yet;
        }
        log::complain(fmt::format("pool {} does not exist any more", command_.pool));
        return verdict::failed;
    }

    verdict not_ready(const json::object& pool) {
        for (const json::value& each : elements_of(pool, "slots")) {
            json::object slot;
            if (slot.parse(each.text) && text_of(slot, "state") != "ready") {
                log::complain(fmt::format(
                    "{}/{} does not get ready: {}",
                    command_.pool,
                    number_of(slot, "slot"),
                    text_of(slot, "last_exit")
                ));
            }
        }
        return verdict::failed;
    }

    // Prints each step once.
    void show(std::string line) {
        if (line != shown_) {
            print_line(stderr, line);
            shown_ = std::move(line);
        }
    }

    const command_line& command_;
    std::int64_t roll_;
    std::int64_t upgrade_;
    std::int64_t reload_;
    deadline degraded_until_ = deadline::in(degraded_max);
    std::string shown_;
};

int await_end(
    const command_line& command,
    const instance_socket& of,
    const json::object& accepted
) {
    progress seen{command, accepted};
    deadline absent_until = deadline::in(absence_max);
    for (;;) {
        const deadline until = deadline::in(master_timeout);
        const auto answer = process::ask_master(of.path, R"({"command":"status"})", until);
        if (!answer && command.control == "stop" && is_gone(answer.error())) {
            return 0;
        }
        json::object status;
        if (answer && status.parse(*answer)) {
            absent_until = deadline::in(absence_max);
            const auto verdict = seen.look(status);
            if (verdict != progress::verdict::not_yet) {
                return verdict == progress::verdict::done ? 0 : exit_failed;
            }
        } else if (absent_until.passed()) {
            const std::string why = answer ? "the answer cannot be read" : answer.error().text;
            return failed(fmt::format("{}: {}", of.name, why));
        }
        std::this_thread::sleep_for(look_every);
    }
}

int show_outcome(const command_line& command, const instance_socket& of, int code) {
    if (!command.as_json) {
        return code;
    }
    const deadline until = deadline::in(master_timeout);
    const auto status = process::ask_master(of.path, R"({"command":"status"})", until);
    print_json(status.value_or("{}"));
    return code;
}

} // namespace

int control_instance(const command_line& command, const configuration& configured) {
    if (command.control == "status") {
        return show_status(command, configured);
    }
    const auto chosen = choose_instance(command, configured, master_timeout);
    if (!chosen) {
        return failed(chosen.error().text);
    }
    const auto request = request_for(command);
    if (!request) {
        log::complain(request.error().text);
        return exit_usage;
    }
    const auto answer = process::ask_master(chosen->path, *request, deadline::in(master_timeout));
    json::object accepted;
    if (!answer || !accepted.parse(*answer)) {
        return failed(answer ? "the answer cannot be read" : answer.error().text);
    }
    if (const std::string why = text_of(accepted, "error"); !why.empty()) {
        complain_in_lines(why);
        return exit_failed;
    }
    // Workers apply a reload within milliseconds, so the command waits for them in any case.
    const bool waits = command.wait || number_of(accepted, "reload") != 0;
    const int code = waits ? await_end(command, *chosen, accepted) : 0;
    return show_outcome(command, *chosen, code);
}

} // namespace msd::app
