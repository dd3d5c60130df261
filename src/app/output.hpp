// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "app/text_table.hpp"

#include <cstdio>
#include <string_view>

// What commands print. Text from other processes (names of nodes, replies, states of instances)
// reaches a terminal only in the form of base/printable.hpp. For errors: log::complain().
namespace msd::app {

/// One line; line feeds in `line` are escaped, too.
void print_line(std::FILE* to, std::string_view line);

/// To standard output, as it is: every part that comes from outside has to be printable() already.
void print_text(std::string_view text);

/// To standard output, with colours when that is a terminal.
void print_table(const text_table& table);

/// JSON of msd itself to standard output, on one line and with the same value.
void print_json(std::string_view json);

/// The reply of a node, to standard output: the bytes as they came, or on a terminal the same as
/// print_json().
void print_reply(std::string_view json);

} // namespace msd::app
