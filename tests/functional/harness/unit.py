# SPDX-License-Identifier: Apache-2.0
"""Simulates systemd for one unit with Type=notify and FileDescriptorStoreMax=.

usage: unit.py ADDRESS     the address of the notification socket

A line on standard input with a command as a JSON list starts that program with the stored
descriptors; the line "release" empties the store, as systemd does after a stop that no start
follows. Each event is printed as a line of JSON:
{"started": PID}, {"ended": PID}, {"notified": [LINE, …], "store": {NAME: COUNT}}.
"""

import json
import os
import selectors
import socket
import sys

import listen_fds

FDS_MAX = 16
store = []  # (name, descriptor); systemd hands the newest over first


def report(**what):
    print(json.dumps(what), flush=True)


def receive(end):
    text, descriptors, _, _ = socket.recv_fds(end, 1 << 16, FDS_MAX)
    lines = text.decode().splitlines()
    fields = dict(line.split("=", 1) for line in lines)
    name = fields.get("FDNAME", "stored")
    if fields.get("FDSTORE") == "1":
        store.extend((name, fd) for fd in descriptors)
    if fields.get("FDSTOREREMOVE") == "1":
        for each in [each for each in store if each[0] == name]:
            store.remove(each)
            os.close(each[1])
    names = [name for name, _ in store]
    report(notified=lines, store={name: names.count(name) for name in names})


def release():
    for _, descriptor in store:
        os.close(descriptor)
    store.clear()
    report(released=True, store={})


def start(arguments):
    pid = os.fork()
    if pid == 0:
        # The kernel kills the program when this process ends.
        through = ["setpriv", "--pdeathsig", "KILL"]
        listen_fds.become(through + arguments, store[::-1], NOTIFY_SOCKET=sys.argv[1])
    report(started=pid)
    return os.pidfd_open(pid), pid


def serve(end, events):
    events.register(end, selectors.EVENT_READ)
    events.register(sys.stdin, selectors.EVENT_READ)
    running = None
    while True:
        for key, _ in events.select():
            if key.fileobj is end:
                receive(end)
            elif key.fileobj is sys.stdin:
                line = sys.stdin.readline().strip()
                if line == "release":
                    release()
                    continue
                running = start(json.loads(line))
                events.register(running[0], selectors.EVENT_READ)
            else:
                events.unregister(running[0])
                os.close(running[0])
                os.waitpid(running[1], 0)
                report(ended=running[1])


with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as own, selectors.DefaultSelector() as all_of:
    own.bind(sys.argv[1])
    print("READY unit", flush=True)
    serve(own, all_of)
