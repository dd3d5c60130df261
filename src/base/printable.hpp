// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

// The form in which text from outside (names of nodes, messages of workers, keys of a file,
// replies) reaches terminals, log lines, tables and the service manager. Such text must not control
// a terminal, add a line or hide or reorder what a reader sees. All output of msd uses these
// functions.
//
// Unprintable are: control characters (C0, DEL, C1), format characters (Unicode Cf: bidirectional
// controls, zero width characters, soft hyphen, tags), the line and paragraph separators, and bytes
// that are not UTF-8.
namespace msd {

/// True if `text` contains an unprintable character or invalid UTF-8. NUL counts.
[[nodiscard]] bool has_unprintable(std::string_view text);

/// `text` on one line: unprintable characters become \n, \t, \x1b, \u202e or \U000e0041; each
/// invalid byte becomes U+FFFD. Idempotent: a backslash in `text` stays as it is.
[[nodiscard]] std::string printable(std::string_view text);

/// The same for text of several lines that msd composed: line feeds stay.
[[nodiscard]] std::string printable_lines(std::string_view text);

/// JSON text with the same value on one line: unprintable characters become \u escapes of JSON,
/// white space between tokens that is not a space becomes a space.
[[nodiscard]] std::string printable_json(std::string_view json);

/// At most the first `bytes_max` bytes of `text`, without a part of a character at the end.
[[nodiscard]] std::string_view cut_text(std::string_view text, std::size_t bytes_max);

/// The columns of a terminal that `text` takes: 2 for wide characters, 0 for combining ones. `text`
/// must be printable.
[[nodiscard]] std::size_t display_columns(std::string_view text);

} // namespace msd
