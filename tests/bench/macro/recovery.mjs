// SPDX-License-Identifier: Apache-2.0
// How long it takes msd to write again after its database is back, without a restart of msd, under
// load: after the database was killed, and after it hung.

import path from 'node:path';

import { http } from '../../functional/harness/http_client.mjs';
import { mariadb_password, mariadb_server } from '../../functional/harness/mariadb.mjs';
import { pause } from '../../functional/harness/until.mjs';
import { with_directory, with_system } from './msd.mjs';

const away_ms = 1500; // longer than every timeout, so that pools are disconnected
const repetitions = 3;
const in_a_row = 30; // successes in a row: more than all workers and connections

async function write(port) {
    const body = { name: 'n', category: 'c', price: 1, description: 'd' };
    return (await http(port, 'POST', '/goods', { body })).status === 200;
}

async function fails_for(port, duration_ms) {
    const until = performance.now() + duration_ms;
    while (performance.now() < until) {
        await write(port);
        await pause(5);
    }
}

/** The time from which all writes succeed, in ms from now. */
async function back_after(port) {
    const began = performance.now();
    let first = 0;
    for (let good = 0; good < in_a_row;) {
        const succeeded = await write(port);
        if (!succeeded) {
            good = 0;
            await pause(5);
        } else if (++good === 1) {
            first = performance.now() - began;
        }
    }
    return first;
}

export async function recovery() {
    return with_directory(async (directory) => {
        const server = await mariadb_server.start(path.join(directory, 'db'), { durable: true });
        const system = {
            args: ['--store', server.url],
            env: { MSD_STORE_PASSWORD: mariadb_password },
            config: '[gateway]\nrequest_timeout_ms = 1000\n',
        };
        try {
            return await with_system(system, async ({ ports }) => {
                const longest = { killed: 0, hung: 0 };
                for (let n = 0; n < repetitions; ++n) {
                    await server.kill();
                    await fails_for(ports.gateway, away_ms);
                    await server.start();
                    longest.killed = Math.max(longest.killed, await back_after(ports.gateway));
                    await server.freeze();
                    await fails_for(ports.gateway, away_ms);
                    server.thaw();
                    longest.hung = Math.max(longest.hung, await back_after(ports.gateway));
                }
                return Object.entries(longest).map(([fate, value]) => ({
                    name: `MariaDB that was ${fate}: back to writes`, value,
                    unit: 'ms', best: 'least',
                }));
            });
        } finally {
            await server.stop();
        }
    });
}
