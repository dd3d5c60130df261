// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/result.hpp"

#include <fmt/format.h>

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <utility>

// One line per event, to standard error or a file, as text or as JSON lines. Every line carries
// time, level, role, slot and pid; for the journal of systemd it carries a priority instead of the
// time. Unprintable characters in the text are escaped (base/printable.hpp), so data cannot forge a
// line, and secrets are masked (base/masking.hpp). The only user of spdlog.
//
// Each line is written by the call that logs it, with one system call, and nothing is buffered:
// a line that was logged survives a crash of its process, and several processes can share a file.
// The call never waits for the reader of a pipe, terminal or socket, because it is made by event
// loops and by the master: line_writer writes what there is room for. A line that cannot be written
// (no room, a full disk) is dropped and counted, and the count is logged when writing works again.
// A queue with a writer thread would keep some more lines while the reader pauses, but a crash of
// the process would lose the queued lines, which are the ones that explain the crash.
namespace msd::log {

enum class level : std::uint8_t { trace, debug, info, warning, error, off };
enum class format : std::uint8_t { text, json };

struct settings {
    level threshold = level::info;
    format style = format::text;
    std::string file; // empty, "-" or a name of a standard stream (/dev/stderr): that stream
    std::string role; // "gateway", "goods", "master", …
    int slot = -1;    // worker slot; -1: none
};

/// Replaces the settings of the process. Before the first call: text, stderr, info. The file is
/// created (0600) when it does not exist; its directory is not created. errc::unavailable: it
/// cannot be opened, and the settings stay as they were.
result<void> configure(const settings& chosen);

/// Reopens the file by its path (after rotation by another program). When that fails, logs the
/// reason to the old file and continues there. Does nothing for a standard stream.
void reopen();

/// Logs how many lines were dropped, when there are some and writing works again. For a periodic
/// call: otherwise the count is logged with the next line.
void retry();

/// Writes an error message of a command to standard error, with a line feed if `text` does not end
/// in one. When standard error is connected to the journal, each line has the priority of an error.
/// Unprintable characters are escaped; line feeds stay, so parts of `text` that come from outside
/// have to be printable().
void write_error(std::string_view text);
/// The same on one line with the program's name: "msd: `text`".
void complain(std::string_view text);

[[nodiscard]] bool enabled(level wanted);
void write(level severity, std::string_view text);

/// Also hands each line of `info` and above to `ship` as a complete JSON object (time, level, role,
/// slot, pid, host, message). `ship` must not log. An empty function ends it.
void set_shipper(std::function<void(std::string_view json_line)> ship);

/// "trace" … "error", "off"; false when `name` is none of them.
[[nodiscard]] bool parse_level(std::string_view name, level& out);

template <class... Args>
void debug(fmt::format_string<Args...> text, Args&&... args) {
    if (enabled(level::debug)) {
        write(level::debug, fmt::format(text, std::forward<Args>(args)...));
    }
}

template <class... Args>
void info(fmt::format_string<Args...> text, Args&&... args) {
    if (enabled(level::info)) {
        write(level::info, fmt::format(text, std::forward<Args>(args)...));
    }
}

template <class... Args>
void warning(fmt::format_string<Args...> text, Args&&... args) {
    if (enabled(level::warning)) {
        write(level::warning, fmt::format(text, std::forward<Args>(args)...));
    }
}

template <class... Args>
void error(fmt::format_string<Args...> text, Args&&... args) {
    if (enabled(level::error)) {
        write(level::error, fmt::format(text, std::forward<Args>(args)...));
    }
}

} // namespace msd::log
