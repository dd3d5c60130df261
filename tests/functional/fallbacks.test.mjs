// SPDX-License-Identifier: Apache-2.0
// What a route has for a service that cannot answer: an earlier reply, a fixed one, or another
// service. Never in the place of a reply, and never a second execution.

import assert from 'node:assert/strict';
import fs from 'node:fs';

import { start_proxy, toml_text } from './harness/proxy.mjs';
import { free_port } from './harness/ports.mjs';
import { answer, plain_reply, start_origin } from './harness/raw_origin.mjs';
import { scripted_service } from './harness/scripted.mjs';
import { test } from './harness/test.mjs';
import { until } from './harness/until.mjs';
import { exchange } from './harness/wire_http.mjs';

/** A program that takes requests and answers none. */
const silent = { default: async (peer, head) => { await peer.with_body(head); peer.close(); } };

test('a route has a fallback for a program that cannot answer', async (world) => {
    const spare = await start_origin(world, { default: answer });
    const cutting = await start_origin(world, silent);
    const failing = await start_origin(world, {
        default: async (peer, head) => {
            await peer.with_body(head);
            peer.write(plain_reply('own', { status: '503 Service Unavailable' }));
        },
    });
    const dead = await free_port();
    const reply = { status: 200, type: 'application/json', body: '{"results":[]}' };
    const log = world.path('access.log');
    const address = (port) => ({ addresses: [`127.0.0.1:${port}`] });
    const proxy = await start_proxy(world, {
        keys: { 'gateway.access_log': 'json', 'gateway.access_log_file': log },
        routes: [
            { path: '/reply/', service: 'dead', fallback: reply },
            { path: '/cut/', service: 'cutting', fallback: reply },
            { path: '/unknown/', service: 'unknown', fallback: reply },
            { path: '/own/', service: 'failing', fallback: reply },
            { path: '/dead/', service: 'dead', fallback: { service: 'spare' } },
            { path: '/once/', service: 'cutting', fallback: { service: 'spare' } },
            { path: '/both/', service: 'dead', fallback: { service: 'unknown' } },
        ],
        upstreams: {
            dead: address(dead), spare: address(spare.port), cutting: address(cutting.port),
            failing: address(failing.port),
        },
    });
    const send = (method, target, options) => exchange(world, proxy.port, method, target, options);
    const marks = async (target) => until(`a line about ${target}`, () => {
        const lines = fs.readFileSync(log, 'utf8').split('\n').filter((line) => line !== '');
        return lines.map((line) => JSON.parse(line)).find((line) => line.target === target);
    });

    for (const path of ['/reply/x', '/cut/x', '/unknown/x']) {
        const got = await send('GET', path);
        assert.deepEqual([got.status, got.text], [200, '{"results":[]}'], path);
        assert.equal(got.fields.get('content-type'), 'application/json');
        assert.equal(got.fields.get('gateway-fallback'), 'reply');
        assert.equal(got.fields.get('cache-control'), 'no-store');
        assert.equal((await marks(path)).fallback, 'reply');
    }
    const head = await send('HEAD', '/reply/x');
    assert.deepEqual([head.status, head.text], [200, '']);
    const posted = await send('POST', '/cut/post', { body: 'x' });
    assert.equal(posted.status, 200, 'a fixed reply executes nothing');

    // What the program says is its reply.
    const own = await send('GET', '/own/x');
    assert.deepEqual([own.status, own.text], [503, 'own']);
    assert.equal(own.fields.get('gateway-fallback'), undefined);

    // Another service.
    const other = await send('GET', '/dead/x?y=1');
    assert.deepEqual([other.status, other.text], [200, 'GET /dead/x?y=1 0']);
    assert.equal(other.fields.get('gateway-fallback'), 'service');
    const line = await marks('/dead/x?y=1');
    assert.deepEqual([line.fallback, line.service, line.status], ['service', 'spare', 200]);
    assert.equal((await send('GET', '/once/get')).status, 200);
    assert.equal((await send('PUT', '/once/put')).status, 200);
    assert.equal((await send('POST', '/dead/post')).status, 200, 'it was not sent before');
    for (const [method, target, body] of [['POST', '/once/post'], ['PUT', '/dead/body', 'x']]) {
        const refused = await send(method, target, { body });
        assert.equal(refused.status, 502, `${method} ${target}`);
    }
    assert.deepEqual(spare.seen('post').map(({ target }) => target), ['/dead/post']);
    const nowhere = await send('GET', '/both/x');
    assert.equal(nowhere.status, 502);
    assert.match(nowhere.text, /"service":"dead"/);

    // Mistakes of the configuration.
    const wrong = world.path('wrong.toml');
    fs.writeFileSync(wrong, toml_text({
        routes: [
            { path: '/a', respond: { status: 200 }, fallback: reply },
            { path: '/b', service: 'b', fallback: { ...reply, service: 'c' } },
        ],
    }));
    const checked = await world.command(['check', wrong]);
    assert.notEqual(checked.code, 0);
    assert.match(checked.log + checked.output, /fallback: needs a service that it takes/);
});

