// SPDX-License-Identifier: Apache-2.0
// Ports for what starts later, or again: below those that the system hands out by itself, so that
// no test beside it is given one meanwhile.

import net from 'node:net';

const port_min = 15_000;
const port_max = 31_999;

/** On all addresses, which is what a server asks for that names none. */
export async function can_listen(port) {
    const probe = net.createServer();
    const free = await new Promise((resolve) => {
        probe.once('error', () => resolve(false));
        probe.listen(port, () => resolve(true));
    });
    await new Promise((resolve) => probe.close(resolve));
    return free;
}

/** A port that nobody listens on, and that is nobody's before the caller makes it his. */
export async function free_port() {
    for (;;) {
        const port = port_min + Math.floor(Math.random() * (port_max - port_min + 1));
        if (await can_listen(port)) {
            return port;
        }
    }
}
