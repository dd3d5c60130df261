// SPDX-License-Identifier: Apache-2.0
#include "app/resolve.hpp"
#include "app/runtime_files.hpp"
#include "app/status_table.hpp"
#include "app/terminal_commands.hpp"
#include "base/json.hpp"
#include "process/control_client.hpp"

#include <fmt/format.h>

#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <string>
#include <vector>

namespace msd::app {

namespace {

constexpr milliseconds master_timeout{2000};

struct answer {
    std::string instance;
    result<std::string> status;
};

// A socket that nobody listens on was left by a master that was killed: no instance.
bool is_stale(const answer& from) {
    return !from.status && (from.status.error().code == errc::refused ||
                            from.status.error().code == errc::not_found);
}

std::vector<answer> ask_all(const command_line& command, const configuration& configured) {
    std::vector<answer> answers;
    for (const instance_socket& each : find_instances(configured)) {
        if (!command.instance.empty() && each.name != command.instance) {
            continue;
        }
        const deadline until = deadline::in(master_timeout);
        answers.push_back(
            {each.name, process::ask_master(each.path, R"({"command":"status"})", until)}
        );
    }
    std::erase_if(answers, is_stale);
    return answers;
}

std::string as_json(const std::vector<answer>& answers) {
    std::string text;
    json::writer out{text};
    out.begin_object();
    out.key("instances").begin_array();
    for (const answer& each : answers) {
        out.begin_object();
        out.key("instance").string(each.instance);
        if (each.status) {
            json::object fields;
            if (fields.parse(*each.status)) {
                for (const json::member& member : fields) {
                    out.key(member.name).raw(member.val.text);
                }
            }
        } else {
            out.key("error").string(each.status.error().text);
        }
        out.end_object();
    }
    out.end_array();
    out.end_object();
    return text + "\n";
}

} // namespace

int show_status(const command_line& command, const configuration& configured) {
    const std::vector<answer> answers = ask_all(command, configured);
    if (command.as_json) {
        const std::string text = as_json(answers);
        std::fwrite(text.data(), 1, text.size(), stdout);
    }
    if (answers.empty()) {
        const std::string which =
            command.instance.empty() ? "no instance" : "no instance " + command.instance;
        fmt::print(
            stderr,
            "msd: {} runs (looked in {})\n",
            which,
            runtime_dir_of(configured).native()
        );
        return exit_failed;
    }
    bool all_answered = true;
    for (const answer& each : answers) {
        all_answered = all_answered && each.status.has_value();
        if (!each.status) {
            fmt::print(stderr, "msd: {}: {}\n", each.instance, each.status.error().text);
        } else if (!command.as_json) {
            const bool colours = isatty(STDOUT_FILENO) == 1;
            const std::string text = status_table(each.instance, *each.status, colours);
            std::fwrite(text.data(), 1, text.size(), stdout);
        }
    }
    return all_answered ? 0 : exit_failed;
}

} // namespace msd::app
