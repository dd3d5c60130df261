// SPDX-License-Identifier: Apache-2.0
// What a route has for a service that cannot answer: a fixed reply or another service. Never in the
// place of a reply, and never a second execution.

import assert from 'node:assert/strict';
import fs from 'node:fs';

import { start_proxy, toml_text } from './harness/proxy.mjs';
import { free_port } from './harness/ports.mjs';
import { answer, plain_reply, start_origin } from './harness/raw_origin.mjs';
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
