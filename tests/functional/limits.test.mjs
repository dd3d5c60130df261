// SPDX-License-Identifier: Apache-2.0
// Limits of requests: of a route and of the gateway, counted for all workers of the host together,
// by client, by header field, or for everybody; what the client is told; a reload.

import assert from 'node:assert/strict';
import fs from 'node:fs';

import { start_proxy, toml_text } from './harness/proxy.mjs';
import { answer, start_origin } from './harness/raw_origin.mjs';
import { redis_server } from './harness/redis.mjs';
import { test } from './harness/test.mjs';
import { until } from './harness/until.mjs';
import { connect, exchange, request_bytes } from './harness/wire_http.mjs';

const hour = 3600;

function settings_for(origin) {
    const address = [`127.0.0.1:${origin.port}`];
    const own = { status: 200, type: 'text/plain', body: 'own' };
    const slow = (burst, key = 'client') => ({ rate: '20/h', burst, key });
    return {
        keys: {
            'gateway.trusted_proxies': ['127.0.0.1'],
            'gateway.limit': { rate: '1/h', burst: 2, key: 'all' },
        },
        routes: [
            { path: '/parallel', respond: own, limit: slow(29) },
            { path: '/api/', service: 'api', limit: slow(1, 'header:X-Key') },
            { path: '/claim', respond: own, limit: slow(1, 'claim:sub') },
            { path: '/route', respond: own, limit: slow(3, 'route') },
            { path: '/client', service: 'api', limit: '20/h' },
            { path: '/methods', service: 'api', limit: slow(1) },
            { path: '/options', service: 'api', limit: slow(1), methods: ['GET', 'OPTIONS'] },
            { path: '/free', respond: own, limit: 'off' },
            { path: '/one', respond: own },
            { path: '/two/', service: 'api' },
        ],
        upstreams: { api: { addresses: address } },
    };
}

const seconds = (reply, name) => Number(/^\d+$/.exec(reply.fields.get(name))?.[0]);

