// SPDX-License-Identifier: Apache-2.0
// Requests through the gateway on each kind of store: products by id and in lists, new products,
// purchases. The systems run side by side and are measured alternately, a second each, so that
// other load of the machine affects all equally. For reads, a service of msd that sends the same
// reply without a store is measured with them.

import { http } from '../../functional/harness/http_client.mjs';
import { get_goods, load, post_goods, post_purchases } from '../../functional/harness/load.mjs';
import { mariadb_password, mariadb_server } from '../../functional/harness/mariadb.mjs';
import { redis_server } from '../../functional/harness/redis.mjs';
import { pause, until } from '../../functional/harness/until.mjs';
import { with_fixed } from './by_id.mjs';
import { scope, with_directory, with_system } from './msd.mjs';

const goods_count = 10;
const clients = 32;
const turn_ms = 1000;

const kinds = {
    'GET by id': get_goods,
    'GET list': (more) => get_goods({ target: '/goods', ...more }),
    'POST goods': post_goods,
    'POST purchases': post_purchases,
};

async function fill(port) {
    const body = { name: 'n', category: 'bench', price: 4.15, description: 'd' };
    for (let n = 0; n < goods_count; ++n) {
        const { status, text } = await http(port, 'POST', '/goods', { body });
        if (status !== 200) {
            throw new Error(`POST /goods: ${status} ${text}`);
        }
    }
}

/** Measures one system once: { rate, failed }. */
async function turn(within, port, group) {
    const running = new load(within, port, { group });
    await running.answers(1);
    const before = (await running.look()).answered;
    const began = performance.now();
    await pause(turn_ms);
    const seconds = (performance.now() - began) / 1000;
    const { answered } = await running.look();
    const { failed } = await running.stop();
    return { rate: (answered - before) / seconds, failed };
}

/** The means of `rounds` measurements of each of `systems`: { name: { rate, failed } }. */
async function in_turns(within, systems, rounds) {
    const sums = new Map(systems.map(({ name }) => [name, { rate: 0, failed: 0 }]));
    for (let round = 0; round < rounds; ++round) {
        const order = round % 2 === 0 ? systems : [...systems].reverse();
        for (const { name, port, group } of order) {
            const seen = await turn(within, port, group);
            sums.get(name).rate += seen.rate / rounds;
            sums.get(name).failed += seen.failed;
        }
    }
    return sums;
}

function figures(kind, sums) {
    const found = [];
    const bare = sums.get('no store');
    for (const [name, { rate, failed }] of sums) {
        found.push({ name: `${kind}, ${name}: rate`, value: rate, unit: '1/s', best: 'most' });
        const lost = `${kind}, ${name}: failed`;
        found.push({ name: lost, value: failed, unit: 'requests', best: 'none' });
        if (bare !== undefined && name !== 'no store') {
            const share = `${kind}, ${name}: share of the rate without a store`;
            found.push({ name: share, value: rate / bare.rate, unit: '', best: 'most' });
        }
    }
    return found;
}

async function compare(within, ports, seconds) {
    const found = [];
    const [first] = Object.values(ports);
    for (const [kind, group] of Object.entries(kinds)) {
        const systems = Object.entries(ports).map(([name, { gateway }]) =>
            ({ name, port: gateway, group: group({ clients }) }));
        const asked = group({});
        if (asked.method !== 'GET') {
            found.push(...figures(kind, await in_turns(within, systems, seconds)));
            continue;
        }
        const reply = (await http(first.gateway, 'GET', asked.target)).text;
        const members = /"results":.*\]/.exec(reply)[0];
        await with_fixed(first.distributor, members, async () => {
            await until('the bare service answers the same', async () =>
                (await http(first.gateway, 'GET', '/fixed/1')).text === reply);
            const bare = get_goods({ clients, target: '/fixed/1' });
            systems.push({ name: 'no store', port: first.gateway, group: bare });
            found.push(...figures(kind, await in_turns(within, systems, seconds)));
        });
    }
    return found;
}

export async function stores({ seconds }) {
    return with_directory(async (directory) => {
        const within = new scope(directory);
        try {
            const server = await mariadb_server.start(within.path('db'), { durable: true });
            within.on_close(() => server.stop());
            const other = await mariadb_server.start(within.path('db2'), { durable: true });
            within.on_close(() => other.stop());
            const redis = await redis_server.start(within);
            const env = { MSD_STORE_PASSWORD: mariadb_password };
            const database = { args: ['--store', server.url], env };
            const cached = { args: ['--store', other.url, '--cache', redis.url], env };
            return await with_system({}, (embedded) =>
                with_system(database, (behind) =>
                    with_system(cached, async (both) => {
                        const ports = {
                            SQLite: embedded.ports,
                            MariaDB: behind.ports,
                            'MariaDB and Redis': both.ports,
                        };
                        for (const { gateway } of Object.values(ports)) {
                            await fill(gateway);
                        }
                        return compare(within, ports, seconds);
                    })));
        } finally {
            await within.close();
        }
    });
}
