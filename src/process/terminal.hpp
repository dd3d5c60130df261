// SPDX-License-Identifier: Apache-2.0
#pragma once

namespace msd::process {

// Whether the terminal that a master was started on still exists. When a terminal is closed, the
// kernel and the shell send HUP, which otherwise asks for the configuration to be read again.
class starting_terminal {
public:
    /// That of the process now: its controlling terminal. None when it has no such terminal
    /// (a service, `setsid msd up`), or ignores HUP (`nohup msd up`), which means that it is to
    /// outlive the terminal.
    starting_terminal();

    /// False when there was none.
    [[nodiscard]] bool is_gone() const;

private:
    bool was_there_;
};

} // namespace msd::process