test('a packet service has one too', async (world) => {
    const spare = await start_origin(world, { default: answer });
    const file = world.path('routes.toml');
    fs.writeFileSync(file, toml_text({
        routes: [
            { path: '/shop/', service: 'goods', strip_prefix: true,
                fallback: { service: 'spare' } },
            { path: '/list/', service: 'goods', strip_prefix: true,
                fallback: { status: 200, body: '[]' } },
        ],
        upstreams: { spare: { addresses: [`127.0.0.1:${spare.port}`] } },
    }));
    const distributor = await world.role('distributor');
    const at = { distributor: distributor.port('distributor'), args: ['--config', file] };
    const goods = await world.role('goods', at);
    const gateway = await world.role('gateway', at);
    const port = gateway.port('gateway');
    const get = (target) => exchange(world, port, 'GET', target);
    await until('goods answers', async () => {
        const { status, fields } = await get('/shop/goods');
        return status === 200 && fields.get('gateway-fallback') === undefined;
    });
    assert.equal((await get('/list/unknown')).status, 404, 'a service without the path');
    await goods.stop();
    await until('goods is gone', async () =>
        (await get('/shop/goods')).fields.get('gateway-fallback') === 'service');
    assert.equal((await get('/shop/goods?a=b')).text, 'GET /goods?a=b 0');
    const listed = await get('/list/goods');
    assert.deepEqual([listed.text, listed.fields.get('gateway-fallback')], ['[]', 'reply']);
});

test('a route serves the last good reply when its service cannot answer', async (world) => {
    let count = 0;
    let fails = false;
    const varied = {
        secret: 'Cache-Control: private\r\n', cookie: 'Set-Cookie: a=b\r\n',
        language: 'Vary: Accept-Language\r\n', coding: 'Vary: Accept-Encoding\r\n',
        fresh: 'Cache-Control: max-age=600\r\nETag: "1"\r\n',
    };
    const origin = await start_origin(world, {
        default: async (peer, head) => {
            await peer.with_body(head);
            if (fails) {
                return peer.close();
            }
            const name = head.target.split('?')[0].split('/').pop();
            const body = name === 'large' ? 'x'.repeat(70_000) : `${head.method} ${++count}`;
            peer.write(plain_reply(head.method === 'HEAD' ? '' : body,
                { fields: varied[name] ?? '' }));
        },
    });
    const spare = await start_origin(world, { default: answer });
    const log = world.path('access.log');
    const upstream = { addresses: [origin.address], 'breaker.mode': 'off' };
    const proxy = await start_proxy(world, {
        keys: {
            'gateway.access_log': 'json', 'gateway.access_log_file': log,
            'gateway.kept_reply_bytes_max': 65_536,
        },
        routes: [
            { path: '/', service: 'app', fallback: { stale: true } },
            { path: '/soon/', service: 'app', fallback: { stale: true, stale_max_ms: 1 } },
            { path: '/none/', service: 'app' },
            { path: '/both/', service: 'app', fallback: { stale: true, service: 'spare' } },
        ],
        upstreams: { app: upstream, spare: { addresses: [spare.address] } },
    }, { args: ['--workers', '1'] });
    const send = (target, fields = {}, method = 'GET') =>
        exchange(world, proxy.port, method, target, { fields });
    const kept = {};
    const all = ['/a', '/a?x=1', '/coding', '/fresh', '/both/a'];
    for (const target of all) {
        kept[target] = (await send(target)).text;
    }
    const never = ['/secret', '/cookie', '/language', '/large', '/a?password=x', '/none/a',
        '/soon/a'];
    for (const target of [...never, '/b']) {
        assert.equal((await send(target, target === '/b' ? { Cookie: 'a=b' } : {})).status, 200);
    }
    assert.equal((await send('/c', { Authorization: 'Basic eA==' })).status, 200);
    assert.equal((await send('/d', { 'X-Api-Key': 'k' })).status, 200);
    assert.equal((await send('/e', { 'Cache-Control': 'max-age=0, no-store' })).status, 200);

    fails = true;
    for (const target of all) {
        const got = await send(target);
        assert.deepEqual([got.status, got.text], [200, kept[target]], target);
        assert.equal(got.fields.get('gateway-fallback'), 'stale');
        assert.match(got.fields.get('age'), /^\d+$/);
        const status = got.fields.get('cache-status');
        assert.match(status, /^msd; fwd=stale; ttl=-?\d+$/);
        assert.equal(Number(status.split('=').at(-1)) > 0, target === '/fresh');
    }
    assert.equal((await send('/fresh')).fields.get('etag'), '"1"');
    const head = await send('/a', {}, 'HEAD');
    assert.deepEqual([head.status, head.text], [200, '']);
    for (const target of [...never, '/b', '/c', '/d', '/e', '/unseen', '/A']) {
        assert.equal((await send(target)).status, 502, target);
    }
    assert.equal((await send('/a', { Cookie: 'a=b' })).status, 502);
    assert.equal((await send('/a', { Authorization: 'x' })).status, 502);
    assert.equal((await send('/coding', { 'Accept-Encoding': 'br' })).status, 502);
    assert.equal((await send('/a', {}, 'POST')).status, 502);
    assert.equal((await send('/a', { Host: 'other' })).status, 502);
    assert.equal((await send('/both/unseen')).text, 'GET /both/unseen 0');
    // A service without an instance, also after a reload, which keeps the replies.
    proxy.write({
        ...proxy.settings, upstreams: { spare: { addresses: [spare.address] } },
    });
    assert.equal((await proxy.ctl('reload')).code, 0);
    const alone = await send('/a');
    assert.deepEqual([alone.status, alone.text], [200, kept['/a']]);
    assert.match(alone.fields.get('cache-status'), /^msd; hit; ttl=/);

    const lines = await until('lines about stale replies', () => {
        const read = fs.readFileSync(log, 'utf8').split('\n').filter((line) => line !== '');
        const stale = read.map((line) => JSON.parse(line))
            .filter(({ fallback }) => fallback === 'stale');
        return stale.length === all.length + 3 && stale;
    });
    assert.deepEqual(lines.map(({ status }) => status), lines.map(() => 200));

    // A good reply takes the place of the kept one.
    fails = false;
    proxy.write({ ...proxy.settings, upstreams: { app: upstream } });
    assert.equal((await proxy.ctl('reload')).code, 0);
    const fresh = await send('/a');
    assert.notEqual(fresh.text, kept['/a']);
    fails = true;
    assert.equal((await send('/a')).text, fresh.text);
});

