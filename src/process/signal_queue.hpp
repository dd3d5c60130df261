// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/unique_fd.hpp"

namespace msd::process {

// Delivers the signals that a master handles (TERM, QUIT, INT, HUP, USR1, USR2, TTIN, TTOU, WINCH,
// CHLD) through a descriptor, in order, to the master's only thread. PIPE is ignored. Construct it
// before any other descriptor or process: from then on none of these signals ends the process.
class signal_queue {
public:
    signal_queue();

    /// Becomes readable when a signal is pending.
    [[nodiscard]] int descriptor() const { return descriptor_.get(); }
    /// The next signal; 0 when there is none.
    [[nodiscard]] int next() const;

private:
    unique_fd descriptor_;
};

} // namespace msd::process
