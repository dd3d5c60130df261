// SPDX-License-Identifier: Apache-2.0
#pragma once

namespace msd {

// Descriptors 0, 1 and 2. They are open in every process of msd; otherwise a socket could get such
// a number and would receive printed text. Writing to them never blocks a process that serves.

/// Opens /dev/null as each of the descriptors 0, 1 and 2 that is closed. Call it first in main(),
/// before anything else is opened. The descriptors stay open over exec.
void open_standard_descriptors();

/// Gives descriptor `fd`, 1 or 2, an open file description of its own with O_NONBLOCK, when it is a
/// pipe or a terminal. The old description is shared with other processes (the shell, a pipeline),
/// which do not expect O_NONBLOCK, so it is not changed. Workers inherit the new description. The
/// master calls this before it changes its user, because opening needs the permissions of the owner
/// of the pipe or terminal. Without them nothing changes; line_writer then prevents that a write
/// blocks.
void make_standard_descriptor_nonblocking(int fd);

} // namespace msd
