// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/result.hpp"
#include "base/unique_fd.hpp"
#include "process/executable.hpp"
#include "process/master_state.hpp"

#include <optional>
#include <string>

// How a program takes over a master. The program is executed in the process of the master, reads
// the state from one descriptor and finds all other descriptors open. Before that, the same program
// is started in a separate process, gets the state and answers whether it can take over. An
// environment variable distinguishes the two cases.
namespace msd::process {

inline constexpr const char* takeover_variable = "MSD_TAKEOVER";

/// Writes the state to anonymous, sealed memory; close-on-exec. errc::unavailable: no memory, or
/// the state does not read back as the same, for example because a path is not UTF-8.
[[nodiscard]] result<unique_fd> write_down(const master_state& state);

/// Executes `program` in this process with the command line of `state` and its descriptors open.
/// Returns only when that fails; then nothing has changed.
[[nodiscard]] error take_over(const executable& program, const master_state& state);

struct inherited_master {
    bool is_question = false; // the program only has to answer whether it could take over
    master_state state;
};

/// Reads the state when this program was started to take a master over, and returns nothing when it
/// was not. Call it before any thread is started. Sets close-on-exec for the descriptors of
/// `state`; for a question only the configuration's descriptor is open. errc::invalid: the variable
/// was not set by a master, or this program cannot take the state over.
[[nodiscard]] result<std::optional<inherited_master>> taken_over();

/// True when this process was started to answer whether it could take over.
[[nodiscard]] bool is_takeover_question();

/// Prints the answer to the question. Returns the exit code.
[[nodiscard]] int answer_takeover(const result<void>& verdict);

/// The version in what a program printed that can take over; nothing for any other text.
[[nodiscard]] std::optional<std::string> takeover_version(std::string_view printed);

/// The environment of this process with `value` added as takeover_variable.
[[nodiscard]] std::vector<std::string> takeover_variables(std::string_view value);

} // namespace msd::process
