# SPDX-License-Identifier: Apache-2.0
"""Runs a program in the foreground of a new pseudo terminal.

usage: on_terminal.py PROGRAM ARGUMENT…

Prints `PID n`, the output of the program, then `ENDED code`. Commands for the terminal are lines
on standard input: `stop` and `go` are Ctrl-S and Ctrl-Q, `close` closes the terminal.
"""

import os
import pty
import selectors
import sys

KEYS = {"stop": b"\x13", "go": b"\x11"}


def show(text):
    os.write(sys.stdout.fileno(), text)


def main():
    pid, terminal = pty.fork()
    if pid == 0:
        os.execvp(sys.argv[1], sys.argv[1:])
    show(b"PID %d\n" % pid)
    waiting = selectors.DefaultSelector()
    waiting.register(terminal, selectors.EVENT_READ)
    waiting.register(sys.stdin, selectors.EVENT_READ)
    while terminal is not None:
        for key, _ in waiting.select():
            if key.fileobj is sys.stdin:
                word = sys.stdin.readline().strip()
                if word in KEYS:
                    os.write(terminal, KEYS[word])
                    continue
            else:
                try:
                    show(os.read(terminal, 65536))
                    continue
                except OSError:  # the program has ended
                    pass
            os.close(terminal)
            terminal = None
            break
    show(b"ENDED %d\n" % os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))


main()
