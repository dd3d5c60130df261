// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "app/command_line.hpp"
#include "app/configuration.hpp"
#include "base/result.hpp"

#include <filesystem>
#include <string_view>

// The directories of roles that run as different users, as the systemd units do: no user may use
// the directory of another one. So the configured data and runtime directories, which belong to
// root then, contain one directory for each role. Where these exist they are used; otherwise all
// roles share the configured directory.
namespace msd::app {

/// Whether `data_dir` contains a directory for each service: one of a service that stores rows. (A
/// directory logs exists in a shared one, too.)
[[nodiscard]] bool is_split(const std::filesystem::path& data_dir);

/// `data_dir`/`service` when it is split, else `data_dir`.
[[nodiscard]] std::filesystem::path
data_dir_of(const std::filesystem::path& data_dir, std::string_view service);

/// Changes both directories of `into` to those of the role that `command` starts.
/// errc::invalid: `msd up` cannot use a split data directory.
[[nodiscard]] result<void> choose_directories(configuration& into, const command_line& command);

} // namespace msd::app
