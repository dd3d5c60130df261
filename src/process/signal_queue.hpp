// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/unique_fd.hpp"

namespace msd::process {

// Turns the signals a master handles (TERM, QUIT, INT, HUP, USR1, USR2, TTIN, TTOU, WINCH, CHLD)
// into something to read, in order, on the master's only thread; PIPE is ignored. Constructed first
// of all, before a descriptor or a process exists: from then on none of them ends the process.
class signal_queue {
public:
    signal_queue();

    /// Readable when a signal is there.
    [[nodiscard]] int descriptor() const { return descriptor_.get(); }
    /// The next signal; 0 when there is none.
    [[nodiscard]] int next() const;

private:
    unique_fd descriptor_;
};

} // namespace msd::process
