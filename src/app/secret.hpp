// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "app/configuration.hpp"
#include "app/environment.hpp"
#include "base/result.hpp"

#include <filesystem>
#include <optional>
#include <string>

// Passwords of servers and the cluster secret. They come from a file or the environment, because
// every user of the machine can read a command line.
namespace msd::app {

constexpr std::size_t secret_bytes_max = 4096;
constexpr std::size_t secret_file_bytes_max = std::size_t{16} * 1024; // with several secrets
constexpr std::size_t secret_files_max = 8;

/// The content of `file` without line ends at its end. With an empty `file`, the value of the
/// environment variable `variable` without one line end at its end; empty when it is not set.
/// errc::invalid: the file cannot be read, is empty or too large; or users other than its owner can
/// change it, or users outside its group can read it. Exception: a file that belongs to root and
/// has mode 0444 is accepted, because container platforms mount secrets like that.
[[nodiscard]] result<std::string> read_secret(
    const std::filesystem::path& file,
    const char* variable,
    const environment_lookup& look_up
);

/// The password of section [store]; empty without a server.
[[nodiscard]] result<std::string>
store_password(const configuration& configured, const environment_lookup& look_up);

/// The password of section [cache]; empty without a Redis.
[[nodiscard]] result<std::string>
cache_password(const configuration& configured, const environment_lookup& look_up);

/// Stores the secrets of the files in registry.secret_file, or else of the environment, in
/// into.membership; null when there are none. Rules for the files as of read_secret().
/// errc::invalid names the file and the line, and never repeats a secret.
[[nodiscard]] result<void>
take_cluster_secrets(configuration& into, const environment_lookup& look_up);

/// Of of.membership.secrets; nothing without secrets.
[[nodiscard]] std::optional<bytes_32> digest_of_secrets(const configuration& of);
/// For an instance whose workers have secrets that this process has not read: a digest that differs
/// from that of any secrets; nothing when the configuration names no secrets.
[[nodiscard]] std::optional<bytes_32>
digest_of_unknown_secrets(const configuration& of, const environment_lookup& look_up);

/// Stores both passwords and the cluster secrets in `into`. Nothing else stores them there.
[[nodiscard]] result<void> take_passwords(configuration& into, const environment_lookup& look_up);

} // namespace msd::app
