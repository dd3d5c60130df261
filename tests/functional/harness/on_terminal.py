# SPDX-License-Identifier: Apache-2.0
"""Runs a program in the foreground of a new pseudo terminal.

usage: on_terminal.py PROGRAM ARGUMENT…

Prints `PID n`, the output of the program, then `MODES echo canonical` (0 or 1 each) and `ENDED
code`. Commands for the terminal are lines on standard input: `stop` and `go` are Ctrl-S and Ctrl-Q,
`quit` is the key q, `interrupt` Ctrl-C, `size ROWS COLUMNS` resizes it, `close` closes it.
"""

import fcntl
import os
import pty
import selectors
import struct
import sys
import termios

KEYS = {"stop": b"\x13", "go": b"\x11", "quit": b"q", "interrupt": b"\x03"}


def show(text):
    os.write(sys.stdout.fileno(), text)


def obey(terminal, words):
    """Carries the commands out; False: the terminal has to be closed."""
    for word in words:
        if word.startswith("size "):
            rows, columns = map(int, word.split()[1:])
            fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
        elif word in KEYS:
            os.write(terminal, KEYS[word])
        else:
            return False
    return True


def modes(terminal):
    """Whether the terminal echoes, and whether it hands on whole lines."""
    local = termios.tcgetattr(terminal)[3]
    return bool(local & termios.ECHO), bool(local & termios.ICANON)


def main():
    pid, terminal = pty.fork()
    if pid == 0:
        os.execvp(sys.argv[1], sys.argv[1:])
    show(b"PID %d\n" % pid)
    commands = sys.stdin.fileno()  # sys.stdin itself could hold lines that the selector cannot see
    waiting = selectors.DefaultSelector()
    waiting.register(terminal, selectors.EVENT_READ)
    waiting.register(commands, selectors.EVENT_READ)
    is_open = True
    while is_open:
        for key, _ in waiting.select():
            if key.fd == commands:
                lines = os.read(commands, 4096).decode().splitlines()
                is_open = bool(lines) and obey(terminal, lines)
            else:
                try:
                    show(os.read(terminal, 65536))
                except OSError:  # the program has ended
                    is_open = False
            if not is_open:
                break
    show(b"\nMODES %d %d\n" % modes(terminal))
    os.close(terminal)
    show(b"ENDED %d\n" % os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))


main()
