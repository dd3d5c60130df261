// SPDX-License-Identifier: Apache-2.0
#include "app/instance_search.hpp"

#include "app/status_reading.hpp"
#include "base/json.hpp"
#include "process/control_client.hpp"

#include <fmt/format.h>

#include <utility>

namespace msd::app {

namespace {

bool is_stale(const running_instance& each) {
    return !each.status && (each.status.error().code == errc::refused ||
                            each.status.error().code == errc::not_found);
}

bool is_meant(const command_line& command, const running_instance& each) {
    if (command.master_pid == 0) {
        return true;
    }
    json::object fields;
    return each.status && fields.parse(*each.status) &&
           number_of(fields, "pid") == command.master_pid;
}

std::string listed(const std::vector<std::filesystem::path>& directories) {
    std::string text;
    for (const std::filesystem::path& each : directories) {
        text += (text.empty() ? "" : ", ") + each.native();
    }
    return text;
}

} // namespace

std::string instance_search::nothing_found(const command_line& command) const {
    std::string which = "no instance";
    if (!command.instance.empty()) {
        which += " " + command.instance;
    }
    if (command.master_pid != 0) {
        which += fmt::format(" of process {}", command.master_pid);
    }
    return fmt::format(
        "{} runs: searched {}; for an instance with another runtime directory, name that "
        "directory with --runtime-dir; instances of other users are visible to root and, with the "
        "systemd units, to members of the group msd",
        which,
        listed(looked_in)
    );
}

instance_search find_running(
    const command_line& command,
    const configuration& configured,
    milliseconds timeout_each
) {
    instance_search search;
    for (const std::filesystem::path& directory : runtime_dirs_to_search(configured)) {
        search.looked_in.push_back(directory);
        for (instance_socket& each : find_instances(directory)) {
            if (!command.instance.empty() && each.name != command.instance) {
                continue;
            }
            auto status = process::ask_master(
                each.path,
                R"({"command":"status"})",
                deadline::in(timeout_each)
            );
            running_instance asked{std::move(each), std::move(status)};
            if (!is_stale(asked) && is_meant(command, asked)) {
                search.found.push_back(std::move(asked));
            }
        }
        if (!search.found.empty()) {
            break;
        }
    }
    return search;
}

result<instance_socket> choose_instance(
    const command_line& command,
    const configuration& configured,
    milliseconds timeout
) {
    instance_search search = find_running(command, configured, timeout);
    if (search.found.size() == 1) {
        return std::move(search.found.front().at);
    }
    if (search.found.empty()) {
        return fail(errc::not_found, search.nothing_found(command));
    }
    std::string names;
    for (const running_instance& each : search.found) {
        names += (names.empty() ? "" : ", ") + each.at.name;
    }
    return fail(errc::invalid, fmt::format("several instances run; name one with -i: {}", names));
}

} // namespace msd::app
