// SPDX-License-Identifier: Apache-2.0
// `msd ctl` scale, drain, reopen and stop, and what they mean to those who are served meanwhile.

import assert from 'node:assert/strict';

import { control } from './harness/control.mjs';
import { http } from './harness/http_client.mjs';
import { test } from './harness/test.mjs';
import { until } from './harness/until.mjs';

const ctl = (world, ...args) => world.command(['ctl', ...args, ...world.own_dirs()]);

async function done(world, ...args) {
    const { code, output, log } = await ctl(world, ...args);
    assert.equal(code, 0, output + log);
    return log;
}

/** The connections that each worker of a pool holds, as its slots show them. */
async function connections(master, pool) {
    return (await master.slots(pool)).map((slot) => slot.connections);
}

test('scale: callers are connected to all workers there are, and to no more', async (world) => {
    const up = await world.up();
    up.expect_deaths();
    const port = up.port('gateway');
    const master = new control(world.path('run'), up);
    const seen = (counts) => until(`goods has ${counts} connections`, async () =>
        JSON.stringify(await connections(master, 'goods')) === JSON.stringify(counts));
    await http(port, 'POST', '/goods', { body: { name: 'n', category: 'c', price: 1 } });
    await seen([1]);

    assert.match(await done(world, 'scale', 'goods', '3', '--wait'), /3 of 3 workers are ready/);
    await seen([1, 1, 1]);
    const before = (await master.slots('goods')).map(({ requests }) => requests);
    await until('each of them is asked', async () => {
        assert.equal((await http(port, 'GET', '/goods')).status, 200);
        const slots = await master.slots('goods');
        return slots.every(({ requests }, at) => requests > before[at]);
    });

    await done(world, 'scale', 'goods', '1', '--wait');
    await seen([1]);
    // One that looked for more would have been here several times.
    for (let look = 0; look < 50; ++look) {
        assert.equal((await http(port, 'GET', '/goods')).status, 200);
        assert.deepEqual(await connections(master, 'goods'), [1]);
    }
});

test('scale: a pool that is not there is refused', async (world) => {
    const goods = await world.role('goods');
    const { code, log } = await ctl(world, 'scale', 'gate', '2', '--wait');
    assert.equal(code, 1);
    assert.match(log, /gate/);
    assert.equal((await new control(world.path('run'), goods).slots('goods')).length, 1);
});

test('drain: one worker is replaced, and nothing fails', async (world) => {
    const up = await world.up({ workers: 2 });
    up.expect_deaths();
    const port = up.port('gateway');
    const master = new control(world.path('run'), up);
    const before = await master.pids('goods');
    await done(world, 'drain', 'goods/1', '--wait');
    const after = await master.pids('goods');
    assert.equal(after[0], before[0]);
    assert.notEqual(after[1], before[1]);
    assert.equal((await http(port, 'GET', '/goods')).status, 200);
    for (const slot of ['goods', 'goods/x', 'goods/7', 'nobody/0']) {
        const { code, log } = await ctl(world, 'drain', slot);
        assert.ok([1, 2].includes(code), `${slot}: ${code}`);
        assert.match(log, new RegExp(slot.split('/')[0]));
    }
});

test('drain: a kept connection is answered once more, a fresh one waited for', async (world) => {
    const up = await world.up();
    up.expect_deaths();
    const port = up.port('gateway');
    const connected = async (asks) => {
        const made = await world.connection(port);
        if (asks) {
            assert.equal((await made.request('GET', '/goods')).status, 200);
        }
        return made;
    };
    const kept = await connected(true);
    const silent = await connected(true);
    const fresh = await connected(false);
    const ended = [];
    for (const [name, each] of Object.entries({ kept, silent, fresh })) {
        each.closed.then(() => ended.push(name));
    }
    const master = new control(world.path('run'), up);
    await until('all are accepted', async () => (await connections(master, 'gateway'))[0] >= 3);
    await done(world, 'drain', 'gateway/0');
    await until('the old worker drains', async () =>
        (await master.slots('gateway')).some(({ state }) => state === 'draining'));

    const last = await kept.request('GET', '/goods');
    assert.equal(last.status, 200);
    assert.equal(last.headers.get('connection'), 'close');
    await until('all are closed', () => ended.length === 3);
    assert.ok(ended.indexOf('fresh') < ended.indexOf('silent'), `${ended}`);
});

test('reopen and stop', async (world) => {
    const up = await world.up();
    await done(world, 'reopen');
    assert.match(await done(world, 'stop', '--wait'), /workers are left/);
    await until('it has ended', () => up.ended);
    assert.deepEqual(up.ended, { code: 0, signal: null });
    const { code, log } = await ctl(world, 'status');
    assert.equal(code, 1, log);
});
