// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "app/config_schema.hpp"
#include "base/result.hpp"

#include <cstddef>
#include <filesystem>
#include <string>
#include <string_view>

// Configuration files: TOML, checked key by key against the schema. The only user of toml++.
namespace msd::app {

constexpr std::size_t config_bytes_max = 1 << 20;
constexpr std::size_t config_problems_max = 20; // reported for one file

/// Sets the values of `text` in `into`; messages call the file `name`. errc::invalid with one line
/// per problem, `NAME:LINE: KEY: what is wrong`, in the order of the file; the values in `into`
/// must not be used then.
[[nodiscard]] result<void> read_config(
    std::string_view text,
    std::string_view name,
    const config_schema& schema,
    configuration& into
);

/// The content of the file. errc::invalid when it cannot be read or is larger than
/// config_bytes_max.
[[nodiscard]] result<std::string> config_text(const std::filesystem::path& path);

/// The same as read_config() from a file. errc::invalid also when it cannot be read or is larger
/// than config_bytes_max.
[[nodiscard]] result<void> read_config_file(
    const std::filesystem::path& path,
    const config_schema& schema,
    configuration& into
);

} // namespace msd::app
