// SPDX-License-Identifier: Apache-2.0
// `msd fault`: faults in the tries at the endpoints of a service. All workers have them, also later
// ones; they end by themselves or by an order. What follows is what follows such an endpoint.

import assert from 'node:assert/strict';
import fs from 'node:fs';

import { start_proxy, toml_text } from './harness/proxy.mjs';
import { answer, plain_reply, start_origin } from './harness/raw_origin.mjs';
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
        upstreams: {
            default: { breaker: { mode: 'off' } },
            api: { addresses: [`127.0.0.1:${origin.port}`] },
        },
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
    assert.match(JSON.parse((await get('/goods')).text).errormessage, /msd fault/);
    assert.deepEqual(await statuses('/api/x'), [200]);
    // A connection that breaks before the request; the program never sees it.
    await done('add', 'api', '--abort');
    assert.deepEqual(await statuses('/api/aborted'), [502]);
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
    // A broken connection is a reason for a fallback, a reply of the program is none.
    await done('add', 'api', '--abort');
    const spare = await get('/spare/x');
    assert.deepEqual([spare.status, spare.text], [200, 'spare']);
    await done('clear');
    await done('add', 'api', '--error', '504');
    assert.equal((await get('/spare/x')).status, 504);
    await done('clear');
    // Bytes of the reply are lost: the service has executed the request.
    await done('add', 'goods', '--lose-after', '10', '--for', '5m');
    const body = '{"name":"lost","category":"lost","price":1,"description":""}';
    const fields = { 'Content-Type': 'application/json' };
    const lost = await exchange(world, port, 'POST', '/goods', { body, fields });
    assert.equal(lost.status, 502);
    assert.equal((await get('/goods?category=lost')).status, 502);
    // Services have the faults, too: purchases asks goods.
    const bought = await exchange(world, port, 'POST', '/purchases',
        { body: '{"userid":1,"goodsid":1}', fields });
    assert.equal(bought.status, 503);
    await done('clear');
    const rows = JSON.parse((await get('/goods?category=lost')).text).results;
    assert.equal(rows.length, 1);
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
        [['add', 'api'], /needs a delay, an error, an abort or lost bytes/, 1],
        [['add', 'api', '--error', '503', '--abort'], /has one end/, 1],
        [['add', 'api', '--lose-after', '5', '--abort'], /has one end/, 1],
        [['add', 'api', '--lose-after', '-1'], /--lose-after/, 2],
        [['add', 'api', '--endpoint', '127.0.0.1', '--abort'], /--endpoint: .*HOST:PORT/, 2],
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

test('faults at one endpoint are spared to the clients', async (world) => {
    const long = 'x'.repeat(200_000);
    const origins = [];
    for (const name of ['a', 'b', 'c']) {
        const named = async (peer, head) => {
            await peer.with_body(head);
            peer.write(plain_reply(head.target === '/long' ? long : name));
        };
        origins.push(await start_origin(world, { default: named }));
    }
    const log = world.path('access.log');
    const proxy = await start_proxy(world, {
        keys: { 'gateway.access_log': 'json', 'gateway.access_log_file': log },
        routes: [{ path: '/', service: 'app' }],
        upstreams: {
            app: { addresses: origins.map(({ address }) => address), balance: 'round-robin',
                'outlier.eject_ms': 100, 'slow_start_ms': 0 },
        },
    });
    const send = (method, target, options) => exchange(world, proxy.port, method, target, options);
    const bad = origins[1];
    const fault = async (...args) => {
        const ended = await world.command(
            ['fault', ...args, '--runtime-dir', world.path('run')]);
        assert.equal(ended.code, 0, ended.log);
    };
    const add = (...args) => fault('add', 'app', '--endpoint', bad.address, '--for', '1h', ...args);
    const sends = async (count, method, target, options) => {
        const all = [];
        for (let n = 0; n < count; ++n) {
            all.push((await send(method, target, options)).status);
        }
        return [...new Set(all)].sort();
    };
    const healed = () => until('the endpoint has its share again', async () => {
        const seen = bad.requests.length;
        await sends(6, 'GET', '/');
        return bad.requests.length === seen + 2;
    });

    for (const args of [['--error', '503'], ['--abort']]) {
        const seen = bad.requests.length;
        await add(...args);
        assert.deepEqual(await sends(30, 'GET', '/'), [200], args.join(' '));
        assert.equal(bad.requests.length, seen, 'it is not called');
        await fault('clear');
        await healed();
    }
    // The head of the reply is lost, after the program has got the request.
    const seen = bad.requests.length;
    await add('--lose-after', '10');
    assert.deepEqual(await sends(30, 'GET', '/'), [200]);
    assert.ok(bad.requests.length > seen);
    await fault('clear');
    await healed();
    // Behind it no other endpoint can help. The reply is not taken for a complete one.
    await add('--lose-after', '150000');
    const replies = [];
    for (let n = 0; n < 3; ++n) {
        replies.push(await send('GET', '/long').catch(() => ({ cut: true })));
    }
    assert.equal(replies.filter(({ text }) => text === long).length, 2);
    await fault('clear');
    await healed();
    // A slow endpoint is left when its time is over: with a limit for a try, it costs a try.
    await sends(200, 'GET', '/');
    await add('--delay', '10m');
    assert.deepEqual(await sends(12, 'GET', '/'), [200]);
    await fault('clear');
    await healed();
    // A POST meets it: nothing says whether it may be sent twice.
    await add('--abort');
    assert.deepEqual(await sends(3, 'POST', '/', { body: 'x' }), [200, 502]);
    await fault('clear');
    const lines = fs.readFileSync(log, 'utf8').split('\n').filter((line) => line !== '');
    assert.ok(lines.map((line) => JSON.parse(line)).some(({ attempts }) => attempts === 2));
});
