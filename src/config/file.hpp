// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/result.hpp"

#include <cstddef>
#include <filesystem>
#include <string>

// Reads the text of a configuration file.
namespace msd::config {

constexpr std::size_t file_bytes_max = 4U << 20;

/// The content of the file. errc::invalid when it cannot be read or is larger than file_bytes_max.
[[nodiscard]] result<std::string> read_text(const std::filesystem::path& path);

} // namespace msd::config
