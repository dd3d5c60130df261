// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>

// Error messages for people, outside the log: why a command failed or did not start.
namespace msd::app {

/// Writes `text` to standard error, with a line feed if it has none at its end. When standard error
/// is the journal's, each line is an error there (sd-daemon(3)).
void write_error(std::string_view text);

/// The same with the program's name: "msd: TEXT".
void complain(std::string_view text);

/// Whether `said`, a value of JOURNAL_STREAM (DEVICE:INODE), names the file behind the descriptor.
[[nodiscard]] bool is_journal_stream(std::string_view said, int descriptor);

/// `text` with the prefix of an error before each of its lines.
[[nodiscard]] std::string with_error_priority(std::string_view text);

} // namespace msd::app
