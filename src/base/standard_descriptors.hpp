// SPDX-License-Identifier: Apache-2.0
#pragma once

namespace msd {

// Descriptors 0, 1 and 2. Every process of msd has them: a socket that gets such a number would
// receive what is printed. And what they lead to never blocks a process that serves.

/// Opens /dev/null as each of the descriptors 0, 1 and 2 that is closed. For the first line of
/// main(), before anything else is opened. They stay open over exec.
void open_standard_descriptors();

/// Gives descriptor `fd`, 1 or 2, an open file description of its own with O_NONBLOCK, when it is a
/// pipe or a terminal. The one it had is shared with other processes (the shell, a pipeline), for
/// which O_NONBLOCK would be an error, so it is left as it is. Workers inherit the new description:
/// the master calls this before it changes its user, since opening needs the permissions of whoever
/// made the pipe or has the terminal. Without them nothing changes: see line_writer for what then
/// keeps a write from blocking.
void make_standard_descriptor_nonblocking(int fd);

} // namespace msd
