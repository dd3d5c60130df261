// SPDX-License-Identifier: Apache-2.0
// Stopped processes: a stopped worker is detected and replaced; a master that was stopped itself
// kills no worker. A worker that runs out of descriptors recovers.

import assert from 'node:assert/strict';

import { stop_worker } from './harness/worker_kills.mjs';
import { control } from './harness/control.mjs';
import { http } from './harness/http_client.mjs';
import { get_goods, load } from './harness/load.mjs';
import { is_alive } from './harness/proc.mjs';
import { full, scaled } from './harness/scale.mjs';
import { serving } from './harness/serving.mjs';
import { test } from './harness/test.mjs';
import { pause, until } from './harness/until.mjs';

// A soak uses the default periods.
const heartbeat = full ? {} : {
    'supervision.heartbeat_every_ms': 100,
    'supervision.heartbeat_timeout_ms': 6000,
};

test('a stopped worker is replaced; its connections and at most two others fail',
    async (world, context) => {
        const { master, port, expect } = await serving(world, { config: heartbeat });
        const running = new load(world, port, {
            fresh: get_goods({ mode: 'fresh', clients: 20, pause_ms: 50, expect }),
            kept: get_goods({ mode: 'kept', clients: 10, pause_ms: 50, expect }),
        }, { timeout_ms: 4000 }); // less than the heartbeat timeout
        await running.answers(200);
        const [first] = await master.pids('gateway');
        const began = performance.now();
        const held = new Set(await stop_worker(first, port));
        await until('the worker is killed', () => !is_alive(first), scaled(60_000, 22_000));
        const after = performance.now() - began;
        await until('the worker is replaced', async () =>
            !(await master.pids('gateway')).includes(first));
        await running.answers(100);
        const seen = await running.stop();
        context.diagnostic(`killed after ${Math.round(after)} ms; ${seen.text}`);
        const others = seen.failures.filter(({ local_port }) => !held.has(local_port));
        assert.ok(others.length <= 2, JSON.stringify(others.slice(0, 5)));
        const { failures } = seen;
        assert.ok(failures.every(({ kind }) => ['timeout', 'reset', 'unanswered'].includes(kind)));
    });

test('a master that was stopped and continued kills no worker',
    { limit_ms: 150_000 }, async (world) => {
        const { up, master, port, expect } = await serving(world, { config: heartbeat });
        const running = new load(world, port, {
            kept: get_goods({ mode: 'kept', clients: 4, pause_ms: 50, expect }),
        });
        const { pools } = await master.status();
        const pids = pools.flatMap(({ slots }) => slots.map(({ pid }) => pid));
        up.signal('SIGSTOP');
        await pause(scaled(7500, 60_000));
        up.signal('SIGCONT');
        // Enough time for the master to check every heartbeat and kill a worker by mistake.
        await pause(scaled(1500, 20_000));
        const now = (await master.status()).pools;
        assert.deepEqual(now.flatMap(({ slots }) => slots.map(({ pid }) => pid)), pids);
        (await running.stop()).assert_clean();
    });

test('a gateway without free descriptors serves its connections and recovers', async (world) => {
    const descriptors = 64;
    const distributor = (await world.role('distributor')).port('distributor');
    await world.role('goods', { distributor });
    const gateway = await world.role('gateway', { distributor, descriptors });
    const port = gateway.port('gateway');
    await world.routed(port, ['/goods']);
    const kept = await world.connection(port);
    assert.equal((await kept.request('GET', '/goods')).status, 200);
    const crowd = await Promise.all(
        Array.from({ length: 2 * descriptors }, () => world.connection(port)));
    await until('the gateway logs the shortage', () => gateway.log.includes('accepting pauses'));
    for (let n = 0; n < 20; ++n) {
        assert.equal((await kept.request('GET', '/goods')).status, 200);
    }
    crowd.forEach((connection) => connection.close());
    await until('the gateway accepts connections again', async () =>
        (await http(port, 'GET', '/goods')).status === 200);
    const fresh = get_goods({ mode: 'fresh', target: '/goods' });
    const running = new load(world, port, { fresh });
    await running.answers(50);
    (await running.stop()).assert_clean();
    const master = new control(world.path('run'), gateway);
    assert.equal((await master.slots('gateway'))[0].restarts, 0);
});
