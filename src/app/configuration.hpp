// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/log.hpp"
#include "base/result.hpp"
#include "base/unique_fd.hpp"
#include "process/pool.hpp"
#include "roles/settings.hpp"

#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace msd::app {

// What a role listens on and how many workers it gets.
struct role_choice {
    std::uint16_t port = 0; // 0: any free one
    int workers = 0;        // 0: as many as fit the machine
};

// Everything that can be configured, before it is handed to one role. Which key of the file, which
// variable and which flag sets what is said once, in the table of config_schema.
struct configuration {
    std::string host; // empty: both loopback addresses
    std::filesystem::path data_dir = "msd-data";
    std::filesystem::path runtime_dir; // empty: see runtime_dir_of()
    std::string user;                  // to switch to when started as root; empty: stay root
    std::string group;                 // empty: the user's
    bool core_dumps = false;
    std::filesystem::path store_password_file; // empty: MSD_STORE_PASSWORD
    std::string cache_url;                     // as it was said; empty: no Redis
    std::filesystem::path cache_password_file; // empty: MSD_CACHE_PASSWORD
    std::shared_ptr<const unique_fd> text; // the file this was read from, as it was; empty: none
    log::settings log;
    std::map<std::string, role_choice, std::less<>> roles;

    roles::membership_settings membership;
    roles::packet_settings packets;
    roles::upstream_settings upstream;
    roles::distributor_settings distributor;
    roles::gateway_settings gateway;
    roles::service_settings service;
    process::supervision_settings supervision;

    std::vector<std::string> warnings; // about how it was configured: for the log, once
};

/// errc::invalid when values that are good alone do not go together; names their keys.
[[nodiscard]] result<void> check_together(const configuration& made);

/// The settings of one role, with the shared sections filled in.
[[nodiscard]] roles::distributor_settings distributor_of(const configuration& from);
[[nodiscard]] roles::gateway_settings gateway_of(const configuration& from);
[[nodiscard]] roles::service_settings service_of(const configuration& from, std::string_view name);

/// --runtime-dir as it was said, else /run/msd for root, else $XDG_RUNTIME_DIR/msd, else DATA/run.
[[nodiscard]] std::filesystem::path runtime_dir_of(const configuration& from);

/// The directories in which an instance of this user may have its control socket, absolute and
/// without duplicates: only the configured runtime directory when there is one, else
/// runtime_dir_of() and the directories that it names in other environments (another
/// XDG_RUNTIME_DIR, none, root).
[[nodiscard]] std::vector<std::filesystem::path> runtime_dirs_to_search(const configuration& from);

} // namespace msd::app
