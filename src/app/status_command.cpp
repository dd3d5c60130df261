// SPDX-License-Identifier: Apache-2.0
#include "app/instance_search.hpp"
#include "app/output.hpp"
#include "app/resolve.hpp"
#include "app/status_table.hpp"
#include "app/terminal_commands.hpp"
#include "base/json.hpp"
#include "base/log.hpp"

#include <fmt/format.h>

#include <unistd.h>

#include <string>
#include <vector>

namespace msd::app {

namespace {

constexpr milliseconds master_timeout{2000};

std::string as_json(const std::vector<running_instance>& answers) {
    std::string text;
    json::writer out{text};
    out.begin_object();
    out.key("instances").begin_array();
    for (const running_instance& each : answers) {
        out.begin_object();
        out.key("instance").string(each.at.name);
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
    return text;
}

} // namespace

int show_status(const command_line& command, const configuration& configured) {
    const instance_search search = find_running(command, configured, master_timeout);
    const std::vector<running_instance>& answers = search.found;
    if (command.as_json) {
        print_json(as_json(answers));
    }
    if (answers.empty()) {
        log::complain(search.nothing_found(command));
        return exit_failed;
    }
    bool all_answered = true;
    for (const running_instance& each : answers) {
        all_answered = all_answered && each.status.has_value();
        if (!each.status) {
            log::complain(fmt::format("{}: {}", each.at.name, each.status.error().text));
        } else if (!command.as_json) {
            const bool colours = isatty(STDOUT_FILENO) == 1;
            print_text(status_table(each.at.name, *each.status, colours));
        }
    }
    return all_answered ? 0 : exit_failed;
}

} // namespace msd::app
