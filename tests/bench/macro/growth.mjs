// SPDX-License-Identifier: Apache-2.0
// How much the memory of the workers grows over a million requests on MariaDB and Redis: reads of
// one row and of several rows, and purchases.

import { http } from '../../functional/harness/http_client.mjs';
import { get_goods, load, post_purchases } from '../../functional/harness/load.mjs';
import { mariadb_password, mariadb_server } from '../../functional/harness/mariadb.mjs';
import { written_bytes } from '../../functional/harness/proc.mjs';
import { redis_server } from '../../functional/harness/redis.mjs';
import { pause } from '../../functional/harness/until.mjs';
import { scope, with_directory, with_system, workers } from './msd.mjs';

const pools = [
    'distributor', 'gateway', 'goods', 'members', 'purchases', 'stores', 'events', 'logs',
];
const requests_a_second = 33_400; // of the length asked for: a million in 30 s
const looks = 20;

/** The least of many samples of each process, so that memory in use for a moment does not count. */
async function least_private(pids) {
    const seen = new Map(pids.map((pid) => [pid, Infinity]));
    for (let look = 0; look < looks; ++look) {
        for (const pid of pids) {
            seen.set(pid, Math.min(seen.get(pid), written_bytes(pid)));
        }
        await pause(50);
    }
    return seen;
}

async function answer(running, count) {
    const portion = 20_000; // as many as are answered within the limit of answers()
    for (let left = count; left > 0; left -= portion) {
        await running.answers(Math.min(left, portion));
    }
}

async function measure(within, { system, ports }, requests) {
    const body = { name: 'n', category: 'c', price: 1, description: 'd' };
    for (let n = 0; n < 10; ++n) {
        await http(ports.gateway, 'POST', '/goods', { body });
    }
    const running = new load(within, ports.gateway, {
        one: get_goods({ clients: 24 }),
        list: get_goods({ clients: 4, target: '/goods' }),
        buy: post_purchases({ clients: 4 }),
    });
    const pids = pools.flatMap((pool) => workers(system, pool));
    // Lets buffers and heaps reach their final size.
    await answer(running, Math.round(requests / 2));
    const before = await least_private(pids);
    await answer(running, requests);
    const after = await least_private(pids);
    const { failed } = await running.stop();
    const grown = pids.map((pid) => after.get(pid) - before.get(pid));
    process.stderr.write(`${requests} requests; growth of each worker: ${grown.join(' ')} bytes\n`);
    return [
        {
            name: 'worker: growth over a million requests', value: Math.max(...grown) / 1024,
            unit: 'KiB', best: 'least',
        },
        { name: 'a million requests: failed', value: failed, unit: 'requests', best: 'none' },
    ];
}

export async function growth({ seconds }) {
    const requests = Math.min(1_000_000, seconds * requests_a_second);
    return with_directory(async (directory) => {
        const within = new scope(directory);
        try {
            const server = await mariadb_server.start(within.path('db'));
            within.on_close(() => server.stop());
            const redis = await redis_server.start(within);
            const system = {
                args: ['--store', server.url, '--cache', redis.url],
                env: { MSD_STORE_PASSWORD: mariadb_password },
            };
            return await with_system(system, (running) => measure(within, running, requests));
        } finally {
            await within.close();
        }
    });
}
