// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "app/command_line.hpp"
#include "app/configuration.hpp"
#include "base/result.hpp"
#include "process/pid_file.hpp"
#include "process/privileges.hpp"
#include "process/worker_pool.hpp"

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

// The directories and files of an instance outside its data: NAME-PORT.pid, NAME-PORT.lock and
// NAME-PORT.sock in the runtime directory. `msd status` finds an instance by its socket.
namespace msd::app {

struct runtime_files {
    process::pid_file pid;
    std::filesystem::path control_socket;
};

/// Called as root before the switch to `owner`: creates the directories of claim_runtime_files()
/// and the log file, and gives them to `owner`, as far as only root can have chosen what their
/// paths mean. An existing directory changes its owner only when it is private to root, or
/// /run/msd: the owner of another directory may be intended.
void prepare_for_owner(
    const configuration& configured,
    verb command,
    const process::identity& owner
);

/// Creates the runtime directory, and the data directory (0700) for commands that need one, makes
/// sure that they can be used and that no other user can write to them, and claims the pid file.
/// errc::conflict when the instance runs already, errc::invalid when the socket's path would be too
/// long, errc::denied, errc::unavailable.
[[nodiscard]] result<runtime_files>
claim_runtime_files(const configuration& configured, std::string_view instance, verb command);

/// The file in which the workers of a pool keep the list of nodes (node/topology_file.hpp).
[[nodiscard]] std::filesystem::path
topology_file_of(const configuration& configured, std::string_view pool, std::uint16_t port);

// Removes these files of an instance when its master ends. They stay when the master is killed.
class topology_files {
public:
    topology_files(
        const configuration& configured,
        const std::vector<process::pool_settings>& pools
    );
    topology_files(const topology_files&) = delete;
    topology_files& operator=(const topology_files&) = delete;
    ~topology_files();

private:
    std::vector<std::filesystem::path> all_;
};

struct instance_socket {
    std::string name; // "up-8000"
    std::filesystem::path path;
};

/// The control sockets in that directory and in the directories in it, which are those of roles
/// (app/role_directories.hpp), sorted by name; some may be stale. At most 1024.
[[nodiscard]] std::vector<instance_socket> find_instances(const std::filesystem::path& directory);

} // namespace msd::app
