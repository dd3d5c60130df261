# SPDX-License-Identifier: Apache-2.0
"""Listens on a port, accepts nothing and fills its queue: the kernel answers no further SYN."""

import signal
import socket

listener = socket.socket()
listener.bind(("127.0.0.1", 0))
listener.listen(0)
held = []
while True:
    client = socket.socket()
    client.settimeout(0.2)
    held.append(client)
    try:
        client.connect(listener.getsockname())
    except TimeoutError:
        break
print(f"READY deaf 127.0.0.1:{listener.getsockname()[1]}", flush=True)
signal.pause()
