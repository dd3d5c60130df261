// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/line_writer.hpp"
#include "base/result.hpp"

#include <optional>
#include <string>
#include <string_view>

// Where log lines go: opens the destination that `log.file` names.
namespace msd::log {

/// The descriptor of the standard stream that `file` names: STDERR_FILENO for "", "-" and
/// /dev/stderr, STDOUT_FILENO for /dev/stdout. Nothing for any other path.
[[nodiscard]] std::optional<int> standard_stream(std::string_view file);

/// Opens `path` for appending; creates the file with mode 0600. A file is refused that belongs to
/// another user, has a second name (hard link), or is in a directory of another user, and so is one
/// that other users can write to, or whose directory they can write to unless it is sticky
/// (base/owned_files.hpp). FIFOs and devices are accepted. errc::unavailable with a text that names
/// the path and what to do.
[[nodiscard]] result<line_writer> open_writer(const std::string& path);

/// Whether systemd's journal reads what is written to `fd`: JOURNAL_STREAM names its device and
/// inode (systemd.exec(5)).
[[nodiscard]] bool is_journal(int fd);

} // namespace msd::log
