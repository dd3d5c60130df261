# SPDX-License-Identifier: Apache-2.0
"""The part of systemd in sd_listen_fds(3)."""

import fcntl
import os

FIRST = 3
AWAY = 100


def become(arguments, named, **variables):
    """Executes `arguments` in place of this process with descriptors: [(name, descriptor), …]."""
    away = [fcntl.fcntl(fd, fcntl.F_DUPFD, AWAY) for _, fd in named]
    for index, fd in enumerate(away):
        os.dup2(fd, FIRST + index, inheritable=True)
    os.closerange(FIRST + len(away), 2 * AWAY)
    listen = {
        "LISTEN_PID": str(os.getpid()),
        "LISTEN_FDS": str(len(named)),
        "LISTEN_FDNAMES": ":".join(name for name, _ in named),
    }
    os.execvpe(arguments[0], arguments, {**os.environ, **variables, **(listen if named else {})})
