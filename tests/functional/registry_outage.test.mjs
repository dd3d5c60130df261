// SPDX-License-Identifier: Apache-2.0
// Workers that start while the registry is down, or while nodes still reconnect to a restarted
// registry: they know the nodes that earlier workers knew.

import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';

import { control } from './harness/control.mjs';
import { http } from './harness/http_client.mjs';
import { test } from './harness/test.mjs';
import { until } from './harness/until.mjs';

// Killed workers are replaced without back-off.
const config = { 'supervision.early_ms': 1 };

function kept_in(world, gateway) {
    return world.path('run', `gateway-${gateway.port('gateway')}.nodes`);
}

async function kept(world, gateway) {
    const file = kept_in(world, gateway);
    await until('the file of known nodes contains goods', () =>
        fs.existsSync(file) && fs.readFileSync(file, 'utf8').includes('"name":"goods"'));
}

test('a gateway worker that starts while the registry is down routes requests', async (world) => {
    const distributor = await world.role('distributor');
    const registry = distributor.port('distributor');
    await world.role('goods', { distributor: registry });
    const gateway = await world.role('gateway', { distributor: registry, config });
    const port = gateway.port('gateway');
    await world.routed(port, ['/goods']);
    await kept(world, gateway);
    await distributor.stop('SIGTERM');

    gateway.expect_deaths();
    const master = new control(world.path('run'), gateway);
    for (let n = 0; n < 3; ++n) {
        const [pid] = await master.pids('gateway');
        process.kill(pid, 'SIGKILL');
        await until('the worker is replaced', async () =>
            (await master.pids('gateway'))[0] !== pid);
        assert.equal((await http(port, 'GET', '/goods')).status, 200);
    }
    const file = kept_in(world, gateway);
    fs.writeFileSync(`${file}.1`, 'incomplete: its writer was killed');
    await gateway.stop('SIGTERM');
    const left = fs.readdirSync(world.path('run')).filter((name) => name.includes('.nodes'));
    assert.deepEqual(left.filter((name) => name.startsWith(path.basename(file))), [],
        'the instance removes its file of known nodes');
});

test('a service worker that starts while the registry is down serves requests', async (world) => {
    const distributor = await world.role('distributor');
    const registry = distributor.port('distributor');
    await world.role('goods', { distributor: registry });
    await world.role('members', { distributor: registry });
    const purchases = await world.role('purchases', { distributor: registry, config });
    const gateway = await world.role('gateway', { distributor: registry });
    const port = gateway.port('gateway');
    await world.routed(port);
    const product = { name: 'a', category: 'c', price: 1, description: 'd' };
    const made = await http(port, 'POST', '/goods', { body: product });
    const file = world.path('run', `purchases-${purchases.port('purchases')}.nodes`);
    await until('the file of known nodes exists', () => fs.existsSync(file));
    await distributor.stop('SIGTERM');

    purchases.expect_deaths();
    const master = new control(world.path('run'), purchases);
    const [pid] = await master.pids('purchases');
    process.kill(pid, 'SIGKILL');
    await until('the worker is replaced', async () =>
        (await master.pids('purchases'))[0] !== pid);
    const body = { userid: 1, goodsid: made.json.id };
    await until('a purchase succeeds', async () =>
        (await http(port, 'POST', '/purchases', { body })).status === 200);
});

test('no request gets 404 after registry and gateway worker are killed together', async (world) => {
    const up = await world.up({ config });
    up.expect_deaths();
    const port = up.port('gateway');
    const master = new control(world.path('run'), up);
    await kept(world, up);
    const seen = new Set();
    for (let n = 0; n < 10; ++n) {
        const [registry] = await master.pids('distributor');
        const [worker] = await master.pids('gateway');
        process.kill(registry, 'SIGKILL');
        process.kill(worker, 'SIGKILL');
        await until('goods answers', async () => {
            const { status } = await http(port, 'GET', '/goods');
            seen.add(status);
            return status === 200;
        });
    }
    assert.ok(!seen.has(404), `answers: ${[...seen]}`);
});