test('a stale reply takes the place of a packet service, but not for secrets', async (world) => {
    const file = world.path('routes.toml');
    fs.writeFileSync(file, toml_text({
        routes: [
            { path: '/goods', service: 'goods', fallback: { stale: true } },
            { path: '/members', service: 'members', fallback: { stale: true } },
        ],
    }));
    const up = await world.up({ args: ['--config', file] });
    const get = (target) => exchange(world, up.port('gateway'), 'GET', target);
    const body = { name: 'pencil', category: 'x', price: 1, description: 'd' };
    assert.equal((await up.http('POST', '/goods', { body })).status, 200);
    const before = await get('/goods?category=x');
    assert.equal(before.status, 200);
    assert.equal((await get('/goods?category=none')).status, 200);
    const login = '/members?username=ann&pass%77ord=x';
    const ann = { body: { username: 'ann', password: 'x' } };
    assert.equal((await up.http('POST', '/members', ann)).status, 200);
    assert.equal((await get(login)).status, 200);
    for (const name of ['goods', 'members']) {
        const added = await world.command(
            ['fault', 'add', name, '--abort', '--for', '1h', '--runtime-dir', world.path('run')]);
        assert.equal(added.code, 0, added.log);
    }
    const after = await get('/goods?category=x');
    assert.deepEqual([after.status, after.text], [200, before.text]);
    assert.equal(after.fields.get('gateway-fallback'), 'stale');
    assert.equal((await get(login)).status, 502);
    assert.equal((await get('/goods?category=none')).status, 502, 'it has an errorcode');
});

test('a service and its fallback have the time of one request', async (world) => {
    const silent = await start_origin(world, { default: async (peer) => peer.closed(280_000) });
    const log = world.path('access.log');
    const file = world.path('routes.toml');
    fs.writeFileSync(file, toml_text({
        keys: { 'gateway.access_log': 'json', 'gateway.access_log_file': log },
        routes: [
            { path: '/x', service: 'app', timeout_ms: 2000, fallback: { service: 'spare' } },
        ],
        upstreams: { app: { addresses: [silent.address] } },
    }));
    const distributor = (await world.role('distributor')).port('distributor');
    const gateway = await world.role('gateway', { distributor, args: ['--config', file] });
    const limits = [];
    await scripted_service(world, {
        distributor,
        name: 'spare',
        urls: ['GET/x', 'GET/ready'],
        extra: { proto: 2 },
        on_request: (packet, reply, socket) => {
            if (packet.hello) {
                return socket.write('{"hello":{"slot":0,"workers":1,"generation":1}}¶');
            }
            limits.push(packet.deadline_ms);
            reply({ status: 200 });
        },
    });
    const port = gateway.port('gateway');
    await world.routed(port, ['/ready']);
    limits.length = 0;
    // The silent service gets half of the time, so the other one has the rest.
    const helped = await exchange(world, port, 'GET', '/x');
    assert.deepEqual([helped.status, helped.fields.get('gateway-fallback')], [200, 'service']);
    assert.equal(limits.length, 1);
    assert.ok(limits[0] <= 1000, `the fallback had ${limits[0]} ms`);
    // It may have executed a POST, so there is no other service to leave time for.
    assert.equal((await exchange(world, port, 'POST', '/x')).status, 504);
    const lines = await until('the lines', () => {
        const read = fs.readFileSync(log, 'utf8').split('\n').filter((line) => line !== '');
        const all = read.map((line) => JSON.parse(line)).filter(({ target }) => target === '/x');
        return all.length === 2 && all;
    });
    assert.deepEqual(lines.map(({ timeout }) => timeout), ['whole', 'whole']);
    assert.match(gateway.log, /a request for app timed out \(stage: whole/);
    assert.match(gateway.log, /further ones since the last such line/);
});
