// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "app/configuration.hpp"
#include "app/environment.hpp"
#include "base/result.hpp"

#include <filesystem>
#include <string>

// Passwords of servers. They come from a file or the environment: what stands on a command line
// can be read by every user of the machine.
namespace msd::app {

constexpr std::size_t secret_bytes_max = 4096;

/// The content of `file` without line ends at its end. With an empty `file`, the value of the
/// environment variable `variable` without one line end at its end; empty when it is not set.
/// errc::invalid: the file cannot be read, is empty or too large, or others than its owner can
/// change it, or others than its owner and its group can read it. A file of root that nobody can
/// write (mode 0444) may be readable for all: container platforms mount secrets so.
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

/// Puts both passwords into `into`, which is otherwise free of them.
[[nodiscard]] result<void> take_passwords(configuration& into, const environment_lookup& look_up);

} // namespace msd::app
