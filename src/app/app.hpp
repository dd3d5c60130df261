// SPDX-License-Identifier: Apache-2.0
#pragma once

namespace msd::app {

/// The whole program: reads the command line, becomes master, worker or terminal command, and
/// returns the exit code (0 ok, 1 failed, 2 usage, 70 internal, 78 configuration).
[[nodiscard]] int run(int argc, char** argv);

} // namespace msd::app
