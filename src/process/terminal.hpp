// SPDX-License-Identifier: Apache-2.0
#pragma once

namespace msd::process {

// Whether the terminal that a master was started on still exists. When a terminal is closed, the
// kernel and the shell send HUP, which otherwise asks for the configuration to be read again.
class starting_terminal {
public:
    /// The present controlling terminal of the process. No terminal when the process has none
    /// (a service, `setsid msd up`), or ignores HUP (`nohup msd up`), so that it continues when the
    /// terminal is closed.
    starting_terminal();

    /// False when there was no terminal.
    [[nodiscard]] bool is_gone() const;

private:
    bool was_there_;
};

} // namespace msd::process
