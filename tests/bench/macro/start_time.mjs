// SPDX-License-Identifier: Apache-2.0
// The time from the start of `msd up` to the first answered request, and from READY of a service
// until the gateway routes to it.

import net from 'node:net';

import { http } from '../../functional/harness/http_client.mjs';
import { start_msd, with_directory } from './msd.mjs';

const limit_ms = 30_000;
const between_ms = 1;

/** Ports that were free a moment ago: requests are sent before the gateway prints its port. */
async function free_ports(count) {
    const servers = [];
    for (let index = 0; index < count; ++index) {
        const server = net.createServer();
        await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
        servers.push(server);
    }
    const ports = servers.map((server) => server.address().port);
    for (const server of servers) {
        await new Promise((resolve) => server.close(resolve));
    }
    return ports;
}

/** The time of the first 200 to GET /goods. */
async function first_answer(port) {
    const end = performance.now() + limit_ms;
    while (performance.now() < end) {
        try {
            const reply = await http(port, 'GET', '/goods');
            if (reply.status === 200) {
                return performance.now();
            }
        } catch {
            // The gateway does not listen yet.
        }
        await new Promise((resolve) => setTimeout(resolve, between_ms));
    }
    throw new Error(`GET /goods was not answered within ${limit_ms} ms`);
}

async function fresh_start() {
    return with_directory(async (directory) => {
        const roles = [
            'gateway', 'distributor', 'goods', 'members', 'purchases', 'stores', 'events', 'logs',
        ];
        const ports = await free_ports(roles.length);
        const args = roles.flatMap((role, index) => [`--${role}-port`, String(ports[index])]);
        const began = performance.now();
        const system = start_msd(directory, ['up', ...args]);
        try {
            return await first_answer(ports[0]) - began;
        } finally {
            await system.stop();
        }
    });
}

async function late_service() {
    return with_directory(async (directory) => {
        const programs = [];
        const start = (args) => {
            programs.push(start_msd(directory, args));
            return programs.at(-1);
        };
        try {
            const distributor = start(['distributor', '--port', '0']);
            const registry = `127.0.0.1:${await distributor.ready('distributor')}`;
            const gateway = start(['gateway', '--port', '0', '--distributor', registry]);
            const port = await gateway.ready('gateway');
            const goods = start(['service', 'goods', '--port', '0', '--distributor', registry]);
            const answered = first_answer(port);
            const ready = new Promise((resolve) => {
                goods.child.stdout.on('data', () => resolve(performance.now()));
            });
            // A request can be answered before the master prints READY: then the wait is 0.
            return Math.max(0, await answered - await ready);
        } finally {
            for (const each of programs.reverse()) {
                await each.stop();
            }
        }
    });
}

export async function start_times() {
    return [
        {
            name: 'msd up: start to first answer', value: await fresh_start(),
            unit: 'ms', best: 'least',
        },
        {
            name: 'service: READY to routable', value: await late_service(),
            unit: 'ms', best: 'least',
        },
    ];
}
