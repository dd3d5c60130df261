# SPDX-License-Identifier: Apache-2.0
"""The part of systemd in sd_notify(3): binds the datagram socket that the argument names and prints
each datagram as one line of JSON. Node.js has no Unix datagram sockets."""

import json
import socket
import sys

with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as end:
    end.bind(sys.argv[1])
    print("READY notify", flush=True)
    while True:
        print(json.dumps(end.recv(1 << 16).decode().splitlines()), flush=True)
