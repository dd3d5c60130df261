// SPDX-License-Identifier: Apache-2.0
// kill -9 of one process after the other while clients buy: no acknowledged purchase is lost and
// none is stored twice. scripts/soak kills 100 processes, a test run a few.

import assert from 'node:assert/strict';

import { chosen_below, chosen_of } from './harness/chance.mjs';
import { add_product, purchase_load } from './harness/ledger.mjs';
import { mariadb_password } from './harness/mariadb.mjs';
import { is_alive } from './harness/proc.mjs';
import { redis_server } from './harness/redis.mjs';
import { repeated, scaled } from './harness/scale.mjs';
import { test } from './harness/test.mjs';
import { until } from './harness/until.mjs';

const kills = repeated(12, 100);
// Of every four kills, one is of the database and one of the cache.
const server_kills_every = 4;
const limit_ms = scaled(280_000, 3_000_000);

// Killed workers are replaced without the back-off of a crash loop.
const config = { 'supervision.early_ms': 1 };

// The pools that a purchase needs, equally often, in an order that the seed determines.
function* victims() {
    for (;;) {
        const pools = ['gateway', 'purchases', 'goods', 'distributor', 'purchases', 'gateway'];
        while (pools.length > 0) {
            yield pools.splice(chosen_below(pools.length), 1)[0];
        }
    }
}

async function kill_worker(up, pool) {
    const workers = up.workers(pool);
    assert.ok(workers.length > 0, `${pool} has no workers`);
    const { pid } = chosen_of(workers);
    process.kill(pid, 'SIGKILL');
    await until(`a worker of ${pool} has exited`, () => !is_alive(pid));
}

async function kill_one_after_the_other(up, { database, cache }, load) {
    const pools = victims();
    for (let n = 1; n <= kills; ++n) {
        if (n % server_kills_every === 0) {
            await database.kill();
            await database.start();
        } else if (n % server_kills_every === 2) {
            await cache.restart();
        } else {
            await kill_worker(up, pools.next().value);
        }
        await load.progress(25);
    }
}

test('kill -9 of workers, database and cache loses no purchase', { limit_ms }, async (world) => {
    const database = await world.mariadb({ durable: true });
    const cache = await redis_server.start(world);
    const up = await world.up({
        workers: 2,
        config,
        args: ['--store', database.url, '--cache', cache.url],
        env: { MSD_STORE_PASSWORD: mariadb_password },
    });
    up.expect_deaths();
    const port = up.port('gateway');
    const load = new purchase_load(port, { goodsid: await add_product(port) });
    world.on_close(() => load.abandon());
    await load.progress(25);
    await kill_one_after_the_other(up, { database, cache }, load);
    await load.stop();
    load.assert_equals(await database.query('SELECT id, userid, quantity FROM purchases'));
});

test('kill -9 of workers loses no purchase on the embedded store', { limit_ms }, async (world) => {
    const up = await world.up({ workers: 2, config });
    up.expect_deaths();
    const port = up.port('gateway');
    const load = new purchase_load(port, { goodsid: await add_product(port) });
    world.on_close(() => load.abandon());
    const pools = victims();
    for (let n = 1; n <= kills; ++n) {
        await load.progress(25);
        await kill_worker(up, pools.next().value);
    }
    await load.progress(25);
    await load.stop();
    const rows = [];
    for (let user = 1; user <= 8; ++user) {
        let after = 0;
        while (after !== undefined) {
            const { json } = await up.http('GET', `/purchases?userid=${user}&after=${after}`);
            rows.push(...(json.results ?? []).map((row) => [row.id, user, row.quantity]));
            after = json.next;
        }
    }
    load.assert_equals(rows);
});
