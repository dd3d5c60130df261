// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "app/command_line.hpp"
#include "app/configuration.hpp"
#include "base/result.hpp"
#include "process/pid_file.hpp"

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

// The directories and files of an instance outside its data: NAME-PORT.pid and NAME-PORT.sock in
// the runtime directory, by which `msd status` finds it.
namespace msd::app {

struct runtime_files {
    process::pid_file pid;
    std::filesystem::path control_socket;
};

/// Creates the runtime directory, and the data directory (0700) for commands that need one, and
/// claims the pid file. errc::conflict when the instance runs already, errc::invalid when the
/// socket's path would be too long, errc::unavailable.
[[nodiscard]] result<runtime_files>
claim_runtime_files(const configuration& configured, std::string_view instance, verb command);

struct instance_socket {
    std::string name; // "up-8000"
    std::filesystem::path path;
};

/// The control sockets in the runtime directory, sorted by name; some may be stale. At most 1024.
[[nodiscard]] std::vector<instance_socket> find_instances(const configuration& configured);

} // namespace msd::app
