// SPDX-License-Identifier: Apache-2.0
// An existing gateway reconnects to a node only when the distributor sends a list. It must get a
// list whenever a worker of the node exits or stops, even if the list has not changed.

import assert from 'node:assert/strict';

import { control } from './harness/control.mjs';
import { http } from './harness/http_client.mjs';
import { children, is_alive, is_connected } from './harness/proc.mjs';
import { test } from './harness/test.mjs';
import { until } from './harness/until.mjs';

async function start_gateway(world, distributor) {
    const gateway = await world.foreign('gateway', { kind: 'legacy', distributor });
    const port = gateway.ready_ports().get('gateway');
    await world.routed(port, ['/goods']);
    return port;
}

/** Waits until the gateway answers again; reports how long that took. */
async function served_again(context, port, what) {
    const began = performance.now();
    await until(`the gateway answers after ${what}`, async () =>
        (await http(port, 'GET', '/goods', { limit_ms: 500 })).status === 200);
    context.diagnostic(`${what}: answered after ${(performance.now() - began).toFixed(0)} ms`);
}

/** Kills the worker that has the gateway's connection while all workers are registered; twice. */
async function kill_serving(context, { port, workers, distributor, service, what }) {
    for (let n = 0; n < 2; ++n) {
        const serving = await until('two workers are registered, one has the gateway', () => {
            const pids = workers();
            const are_registered = pids.every((pid) => is_connected(pid, 'dport', distributor));
            return pids.length === 2 && are_registered &&
                pids.find((pid) => is_connected(pid, 'sport', service));
        });
        process.kill(serving, 'SIGKILL');
        await until(`worker ${serving} has exited`, () => !is_alive(serving));
        await served_again(context, port, `KILL of a ${what}`);
    }
}

test('behind msd: an msd service is reached after kills and rolls', async (world, context) => {
    const distributor = (await world.role('distributor')).port('distributor');
    const config = { 'supervision.soak_ms': 100 };
    const goods = await world.role('goods', { distributor, workers: 2, config });
    const master = new control(world.path('run'), goods);
    const port = await start_gateway(world, distributor);
    goods.expect_deaths();
    const workers = () => goods.workers('goods').map(({ pid }) => pid);
    const service = goods.port('goods');
    await kill_serving(context, { port, workers, distributor, service, what: 'worker' });
    for (let n = 0; n < 2; ++n) {
        await master.roll('goods');
        await master.pids('goods'); // the old workers have exited
        await served_again(context, port, 'a roll');
    }
    assert.equal(goods.ended, undefined);
});

test('behind msd: an existing cluster is reached after kills', async (world, context) => {
    const distributor = (await world.role('distributor')).port('distributor');
    const args = ['--workers', '2'];
    const goods = await world.foreign('goods', { kind: 'legacy', distributor, args });
    const port = await start_gateway(world, distributor);
    const workers = () => children(goods.pid);
    const service = goods.ready_ports().get('goods');
    const what = 'worker of a cluster';
    await kill_serving(context, { port, workers, distributor, service, what });
});

test('behind a foreign distributor: msd is reached after rolls', async (world, context) => {
    const started = await world.foreign('distributor', { kind: 'legacy' });
    const distributor = started.ready_ports().get('distributor');
    const config = { 'supervision.soak_ms': 100, 'registry.reconnect_ms': 100 };
    const goods = await world.role('goods', { distributor, config });
    const port = await start_gateway(world, distributor);
    const master = new control(world.path('run'), goods);
    goods.expect_deaths();
    // In the second round the gateway has sent nothing on its connection, so it is closed later.
    for (let n = 0; n < 2; ++n) {
        await master.roll('goods');
        const [pid] = await master.pids('goods');
        await until('the gateway has reconnected', () =>
            is_connected(pid, 'sport', goods.port('goods')));
    }
    await served_again(context, port, 'rolls behind an existing distributor');
});
