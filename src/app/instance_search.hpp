// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "app/command_line.hpp"
#include "app/configuration.hpp"
#include "app/runtime_files.hpp"
#include "base/deadline.hpp"
#include "base/result.hpp"

#include <filesystem>
#include <string>
#include <vector>

// Finds the running instances of this machine by the control sockets of their masters.
namespace msd::app {

struct running_instance {
    instance_socket at;
    result<std::string> status; // what its master answered, or why it did not
};

struct instance_search {
    std::vector<running_instance> found; // sorted by name
    std::vector<std::filesystem::path> looked_in;

    /// A message for people: nothing was found, and every directory that was searched.
    [[nodiscard]] std::string nothing_found(const command_line& command) const;
};

/// Asks the masters in the directories of runtime_dirs_to_search(), up to the first directory that
/// has an instance that `command` means: its name and process id, when the command gives them.
/// Sockets that a killed master left behind do not count.
[[nodiscard]] instance_search find_running(
    const command_line& command,
    const configuration& configured,
    milliseconds timeout_each
);

/// The only running instance, or the instance that the command names. errc::not_found, invalid with
/// a text for the user.
[[nodiscard]] result<instance_socket> choose_instance(
    const command_line& command,
    const configuration& configured,
    milliseconds timeout_each
);

} // namespace msd::app