test('a limit holds for all workers together', async (world) => {
    const origin = await start_origin(world, { default: answer });
    const settings = settings_for(origin);
    const proxy = await start_proxy(world, settings, { workers: 4 });
    const get = (target, fields = {}, method = 'GET') =>
        exchange(world, proxy.port, method, target, { fields });
    const statuses = async (target, fields, count) => {
        const all = [];
        for (let n = 0; n < count; ++n) {
            all.push((await get(target, fields)).status);
        }
        return all;
    };
    const from = (address) => ({ 'X-Forwarded-For': address });

    // Connections spread over the workers; 30 requests may be sent at once, and each is counted.
    const replies = await Promise.all(Array.from({ length: 90 }, () => get('/parallel')));
    const accepted = replies.filter(({ status }) => status === 200);
    const refused = replies.filter(({ status }) => status === 429);
    assert.deepEqual([accepted.length, refused.length], [30, 60]);
    const left = accepted.map(({ fields }) =>
        Number(/^"client";r=(\d+);t=\d+$/.exec(fields.get('ratelimit'))[1]));
    assert.deepEqual(left.sort((a, b) => a - b), Array.from({ length: 30 }, (_, n) => n));
    for (const each of [...accepted, ...refused]) {
        assert.equal(each.fields.get('ratelimit-policy'), `"client";q=20;w=${hour}`);
    }
    for (const each of refused) {
        assert.match(each.fields.get('ratelimit'), /^"client";r=0;t=\d+$/);
        assert.ok(seconds(each, 'retry-after') >= 1 && seconds(each, 'retry-after') <= 180);
        const problem = JSON.parse(each.text);
        assert.equal(problem.errorcode, 429);
        assert.match(problem.errormessage ?? problem.detail, /20\/h are accepted from one client/);
    }

    // By client, as the trusted proxy says; IPv6 by /64.
    assert.deepEqual(await statuses('/client', from('192.0.2.1'), 3), [200, 200, 429]);
    assert.deepEqual(await statuses('/client', from('192.0.2.2'), 1), [200]);
    assert.deepEqual(await statuses('/client', from('2001:db8::1'), 1), [200]);
    assert.deepEqual(await statuses('/client', from('2001:db8::2'), 2), [200, 429]);
    assert.deepEqual(await statuses('/client', from('2001:db8:0:1::1'), 1), [200]);

    // By the value of a field; without it, by client.
    assert.deepEqual(await statuses('/api/x', { 'X-Key': 'a' }, 3), [200, 200, 429]);
    assert.deepEqual(await statuses('/api/x', { 'X-Key': 'b' }, 1), [200]);
    assert.deepEqual(await statuses('/api/x', from('192.0.2.3'), 3), [200, 200, 429]);
    assert.deepEqual(await statuses('/api/x', from('192.0.2.4'), 1), [200]);

    // By a claim of the bearer token; without one that can be read, by client.
    const token = (claims) => {
        const part = (of) => Buffer.from(JSON.stringify(of)).toString('base64url');
        return { Authorization: `Bearer ${part({ alg: 'none' })}.${part(claims)}.c2ln` };
    };
    assert.deepEqual(await statuses('/claim', token({ sub: 'ann' }), 3), [200, 200, 429]);
    assert.deepEqual(await statuses('/claim', token({ sub: 'bob', more: [1] }), 1), [200]);
    assert.deepEqual(await statuses('/claim', token({ name: 'x' }), 1), [200]);
    assert.deepEqual(await statuses('/claim', { Authorization: 'Bearer x.*.y' }, 2), [200, 429]);

    // For everybody.
    for (const n of [1, 2, 3, 4]) {
        assert.equal((await get('/route', from(`192.0.2.${n}`))).status, 200);
    }
    assert.equal((await get('/route', from('192.0.2.5'))).status, 429);

    // HEAD and the OPTIONS of a program count; what has no route does not.
    assert.equal((await get('/methods', {}, 'HEAD')).status, 200);
    assert.equal((await get('/methods', {}, 'OPTIONS')).status, 200);
    const last = await get('/methods', {}, 'HEAD');
    assert.deepEqual([last.status, last.text], [429, '']);
    assert.deepEqual(await statuses('/unknown', {}, 5), [503, 503, 503, 503, 503]);
    assert.equal((await get('/options', {}, 'POST')).status, 405);

    // A refused request does not reach the program, nor is its body awaited.
    const body = await exchange(world, proxy.port, 'POST', '/methods', {
        fields: { 'Content-Length': '1000000' },
    });
    assert.equal(body.status, 429);
    assert.equal(origin.seen('methods').length, 2);

    // The gateway's limit is for the routes without one, together.
    assert.deepEqual(await statuses('/one', {}, 2), [200, 200]);
    assert.deepEqual(await statuses('/two/x', {}, 2), [200, 429]);
    assert.deepEqual(await statuses('/free', {}, 5), [200, 200, 200, 200, 200]);
    const free = await get('/free');
    assert.equal(free.fields.get('ratelimit'), undefined);

    // Shown to people.
    const run = ['--config', proxy.file, '--distributor', '127.0.0.1:1'];
    const shown = await world.command(['routes', ...run]);
    assert.match(shown.output, /LIMIT/);
    assert.match(shown.output, /\/parallel .* 20\/h \+ 29 by client/);
    assert.match(shown.output, /\/route .* 20\/h \+ 3 by route/);
    const listed = JSON.parse((await world.command(['routes', '--json', ...run])).output);
    const of = (path) => listed.find((route) => route.path === path).limit;
    assert.deepEqual(of('/api/'), { rate: '20/h', burst: 1, key: 'header:x-key' });
    assert.deepEqual(of('/one'), { rate: '1/h', burst: 2, key: 'all' });
    assert.equal(of('/free'), undefined);

    // A reload changes limits; what was counted stays.
    settings.keys['gateway.limit'] = { rate: '1/h', burst: 3, key: 'all' };
    settings.routes[1].limit.burst = 2;
    proxy.write(settings);
    const reloaded = await proxy.ctl('reload');
    assert.equal(reloaded.code, 0, reloaded.log);
    assert.deepEqual(await statuses('/two/x', {}, 2), [200, 429]);
    assert.deepEqual(await statuses('/api/x', { 'X-Key': 'a' }, 2), [200, 429]);
    assert.deepEqual(await statuses('/api/x', { 'X-Key': 'b' }, 3), [200, 200, 429]);
    settings.routes[1].limit.key = 'claim:';
    fs.writeFileSync(proxy.file, toml_text(settings));
    const checked = await world.command(['check', proxy.file]);
    assert.match(checked.log + checked.output, /limit: key: "claim:" is not client, header:NAME/);
});

test('the limit of the gateway is for packet services too', async (world) => {
    const limit = { rate: '1/h', burst: 2, key: 'header:X-Test' };
    const file = world.path('limit.toml');
    fs.writeFileSync(file, toml_text({ keys: { 'gateway.limit': limit } }));
    const up = await world.up({ workers: 2, args: ['--config', file] });
    const port = up.port('gateway');
    const get = (method, target, value) =>
        exchange(world, port, method, target, { fields: { 'X-Test': value } });
    assert.equal((await get('GET', '/goods', 'a')).status, 200);
    const head = await get('HEAD', '/goods', 'a');
    assert.equal(head.status, 200);
    assert.equal(head.fields.get('ratelimit-policy'), `"header";q=1;w=${hour}`);
    assert.match(head.fields.get('ratelimit'), /^"header";r=1;t=\d+$/);
    assert.equal((await get('GET', '/members', 'a')).status, 422);
    const refused = await get('GET', '/goods', 'a');
    assert.equal(refused.status, 429);
    assert.ok(seconds(refused, 'retry-after') > 3000);
    assert.equal((await get('GET', '/goods', 'b')).status, 200);
    // The gateway itself answers a browser's question.
    const asked = await exchange(world, port, 'OPTIONS', '/goods', { fields: { 'X-Test': 'a' } });
    assert.equal(asked.status, 204);
    // A worker that is killed takes nothing with it.
    up.expect_deaths();
    const before = up.workers('gateway').map(({ pid }) => pid);
    before.forEach((pid) => process.kill(pid, 'SIGKILL'));
    await until('the workers are replaced', () =>
        up.workers('gateway').filter(({ pid }) => !before.includes(pid)).length === 2);
    await until('the gateway serves', async () => (await get('GET', '/goods', 'c')).status === 200);
    assert.equal((await get('GET', '/goods', 'a')).status, 429);
});

