// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/result.hpp"

#include <fmt/format.h>

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <utility>

// One line per event, to stderr or a file, as text or as JSON lines. Every line carries time,
// level, role, slot and pid. Control characters in the text are escaped, so nobody's data forges a
// line. Synchronous, each line written at once: lines survive a crash, and several processes can
// share a file. The only user of spdlog.
namespace msd::log {

enum class level : std::uint8_t { trace, debug, info, warning, error, off };
enum class format : std::uint8_t { text, json };

struct settings {
    level threshold = level::info;
    format style = format::text;
    std::string file; // empty: stderr
    std::string role; // "gateway", "goods", "master", …
    int slot = -1;    // worker slot; -1: none
};

/// Replaces the settings of the process. Before the first call: text, stderr, info. The file is
/// created (0600) when it is not there, its directory is not. errc::unavailable: it cannot be
/// opened, and the settings stay as they were.
result<void> configure(const settings& chosen);

/// Reopens the file by its path (after rotation by an outside program), or says in the old one why
/// that failed, and goes on there; nothing for stderr.
void reopen();

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
