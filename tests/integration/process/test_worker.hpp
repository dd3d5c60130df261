// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "process/worker_description.hpp"

#include <string>

namespace msd::process {

// The worker that the masters under test execute: this very test program, told by its command line
// how to behave and where to note what it does.
//   serve   READY, answers connections with its pid, obeys
//   hang    READY, then hears nothing, not even TERM
//   linger  READY, obeys STOP and TERM but not DRAIN
//   mute    never READY
//   abort   READY, then dies at once
//   exit:N  FATAL "because of N", exit code N
///   slot N BEHAVIOUR   in that slot; serve elsewhere
// Workers of later generations behave as the file NOTES.next says, if there is one.
// `notes`: a file to which a line is appended for each step, `goods/0 ready`. The exit code.
int run_test_worker(
    const worker_description& own,
    const std::string& behaviour,
    const std::string& notes
);

} // namespace msd::process
