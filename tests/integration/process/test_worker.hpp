// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "process/worker_description.hpp"

#include <string>

namespace msd::process {

// The worker that the masters under test execute. It is this test program; its command line says
// how it behaves and where it writes its notes.
//   serve   READY, answers connections with its pid, obeys
//   hang    READY, then ignores everything, even TERM
//   linger  READY, obeys STOP and TERM but not DRAIN
//   mute    never READY
//   abort   READY, then dies at once
//   exit:N  FATAL "because of N", exit code N
//   refuse  serves, and refuses each CONFIGURE: "not this file"
//   deaf    serves, and does not answer CONFIGURE
//   late    serves, and is READY only when it has received CONFIGURE
//   slot N BEHAVIOUR   in slot N; serve in the other slots
// Workers of later generations behave as the file NOTES.next says, if it exists. `notes`: a file to
// which a line is appended for each step, `goods/0 ready`; `goods/0 has TEXT` for the text of a
// configuration file that it has received or was started with. Returns the exit code.
int run_test_worker(
    const worker_description& own,
    const std::string& behaviour,
    const std::string& notes
);

} // namespace msd::process
