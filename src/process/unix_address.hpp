// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/result.hpp"

#include <sys/socket.h>
#include <sys/un.h>

#include <filesystem>

namespace msd::process {

/// The address of a Unix socket at `path`; errc::invalid when that is longer than the 107 bytes the
/// kernel takes.
[[nodiscard]] result<sockaddr_un> unix_address(const std::filesystem::path& path);

} // namespace msd::process
