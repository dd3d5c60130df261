// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/result.hpp"
#include "base/unique_fd.hpp"
#include "process/executable.hpp"
#include "process/master_state.hpp"

#include <optional>
#include <string>

// How a program takes the place of a master: executed in the master's own process, it finds the
// state in one descriptor and everything else open. Before that the same program is asked, in a
// process of its own that is handed the state, whether it could. Which is meant says one variable.
namespace msd::process {

inline constexpr const char* takeover_variable = "MSD_TAKEOVER";

/// The state as text in memory without a name, sealed; close-on-exec. errc::unavailable; also when
/// it would not read back as the same, which names that are not UTF-8 do not.
[[nodiscard]] result<unique_fd> write_down(const master_state& state);

/// Executes `program` in this process, with the descriptors of `state` open and the command line
/// of `state`. Returns only when that failed; everything is as it was then.
[[nodiscard]] error take_over(const executable& program, const master_state& state);

struct inherited_master {
    bool is_question = false; // whether it could be taken over, no more
    master_state state;
};

/// The first step of a program that may have been started for that; before any thread. Nothing
/// when it was not. The descriptors of `state` are close-on-exec again; of a question only the
/// configuration's is open. Errors: errc::invalid, the variable is no master's, or the state is
/// none that this program can take over.
[[nodiscard]] result<std::optional<inherited_master>> taken_over();

/// True when this process was started to answer whether it could take over.
[[nodiscard]] bool is_takeover_question();

/// Answers the question; the exit code.
[[nodiscard]] int answer_takeover(const result<void>& verdict);

/// The answer of a program that takes over, from what it printed: its version.
[[nodiscard]] std::optional<std::string> takeover_version(std::string_view printed);

/// Variables of this process, and `value` for the program that takes over.
[[nodiscard]] std::vector<std::string> takeover_variables(std::string_view value);

} // namespace msd::process
