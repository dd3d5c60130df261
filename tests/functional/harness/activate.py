# SPDX-License-Identifier: Apache-2.0
"""Opens descriptors, passes them as systemd does, and executes the program.

usage: activate.py NAME=KIND,… PROGRAM ARGUMENT…     KIND: tcp, udp, unix, file
"""

import os
import socket
import sys

import listen_fds


def made(kind):
    if kind == "file":
        return os.open("/dev/null", os.O_RDONLY)
    family = socket.AF_UNIX if kind == "unix" else socket.AF_INET
    one = socket.socket(family, socket.SOCK_DGRAM if kind == "udp" else socket.SOCK_STREAM)
    if kind == "tcp":
        one.bind(("127.0.0.1", 0))
        one.listen(64)
    return one.detach()


wanted = [each.split("=") for each in sys.argv[1].split(",")]
listen_fds.become(sys.argv[2:], [(name, made(kind)) for name, kind in wanted])
