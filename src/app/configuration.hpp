// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/hmac.hpp"
#include "base/log.hpp"
#include "base/result.hpp"
#include "base/unique_fd.hpp"
#include "gateway/settings.hpp"
#include "host/settings.hpp"
#include "process/worker_pool.hpp"
#include "registry/settings.hpp"

#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace msd::app {

// What a role listens on and how many workers it gets.
struct role_choice {
    std::uint16_t port = 0; // 0: any free port
    int workers = 0;        // 0: see default_workers()
};

// Whether and where an instance has an admin worker; its port is a role_choice.
struct admin_choice {
    bool is_enabled = true;
    bool is_port_set = false; // the port is not the default
    std::string host;         // empty: both loopback addresses
};

// The whole configuration, before one role gets its part. The table of config_schema defines which
// key, variable and flag sets which member.
struct configuration {
    std::string host; // empty: both loopback addresses
    std::filesystem::path data_dir = "msd-data";
    std::filesystem::path runtime_dir; // empty: see runtime_dir_of()
    std::string user;                  // to switch to when started as root; empty: stay root
    std::string group;                 // empty: the user's own
    bool core_dumps = false;
    std::filesystem::path store_password_file; // empty: MSD_STORE_PASSWORD
    std::string secret_files; // of the cluster secret, separated by commas; empty: see secret.hpp
    // Identifies the secrets that the workers have; nothing: none. See digest_of_secrets().
    std::optional<bytes_32> secrets_digest;
    std::string cache_url;                     // as configured; empty: no Redis
    std::filesystem::path cache_password_file; // empty: MSD_CACHE_PASSWORD
    std::shared_ptr<const unique_fd> text;     // a copy of the configuration file; empty: none
    log::settings log;
    std::map<std::string, role_choice, std::less<>> roles;
    admin_choice admin;

    node::membership_settings membership;
    upstream::packet_settings packets;
    upstream::upstream_settings upstream;
    registry::distributor_settings distributor;
    gateway::gateway_settings gateway;
    bool limits_in_redis = false; // gateway.limit_store: that of `cache_url`
    host::service_settings service;
    process::supervision_settings supervision;

    std::vector<std::string> warnings; // for the master to log when it starts
};

/// Fails when values contradict each other: the text names their keys, or the source of a route.
[[nodiscard]] result<void> check_together(const configuration& made);

/// The settings of one role, with the shared sections filled in.
[[nodiscard]] registry::distributor_settings distributor_of(const configuration& from);
[[nodiscard]] gateway::gateway_settings gateway_of(const configuration& from);
[[nodiscard]] host::service_settings service_of(const configuration& from, std::string_view name);

/// The configured directory, else /run/msd for root, else $XDG_RUNTIME_DIR/msd, else DATA/run.
[[nodiscard]] std::filesystem::path runtime_dir_of(const configuration& from);

/// The directories in which an instance of this user may have its control socket, absolute and
/// without duplicates: only the configured runtime directory when there is one, else
/// runtime_dir_of() and the directories that it names in other environments (another
/// XDG_RUNTIME_DIR, none, root), without a DATA/run of another user.
[[nodiscard]] std::vector<std::filesystem::path> runtime_dirs_to_search(const configuration& from);

} // namespace msd::app
