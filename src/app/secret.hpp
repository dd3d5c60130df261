// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "app/configuration.hpp"
#include "app/environment.hpp"
#include "base/result.hpp"

#include <filesystem>
#include <string>

// Passwords of servers. They come from a file or the environment, because every user of the machine
// can read a command line.
namespace msd::app {

constexpr std::size_t secret_bytes_max = 4096;

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

/// Stores both passwords in `into`. Nothing else stores them there.
[[nodiscard]] result<void> take_passwords(configuration& into, const environment_lookup& look_up);

} // namespace msd::app
