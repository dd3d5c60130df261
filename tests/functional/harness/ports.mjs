// SPDX-License-Identifier: Apache-2.0
// TCP ports for servers that start later or restart on the same port. They are below the range from
// which the kernel assigns ports.

import dgram from 'node:dgram';
import net from 'node:net';

const port_min = 15_000;
const port_max = 31_999;
// Test programs that run at the same time begin their search at different ports.
const first = port_min + ((process.pid * 61) % (port_max - port_min + 1));
let next = first;

/** Whether a server can listen on `port` of all addresses. */
export async function can_listen(port) {
    const probe = net.createServer();
    const free = await new Promise((resolve) => {
        probe.once('error', () => resolve(false));
        probe.listen(port, () => resolve(true));
    });
    await new Promise((resolve) => probe.close(resolve));
    return free;
}

// A UDP socket with the same number reserves the port against other test programs of the machine
// until this process ends. A TCP socket would keep the server from listening.
function reserve(port) {
    const mark = dgram.createSocket('udp4');
    return new Promise((resolve) => {
        mark.once('error', () => resolve(false));
        mark.bind({ port, address: '127.0.0.1', exclusive: true }, () => {
            mark.unref();
            resolve(true);
        });
    });
}

/** A port without a listener that no other test gets while this process runs. */
export async function free_port() {
    for (;;) {
        const port = next;
        next = port === port_max ? port_min : port + 1;
        if (next === first) {
            throw new Error(`no free port from ${port_min} to ${port_max}`);
        }
        if ((await reserve(port)) && (await can_listen(port))) {
            return port;
        }
    }
}
