// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/deadline.hpp"
#include "base/result.hpp"

#include <filesystem>
#include <string>
#include <string_view>

namespace msd::process {

/// Sends one command line to the control socket at `path` and returns the answer, both without the
/// line feed; at most 16 MiB. errc::not_found: no socket; errc::refused: no process listens (a
/// killed master left the socket behind); errc::denied; errc::timeout; errc::closed.
[[nodiscard]] result<std::string>
ask_master(const std::filesystem::path& path, std::string_view command, deadline until);

} // namespace msd::process
