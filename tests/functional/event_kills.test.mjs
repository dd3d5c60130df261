// SPDX-License-Identifier: Apache-2.0
// kill -9 of workers while clients buy and consumers handle events: the effect of every purchase
// happens once, and the order of each subject is kept. scripts/soak kills more and has more events.

import assert from 'node:assert/strict';

import { chosen_below, chosen_of } from './harness/chance.mjs';
import { event_node } from './harness/events.mjs';
import { purchase_load } from './harness/ledger.mjs';
import { mariadb_password } from './harness/mariadb.mjs';
import { is_alive } from './harness/proc.mjs';
import { repeated, scaled } from './harness/scale.mjs';
import { test } from './harness/test.mjs';
import { until } from './harness/until.mjs';

const kills = repeated(8, 100);
const event_count = scaled(1_000, 100_000);
const forgets_one_of = scaled(20, 60); // an event that is forgotten five times is a dead letter
const limit_ms = scaled(280_000, 3_000_000);

// Killed workers are replaced without the back-off of a crash loop, and their events are handed out
// again soon.
const config = {
    'supervision.early_ms': 1, 'services.events.lease_ms': 2_000,
    'services.events.redelivery_ms': 10,
};

async function kill_worker(up, pool) {
    const workers = up.workers(pool);
    if (workers.length === 0) {
        return; // the next one starts
    }
    const { pid } = chosen_of(workers);
    process.kill(pid, 'SIGKILL');
    await until(`a worker of ${pool} has exited`, () => !is_alive(pid));
}

async function check_effects(up) {
    up.expect_deaths();
    const port = up.port('gateway');
    const stock = 1_000_000;
    const added = await up.http('POST', '/goods', {
        body: { name: 'pen', category: 'c', price: 1, description: 'd', stock },
    });
    const goodsid = added.json.id;
    const load = new purchase_load(port, { goodsid });
    await load.progress(20);
    for (let n = 0; n < kills; ++n) {
        await kill_worker(up, ['purchases', 'events', 'goods'][n % 3]);
        await load.progress(10);
    }
    await load.stop();
    const sold = [...load.acknowledged.keys()]
        .reduce((sum, key) => sum + Number(key.split('-')[1]), 0);
    const state = async () => {
        const [row] = (await up.http('GET', `/goods/${goodsid}`)).json.results;
        const [best] = (await up.http('GET', '/goods/ranking?by=sales')).json.results;
        return { stock: row.stock, sales: best?.sales };
    };
    await until(`all ${sold} sold pieces are counted`, async () => (await state()).sales >= sold);
    assert.deepEqual(await state(), { stock: stock - sold, sales: sold });
}

test('kill -9 of workers: the stock is the initial one less the sold pieces', { limit_ms },
    async (world) => {
        await check_effects(await world.up({ workers: 2, config }));
    });

test('kill -9 of workers: the same on MariaDB', { limit_ms }, async (world) => {
    const server = await world.mariadb({ durable: true });
    await check_effects(await world.up({
        workers: 2, config, args: ['--store', server.url],
        env: { MSD_STORE_PASSWORD: mariadb_password },
    }));
});

/** Handles events until `is_over`; at random it forgets what it got, as if it were killed. */
async function consume(world, up, { seen, finished, is_over }) {
    let node = await event_node(world, up);
    while (!is_over()) {
        try {
            const events = await node.pull('workers', ['work'], { limit: 1 + chosen_below(20) });
            if (chosen_below(forgets_one_of) === 0) {
                continue;
            }
            for (const each of events) {
                const { id, subject } = each.event;
                if (!seen.has(id)) { // its note and its effect are one transaction
                    seen.add(id);
                    finished.get(subject).push(Number(id));
                }
            }
            await node.settle('workers', { done: events });
        } catch (error) {
            if (!node.client.is_closed) {
                throw error;
            }
            node = await until('events is reached again', () => event_node(world, up));
        }
    }
}

test('consumers of a group that die handle each event once and in order', { limit_ms },
    async (world) => {
        const up = await world.up({ workers: 2, config });
        up.expect_deaths();
        const subjects = Array.from({ length: 50 }, (_, n) => `s${n}`);
        const finished = new Map(subjects.map((subject) => [subject, []]));
        const seen = new Set();
        const is_over = () => seen.size === event_count;
        const consumers = [1, 2, 3].map(() => consume(world, up, { seen, finished, is_over }));
        const publisher = await event_node(world, up);
        for (let first = 0; first < event_count; first += 200) {
            const events = Array.from({ length: 200 }, (_, n) => {
                const id = String(first + n);
                return { id, type: 'work', subject: chosen_of(subjects), data: { n } };
            });
            await publisher.publish(events);
        }
        await Promise.all(consumers);
        let total = 0;
        for (const [subject, ids] of finished) {
            assert.deepEqual(ids, [...ids].sort((a, b) => a - b), `the order of ${subject}`);
            total += ids.length;
        }
        assert.equal(total, event_count);
    });
