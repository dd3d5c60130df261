// SPDX-License-Identifier: Apache-2.0
// `msd ctl` scale, drain, reopen and stop, and their effect on requests in flight.

import assert from 'node:assert/strict';
import net from 'node:net';

import { control } from './harness/control.mjs';
import { http } from './harness/http_client.mjs';
import { program } from './harness/program.mjs';
import { test } from './harness/test.mjs';
import { until } from './harness/until.mjs';
import { msd_binary, roles } from './harness/world.mjs';

const ctl = (world, ...args) => world.command(['ctl', ...args, ...world.own_dirs()]);

async function done(world, ...args) {
    const { code, output, log } = await ctl(world, ...args);
    assert.equal(code, 0, output + log);
    return log;
}

/** The number of connections of each worker of a pool, from the status of its slots. */
async function connections(master, pool) {
    return (await master.slots(pool)).map((slot) => slot.connections);
}

test('scale: callers connect to every worker of the pool and to no others', async (world) => {
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
    await until('each worker gets requests', async () => {
        assert.equal((await http(port, 'GET', '/goods')).status, 200);
        const slots = await master.slots('goods');
        return slots.every(({ requests }, at) => requests > before[at]);
    });

    await done(world, 'scale', 'goods', '1', '--wait');
    await seen([1]);
    // A gateway that tried to find more workers would have connected several times.
    for (let look = 0; look < 50; ++look) {
        assert.equal((await http(port, 'GET', '/goods')).status, 200);
        assert.deepEqual(await connections(master, 'goods'), [1]);
    }
});

test('scale: an unknown pool is refused', async (world) => {
    const goods = await world.role('goods');
    const { code, log } = await ctl(world, 'scale', 'gate', '2', '--wait');
    assert.equal(code, 1);
    assert.match(log, /gate/);
    assert.equal((await new control(world.path('run'), goods).slots('goods')).length, 1);
});

test('drain: one worker is replaced and no request fails', async (world) => {
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

test('drain: a kept connection gets one more reply, a new one its first reply', async (world) => {
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
    await until('all connections are accepted', async () =>
        (await connections(master, 'gateway'))[0] >= 3);
    await done(world, 'drain', 'gateway/0');
    await until('the old worker drains', async () =>
        (await master.slots('gateway')).some(({ state }) => state === 'draining'));

    const last = await kept.request('GET', '/goods');
    assert.equal(last.status, 200);
    assert.equal(last.headers.get('connection'), 'close');
    await until('all connections are closed', () => ended.length === 3);
    assert.ok(ended.indexOf('fresh') < ended.indexOf('silent'), `${ended}`);
});

test('reopen succeeds, and stop --wait reports the workers that are left', async (world) => {
    const up = await world.up();
    await done(world, 'reopen');
    const [held] = up.workers('gateway');
    process.kill(held.pid, 'SIGSTOP'); // the stop lasts until this worker continues
    const stopping = done(world, 'stop', '--wait');
    const master = new control(world.path('run'), up);
    await until('the gateway is told to stop', async () =>
        (await master.slots('gateway'))[0].state === 'draining');
    process.kill(held.pid, 'SIGCONT');
    const counts = [...(await stopping).matchAll(/(\d+) workers? (is|are) left/g)];
    assert.ok(counts.length > 0);
    assert.ok(counts.every(([, count]) => Number(count) <= roles.length), `${counts}`);
    await until('the master has exited', () => up.ended);
    assert.deepEqual(up.ended, { code: 0, signal: null });
    const { code, log } = await ctl(world, 'status');
    assert.equal(code, 1, log);
});

test('stop: a slot whose worker has exited is stopped and not counted as running',
    async (world) => {
        const goods = await world.role('goods', { workers: 3 });
        const [held] = goods.workers('goods');
        process.kill(held.pid, 'SIGSTOP');
        const command = ['ctl', 'stop', '--wait', ...world.own_dirs()];
        const stopping = new program('msd ctl stop', msd_binary, command);
        const master = new control(world.path('run'), goods);
        const slots = await until('two of three workers have exited', async () => {
            const all = await master.slots('goods');
            return all.filter(({ pid }) => pid === null).length === 2 && all;
        });
        assert.deepEqual(slots.map(({ state }) => state).sort(),
            ['draining', 'stopped', 'stopped']);
        assert.deepEqual(slots.map(({ last_exit }) => last_exit), [null, null, null]);
        const { output } = await ctl(world, 'status');
        assert.match(output, /goods\/\d .* stopped /);
        assert.doesNotMatch(output, /failed/);
        await until('ctl reports one worker', () => /^1 worker is left$/m.test(stopping.log));
        process.kill(held.pid, 'SIGCONT');
        assert.deepEqual(await stopping.exit, { code: 0, signal: null });
        await until('the master has exited', () => goods.ended);
    });

/** For each of `count` connections that send `request`: what it receives before it is closed. */
function ask_on_new_connection(port, request) {
    const socket = net.connect(port, '127.0.0.1');
    let text = '';
    socket.setEncoding('utf8').on('data', (piece) => {
        text += piece;
        socket.end();
    });
    socket.write(request);
    return {
        connected: new Promise((resolve) => socket.once('connect', resolve)),
        answer: new Promise((resolve) => {
            socket.on('error', ({ code }) => resolve(code));
            socket.on('close', () => resolve(text));
        }),
    };
}

for (const [role, request, reply] of [
    ['gateway', 'GET /goods HTTP/1.1\r\nHost: a\r\n\r\n', /^HTTP\/1\.1 /],
    ['goods', '{"uri":"/goods","method":"GET","key":7,"params":{}}¶', /"key":7/],
    ['distributor', '', /"uri":"\/distributes"/],
]) {
    test(`stop: ${role} first answers the connections in its accept queue`, async (world) => {
        const started = await world.role(role, role === 'distributor' ? {} : { distributor: 1 });
        const port = started.port(role);
        const master = new control(world.path('run'), started);
        const [worker] = started.workers(role);
        process.kill(worker.pid, 'SIGSTOP');
        const asked = Array.from({ length: 40 }, () => ask_on_new_connection(port, request));
        await Promise.all(asked.map(({ connected }) => connected));
        started.signal('SIGTERM');
        await until('the worker is told to stop', async () =>
            (await master.slots(role))[0].state === 'draining');
        process.kill(worker.pid, 'SIGCONT');
        for (const answer of await Promise.all(asked.map((each) => each.answer))) {
            assert.match(answer, reply);
        }
        await until('the master has exited', () => started.ended, 40_000);
        assert.deepEqual(started.ended, { code: 0, signal: null });
    });
}
