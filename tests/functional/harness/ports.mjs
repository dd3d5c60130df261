// SPDX-License-Identifier: Apache-2.0
// TCP ports for servers that start later, or start again on the same port. They are below the
// range from which the kernel chooses ports itself.

import dgram from 'node:dgram';
import net from 'node:net';

const port_min = 15_000;
const port_max = 31_999;
// Test programs that run side by side begin their search at different places.
const first = port_min + ((process.pid * 61) % (port_max - port_min + 1));
let next = first;

/** Listens on all addresses, as a server does that is given none. */
export async function can_listen(port) {
    const probe = net.createServer();
    const free = await new Promise((resolve) => {
        probe.once('error', () => resolve(false));
        probe.listen(port, () => resolve(true));
    });
    await new Promise((resolve) => probe.close(resolve));
    return free;
}

// A UDP socket on the same number marks the port as reserved until this process ends, for every
// test program of the machine: a TCP socket would be in the way of the server.
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

/** A port that nothing listens on, and that no other test gets while this process runs. */
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
