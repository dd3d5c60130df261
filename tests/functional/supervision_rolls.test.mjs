// SPDX-License-Identifier: Apache-2.0
// Rolls under load: no request fails, no write is lost or executed twice.

import assert from 'node:assert/strict';

import {
    get_goods, load, post_goods, post_purchases, stored_goods, stored_purchases,
} from './harness/load.mjs';
import { repeated, sanitized, scaled } from './harness/scale.mjs';
import { serving } from './harness/serving.mjs';
import { test } from './harness/test.mjs';
import { until } from './harness/until.mjs';

test('rolls of the gateway fail no request on new and kept connections',
    { limit_ms: 280_000 }, async (world, context) => {
        const { up, master, port, expect } = await serving(world);
        const running = new load(world, port, {
            fresh: get_goods({ mode: 'fresh', clients: 4, pause_ms: 10, expect }),
            kept: get_goods({ mode: 'kept', clients: 40, pause_ms: 1000, expect }),
            posts: post_goods({ mode: 'kept', clients: 20, pause_ms: 1000 }),
        });
        await running.answers(100);
        await master.rolls(repeated(50, 50), { pools: ['gateway'], every_ms: scaled(150, 1200) });
        const seen = await running.stop();
        context.diagnostic(seen.text);
        seen.assert_clean();
        seen.assert_written('posts', await stored_goods(up));
    });

test('rolls of a saturated gateway fail no request',
    { limit_ms: 280_000 }, async (world, context) => {
        const { master, port, expect } = await serving(world);
        const running = new load(world, port, {
            fresh: get_goods({ mode: 'fresh', clients: 8, expect }),
            kept: get_goods({ mode: 'kept', clients: 16, expect }),
        });
        await running.answers(1000);
        await master.rolls(repeated(10, 50), { pools: ['gateway'] });
        const seen = await running.stop();
        context.diagnostic(seen.text);
        seen.assert_clean();
    });

test('rolls of all pools under mixed load fail no request and repeat no write',
    { limit_ms: 280_000 }, async (world, context) => {
        const { up, master, port, expect } = await serving(world);
        const running = new load(world, port, {
            fresh: get_goods({ mode: 'fresh', clients: 3, pause_ms: 20, expect }),
            kept: get_goods({ mode: 'kept', clients: 3, pause_ms: 50, expect }),
            pipelined: get_goods({ mode: 'pipelined', depth: 4, clients: 2, pause_ms: 50, expect }),
            posts: post_goods({ mode: 'kept', clients: 3, pause_ms: 50 }),
            purchases: post_purchases({ mode: 'fresh', clients: 2, pause_ms: 50 }),
        });
        await running.answers(200);
        await master.rolls(repeated(30, 50), { every_ms: scaled(0, 1250) });
        const seen = await running.stop();
        context.diagnostic(seen.text);
        seen.assert_clean();
        seen.assert_written('posts', await stored_goods(up));
        seen.assert_written('purchases', await stored_purchases(up, 2));
    });

test('new workers that exceed the memory limit at once are not recycled', async (world) => {
    const config = { 'supervision.recycle_bytes': 1 };
    const up = await world.up({ config });
    const reason = /gateway\/0: a new worker has \d+ bytes of private memory/;
    await until('the reason is logged', () => reason.test(up.log));
    for (let n = 0; n < 20; ++n) {
        assert.equal((await up.http('GET', '/goods')).status, 200);
    }
    up.assert_same_workers();
});

// The shadow memory of a sanitizer exceeds every limit.
const skip_memory = sanitized && 'sanitizers change the use of memory';

test('workers over the memory limit are recycled and no request fails', { skip: skip_memory },
    async (world) => {
        // A new worker has less than one MiB; half of the clients need more than five MiB.
        const config = { 'supervision.recycle_bytes': 3 * 1024 * 1024 };
        const { master, port, expect } = await serving(world, { config });
        const old = await master.pids('gateway');
        const goods = await master.pids('goods');
        const running = new load(world, port, {
            kept: get_goods({ mode: 'kept', clients: 3000, pause_ms: 3000, expect }),
        });
        await until('all gateway workers are replaced', async () =>
            (await master.slots('gateway')).every(({ pid }) => !old.includes(pid)), 60_000);
        assert.deepEqual(await master.pids('goods'), goods);
        const seen = await running.stop();
        seen.assert_clean();
    });

test('workers over the request limit are recycled and no request fails', async (world) => {
    const config = { 'supervision.recycle_requests': 200, 'supervision.soak_ms': 100 };
    const { master, port, expect } = await serving(world, { config });
    const before = new Map();
    for (const pool of ['gateway', 'goods']) {
        before.set(pool, await master.pids(pool));
    }
    const running = new load(world, port, {
        fresh: get_goods({ mode: 'fresh', clients: 2, pause_ms: 40, expect }),
        kept: get_goods({ mode: 'kept', clients: 2, pause_ms: 40, expect }),
    });
    for (const [pool, old] of before) {
        await until(`all workers of ${pool} are replaced`, async () =>
            (await master.slots(pool)).every(({ pid }) => !old.includes(pid)), 60_000);
    }
    const seen = await running.stop();
    seen.assert_clean();
});
