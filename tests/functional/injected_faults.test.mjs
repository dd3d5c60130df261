// SPDX-License-Identifier: Apache-2.0
// `msd fault`: faults in the gateway's requests for a service. All workers have them, also later
// ones; they end by themselves or by an order.

import assert from 'node:assert/strict';
import fs from 'node:fs';

import { toml_text } from './harness/proxy.mjs';
import { answer, start_origin } from './harness/raw_origin.mjs';
import { test } from './harness/test.mjs';
import { until } from './harness/until.mjs';
import { connect, exchange, request_bytes } from './harness/wire_http.mjs';

test('faults are injected into the requests for a service', async (world) => {
    const origin = await start_origin(world, { default: answer });
    const file = world.path('faults.toml');
    fs.writeFileSync(file, toml_text({
        keys: { 'gateway.request_timeout_ms': 60_000 },
        routes: [
            { path: '/api/', service: 'api' },
            { path: '/quick/', service: 'api', timeout_ms: 50 },
            { path: '/spare/', service: 'api', fallback: { status: 200, body: 'spare' } },
        ],
        upstreams: { api: { addresses: [`127.0.0.1:${origin.port}`] } },
    }));
    const up = await world.up({ workers: 2, args: ['--config', file] });
    const port = up.port('gateway');
    const get = (target) => exchange(world, port, 'GET', target);
    const fault = (...args) =>
        world.command(['fault', ...args, '--runtime-dir', world.path('run')]);
    const done = async (...args) => {
        const ended = await fault(...args);
        assert.equal(ended.code, 0, ended.log);
        return ended.output;
    };
    const list = async () => JSON.parse(await done('list', '--json'));
    const statuses = async (target, count = 12) => {
        const all = await Promise.all(Array.from({ length: count }, () => get(target)));
        return [...new Set(all.map(({ status }) => status))];
    };

    assert.deepEqual(await list(), []);
    // An error, in all workers, for one service.
    assert.match(await done('add', 'goods', '--error', '503', '--for', '5m'), /goods .* error 503/);
    assert.deepEqual(await statuses('/goods'), [503]);
    const refused = JSON.parse((await get('/goods')).text);
    assert.equal(refused.service, 'goods');
    assert.match(refused.errormessage ?? refused.detail, /msd fault/);
    assert.deepEqual(await statuses('/api/x'), [200]);
    // A connection that ends without a reply; the program never sees the request.
    await done('add', 'api', '--abort');
    assert.deepEqual(await statuses('/api/aborted'), [0]);
    assert.equal(origin.seen('aborted').length, 0);
    const [first, second] = await list();
    assert.deepEqual([first.service, first.error, first.abort, first.percent],
        ['goods', 503, false, 100]);
    assert.ok(first.left_ms > 60_000 && first.left_ms <= 300_000);
    assert.deepEqual([second.service, second.abort], ['api', true]);
    assert.ok(second.left_ms <= 60_000);
    const status = await world.command(['status', '--runtime-dir', world.path('run')]);
    assert.match(status.output, /fault 1: in 100 % of the requests for goods/);
    // A worker that starts later has them.
    up.expect_deaths();
    const before = up.workers('gateway').map(({ pid }) => pid);
    before.forEach((pid) => process.kill(pid, 'SIGKILL'));
    await until('the workers are replaced', () =>
        up.workers('gateway').filter(({ pid }) => !before.includes(pid)).length === 2);
    await until('goods is refused', async () => (await get('/goods')).status === 503);
    // So has a master that was upgraded in place.
    const upgraded = await world.command(
        ['ctl', 'upgrade', '--wait', '--runtime-dir', world.path('run')]);
    assert.equal(upgraded.code, 0, upgraded.log);
    await done('clear', '--id', String(first.id));
    assert.deepEqual((await list()).map(({ id }) => id), [second.id]);
    await until('goods answers', async () => (await get('/goods')).status === 200);
    await done('clear', 'api');
    assert.deepEqual(await statuses('/api/x'), [200]);

    // A delay: the request waits for it, at most as long as it may.
    await done('add', 'api', '--delay', '300ms', '--percent', '100');
    assert.equal((await get('/api/x')).status, 200);
    assert.equal((await get('/quick/x')).status, 504);
    // A client that leaves ends the wait.
    await done('add', 'api', '--delay', '10m');
    const leaving = await connect(world, port);
    leaving.write(request_bytes('GET', '/api/left'));
    const connections = async () => {
        const answered = await world.command(
            ['status', '--json', '--runtime-dir', world.path('run')]);
        const { pools } = JSON.parse(answered.output).instances[0];
        return pools.find(({ name }) => name === 'gateway').slots
            .reduce((sum, slot) => sum + slot.connections, 0);
    };
    await until('the request is there', async () => await connections() === 1);
    leaving.reset();
    await until('it has ended', async () => await connections() === 0);
    await done('clear');
    // An error is a reason for a fallback.
    await done('add', 'api', '--error', '504');
    const spare = await get('/spare/x');
    assert.deepEqual([spare.status, spare.text], [200, 'spare']);
    await done('clear');
    assert.deepEqual(await list(), []);

    // A share of the requests, and the end by itself.
    await done('add', 'api', '--error', '500', '--percent', '50', '--for', '1h');
    assert.deepEqual((await statuses('/api/x', 100)).sort(), [200, 500]);
    await done('clear');
    await done('add', 'api', '--error', '500', '--for', '200ms');
    await until('it has expired', async () => (await list()).length === 0);
    assert.deepEqual(await statuses('/api/x'), [200]);

    // Mistakes.
    for (const [args, text, code] of [
        [['add', 'api'], /needs a delay, an error or an abort/, 1],
        [['add', 'api', '--error', '503', '--abort'], /not both/, 1],
        [['add', 'api', '--delay', '5'], /200ms/, 2],
        [['add', 'api', '--delay', '2h'], /delay_ms is not between 0 and 600000/, 1],
        [['add', 'api', '--error', '200'], /--error/, 2],
        [['add', 'api', '--error', '503', '--percent', '0'], /--percent/, 2],
        [['clear', '--id', '99'], /no such fault/, 1],
        [['add'], /SERVICE/, 2],
    ]) {
        const wrong = await fault(...args);
        assert.equal(wrong.code, code, args.join(' '));
        assert.match(wrong.log, text, args.join(' '));
    }
    assert.deepEqual(await list(), []);
});