test('a client has only so many connections', async (world) => {
    const routes = [{ path: '/own', respond: { status: 200, body: 'own' } }];
    const settings = { keys: { 'gateway.connections_per_client_max': 3 }, routes };
    const proxy = await start_proxy(world, settings);
    const open = async (from) => {
        const peer = await connect(world, proxy.port, { from });
        peer.write(request_bytes('GET', '/own'));
        return { peer, status: (await peer.reply()).status };
    };
    const statuses = async (from, count) => {
        const all = [];
        for (let n = 0; n < count; ++n) {
            all.push(await open(from));
        }
        return all;
    };
    const first = await statuses('127.0.0.1', 4);
    assert.deepEqual(first.map(({ status }) => status), [200, 200, 200, 0]);
    const other = await statuses('127.0.0.2', 3);
    assert.deepEqual(other.map(({ status }) => status), [200, 200, 200]);
    await until('the log says so', () =>
        /1 connections beyond gateway.connections_per_client_max .* 127\.0\.0\.1/.test(
            proxy.gateway.log));
    // A place is free again when its connection ends.
    first[0].peer.close();
    await until('another one is served', async () => (await open('127.0.0.1')).status === 200);
    // A proxy in front of the gateway is many clients.
    settings.keys['gateway.trusted_proxies'] = ['127.0.0.2'];
    proxy.write(settings);
    assert.equal((await proxy.ctl('reload')).code, 0);
    const more = await statuses('127.0.0.2', 5);
    assert.deepEqual(more.map(({ status }) => status), [200, 200, 200, 200, 200]);
});

test('several gateways have a limit in common by Redis', async (world) => {
    const redis = await redis_server.start(world);
    const distributor = await world.role('distributor');
    const file = world.path('redis.toml');
    const own = { status: 200, type: 'text/plain', body: 'own' };
    fs.writeFileSync(file, toml_text({
        keys: { 'gateway.limit_store': 'redis', 'cache.url': redis.url },
        routes: ['/first', '/second', '/third'].map((path) =>
            ({ path, respond: own, limit: { rate: '20/h', burst: 29 } })),
    }));
    const options = {
        distributor: distributor.port('distributor'), workers: 2, args: ['--config', file],
    };
    const ports = [];
    for (const n of [1, 2]) {
        const own_dirs = ['--runtime-dir', world.path(`run${n}`)];
        const gateway = await world.role('gateway', {
            ...options, args: [...options.args, ...own_dirs],
        });
        ports.push(gateway.port('gateway'));
    }
    const get = (n, target) => exchange(world, ports[n], 'GET', target);
    const accepted = async (n, target) => {
        const replies = await Promise.all(Array.from({ length: 45 }, () => get(n, target)));
        const all = replies.map(({ status }) => status);
        assert.deepEqual([...new Set(all)].filter((each) => each !== 200 && each !== 429), []);
        return all.filter((each) => each === 200).length;
    };
    /** Whether replies of all workers say that this is the time of the limit. */
    const has_window = async (seconds) => {
        const replies = await Promise.all([0, 1].flatMap((n) =>
            Array.from({ length: 10 }, () => get(n, '/third'))));
        return replies.every(({ fields }) =>
            fields.get('ratelimit-policy').endsWith(`;w=${seconds}`));
    };

    await until('all workers are connected to Redis', async () =>
        (await redis.reply_to(['CLIENT', 'LIST'])).match(/ name=msd/g)?.length >= 4);
    await until('all workers use it', async () => has_window(hour));
    const both = await Promise.all([accepted(0, '/first'), accepted(1, '/first')]);
    assert.equal(both[0] + both[1], 30);
    assert.equal((await get(0, '/first')).status, 429);

    // Without Redis each has its share.
    redis.kill();
    await until('each gateway counts its half', async () => has_window(2 * hour));
    assert.deepEqual(await Promise.all([accepted(0, '/second'), accepted(1, '/second')]), [16, 16]);
});
