// SPDX-License-Identifier: Apache-2.0
// What clients do to each other through the gateway: floods of logins, guesses of passwords, web
// pages that write through the browsers of their visitors, Idempotency-Keys of others, names that
// control terminals, prices and quantities beyond reason.

import assert from 'node:assert/strict';
import fs from 'node:fs';

import { http_connection } from './harness/http_client.mjs';
import { test } from './harness/test.mjs';
import { until } from './harness/until.mjs';

// A busy machine needs long for a password hash: no login may fail for that reason.
const patient = { 'gateway.request_timeout_ms': 60_000 };
const form_type = 'application/x-www-form-urlencoded';
const account = (username, password = `secret of ${username}`) => ({ username, password });

/**
 * Keeps `connections` connections busy with logins, each as soon as the last one is answered, until
 * stop() is called. `body_of` makes the body of the login number n.
 */
function flood(world, port, { connections, body_of }) {
    const statuses = new Map();
    let count = 0;
    let stopped = false;
    const work = async () => {
        while (!stopped) {
            const connection = await http_connection.open(port);
            while (!stopped && !connection.is_closed) {
                const body = body_of(++count);
                const { status } = await connection.request('POST', '/members/login', { body });
                statuses.set(status, (statuses.get(status) ?? 0) + 1);
            }
            connection.close();
        }
    };
    const running = Promise.all(Array.from({ length: connections }, work));
    world.on_close(() => {
        stopped = true; // after a failure of the test
        running.catch(() => {});
    });
    return {
        statuses,
        replies: () => [...statuses.values()].reduce((sum, each) => sum + each, 0),
        async stop() {
            stopped = true;
            await running;
        },
    };
}

test('a flood of logins delays the logins of others and refuses none', async (world) => {
    const up = await world.up({ config: patient });
    const port = up.port('gateway');
    const login = (body, from) => up.http('POST', '/members/login', { body, from });
    const names = Array.from({ length: 5 }, (_, n) => `member ${n}`);
    for (const name of [...names, 'victim']) {
        assert.equal((await up.http('POST', '/members', { body: account(name) })).status, 200);
    }
    const floods = [
        flood(world, port, { connections: 100, body_of: (n) => account(`nobody ${n}`, 'x') }),
        flood(world, port, { connections: 100, body_of: (n) => account('victim', `guess ${n}`) }),
    ];
    await until('the flood has begun', () => floods.every((each) => each.replies() >= 20));
    for (const from of ['127.0.0.1', '127.0.0.2']) { // of the flood, and another one
        const replies = await Promise.all(names.map((name) => login(account(name), from)));
        for (const { status, text } of replies) {
            assert.equal(status, 200, `from ${from}: ${text}`);
        }
    }
    assert.equal((await up.http('POST', '/members', { body: account('new') })).status, 200);
    for (const each of floods) {
        await each.stop();
    }
    const [unknown, guesses] = floods.map((each) => each.statuses);
    assert.ok(unknown.get(403) > 0);
    assert.equal(unknown.get(429), undefined, 'no reply reveals that a name is unknown');
    assert.ok(guesses.get(429) > guesses.get(403), 'guesses are slowed');
    assert.equal(guesses.get(200), undefined);

    const statuses = [];
    for (let n = 0; n < 8; ++n) {
        statuses.push((await login(account('member 0', `guess ${n}`), '127.0.0.3')).status);
    }
    assert.deepEqual(statuses, [403, 403, 403, 403, 403, 403, 429, 429]);
    const right = await login(account('member 0'), '127.0.0.3');
    assert.equal(right.status, 429, 'the right password has to wait as well');
    assert.equal(right.headers.get('retry-after'), '1');
    assert.match(right.json.errormessage, /too many wrong passwords/);
    assert.equal('retry_after' in right.json, false, 'it is not in the body');
    assert.equal((await login(account('member 1'), '127.0.0.3')).status, 200, 'another name');
    const known = await login(account('member 0'), '127.0.0.1');
    assert.equal(known.status, 200, 'an address that has logged in with the name');
});

test('the owner of a name gets in while the name is attacked', async (world) => {
    const config = { ...patient, 'services.members.login_delay_max_ms': 1000 };
    const up = await world.up({ config });
    const login = (body, from) => up.http('POST', '/members/login', { body, from });
    assert.equal((await up.http('POST', '/members', { body: account('owner') })).status, 200);
    assert.equal((await login(account('owner'), '127.0.0.3')).status, 200);
    const attack = flood(world, up.port('gateway'), {
        connections: 50,
        body_of: (n) => account('owner', `guess ${n}`),
    });
    await until('the name is attacked', () => attack.statuses.get(403) > 6);
    assert.equal((await login(account('owner'), '127.0.0.3')).status, 200, 'a known address');
    assert.equal((await login(account('owner', 'wrong'), '127.0.0.3')).status, 403, 'it may err');
    assert.equal((await login(account('owner'), '127.0.0.4')).status, 429, 'another address');
    await until('the delay is over', async () =>
        (await login(account('owner'), '127.0.0.4')).status === 200);
    await attack.stop();
});

// One request with a body that a form of a web page can send, and its expected status.
function page_requests(own, foreign) {
    const form = { 'Content-Type': form_type };
    const untyped = { 'Content-Type': null };
    const text = { 'Content-Type': 'text/plain' };
    const parts = { 'Content-Type': 'multipart/form-data; boundary=b' };
    const body = 'name=a&category=c&price=1&description=d';
    const json = { name: 'a', category: 'c', price: 1, description: 'd' };
    return [
        // [expected, method, target, options]
        [200, 'POST', '/goods', { body, headers: form }],
        [200, 'POST', '/goods', { body, headers: { ...form, Origin: own } }],
        [403, 'POST', '/goods', { body, headers: { ...form, Origin: foreign } }],
        [403, 'POST', '/goods', { body, headers: { ...form, Origin: 'null' } }],
        [403, 'POST', '/goods', { body, headers: { ...form, Origin: own.replace('http', 'app') } }],
        [403, 'POST', '/goods', { body, headers: { ...untyped, Origin: foreign } }],
        [403, 'POST', '/goods', { body: json, headers: { ...untyped, Origin: foreign } }],
        [403, 'POST', '/goods?name=a&category=c&price=1&description=d',
            { headers: { Origin: foreign } }],
        [403, 'POST', '/goods', { body, headers: { ...text, Origin: foreign } }],
        [403, 'POST', '/goods', { body, headers: { ...parts, Origin: foreign } }],
        [403, 'PUT', '/goods/1', { body, headers: { ...form, Origin: foreign } }],
        [403, 'DELETE', '/goods/1', { headers: { Origin: foreign } }],
        [403, 'POST', '/logs', { body: 'a=1', headers: { ...form, Origin: foreign } }],
        [403, 'POST', '/goods', { body, headers: { ...form, 'Sec-Fetch-Site': 'cross-site' } }],
        [403, 'POST', '/goods', { body, headers: { ...form, 'Sec-Fetch-Site': 'same-site' } }],
        [200, 'POST', '/goods', { body, headers: { ...form, 'Sec-Fetch-Site': 'same-origin' } }],
        [200, 'POST', '/goods', { body, headers: { ...form, 'Sec-Fetch-Site': 'none' } }],
        // A proxy has changed Host.
        [200, 'POST', '/goods',
            { body, headers: { ...form, Origin: foreign, 'Sec-Fetch-Site': 'same-origin' } }],
        // The browser asks before it sends JSON; nothing allows it.
        [200, 'POST', '/goods', { body: json, headers: { Origin: foreign } }],
        [200, 'GET', '/goods', { headers: { Origin: foreign } }],
    ];
}

async function count_of_goods(up) {
    return (await up.http('GET', '/goods')).json.results?.length ?? 0;
}

test('pages of other origins cannot write, and keys belong to their client', async (world) => {
    const up = await world.up();
    const requests = page_requests('http://test', 'http://evil.example');
    for (const [expected, method, target, options] of requests) {
        const before = await count_of_goods(up);
        const { status, text, headers } = await up.http(method, target, options);
        const what = `${method} ${target} ${JSON.stringify(options)}: ${text}`;
        assert.equal(status, expected, what);
        assert.equal(headers.has('access-control-allow-origin'), false, what);
        const added = expected === 200 && method === 'POST' ? 1 : 0;
        assert.equal(await count_of_goods(up), before + added, what);
        if (expected === 403) {
            assert.equal(JSON.parse(text).errorcode, 403, what);
            assert.match(text, /gateway\.cors/);
        }
    }
    const asked = await up.http('OPTIONS', '/goods', {
        headers: { Origin: 'http://evil.example', 'Access-Control-Request-Method': 'POST' },
    });
    assert.equal(asked.headers.has('access-control-allow-origin'), false);

    const body = { name: 'pencil', category: 'c', price: 1, description: 'd' };
    const add = (from, params = body) =>
        up.http('POST', '/goods', { body: params, from, headers: { 'Idempotency-Key': 'key' } });
    const first = await add('127.0.0.1');
    const other = await add('127.0.0.2');
    assert.equal(other.status, 200, other.text);
    assert.notEqual(other.json.id, first.json.id, 'the key of another client is another key');
    assert.equal((await add('127.0.0.1')).text, first.text);
    assert.equal((await add('127.0.0.2')).text, other.text);
    const different = await add('127.0.0.3', { ...body, price: 2 });
    assert.equal(different.status, 200, 'its content does not matter either');
    const member = { body: account('kim'), headers: { 'Idempotency-Key': 'key' } };
    const made = await up.http('POST', '/members', member);
    assert.equal((await up.http('POST', '/members', { ...member, from: '127.0.0.2' })).status, 409);
    assert.equal((await up.http('POST', '/members', member)).text, made.text);
});

test('pages that gateway.cors names may write, and other limits hold', async (world) => {
    const shop = 'https://shop.example';
    const partner = 'https://partner.example';
    const up = await world.up({
        config: {
            'gateway.cors': `${shop}, POST/goods=${partner}`,
            'services.goods.negative_prices': true,
            'services.purchases.quantity_max': 50,
        },
    });
    const product = { name: 'a', category: 'c', price: 1, description: 'd' };
    const body = String(new URLSearchParams(product));
    const write = (method, target, origin) =>
        up.http(method, target, { body, headers: { 'Content-Type': form_type, Origin: origin } });
    const allowed = (reply) => reply.headers.get('access-control-allow-origin');
    for (const origin of [shop, partner]) {
        const added = await write('POST', '/goods', origin);
        assert.equal(added.status, 200, added.text);
        assert.equal(allowed(added), origin);
        assert.equal(added.headers.get('vary'), 'Origin');
    }
    assert.equal((await write('PUT', '/goods/1', shop)).status, 200);
    assert.equal((await write('PUT', '/goods/1', partner)).status, 403);
    const evil = await write('POST', '/goods', 'https://evil.example');
    assert.equal(evil.status, 403);
    assert.equal(allowed(evil), undefined);
    assert.equal(evil.headers.get('vary'), 'Origin');
    assert.equal(allowed(await up.http('GET', '/unknown', { headers: { Origin: shop } })), shop);
    const ask = async (target, origin, method) => {
        const headers = { Origin: origin, 'Access-Control-Request-Method': method };
        const reply = await up.http('OPTIONS', target, { headers });
        assert.equal(reply.status, 204);
        return reply.headers;
    };
    const put = await ask('/goods/1', shop, 'PUT');
    assert.equal(put.get('access-control-allow-origin'), shop);
    assert.equal(put.get('access-control-allow-methods'), 'PUT');
    assert.match(put.get('access-control-allow-headers'), /Content-Type, Idempotency-Key/);
    const post = await ask('/goods', partner, 'POST');
    assert.equal(post.get('access-control-allow-origin'), partner);
    for (const [target, origin, method] of [
        ['/goods/1', partner, 'PUT'], ['/goods', 'https://evil.example', 'POST'],
        ['/goods', shop, 'PATCH'],
    ]) {
        const headers = await ask(target, origin, method);
        assert.equal(headers.has('access-control-allow-origin'), false, `${origin} ${method}`);
    }

    const refund = { ...product, price: -1 };
    assert.equal((await up.http('POST', '/goods', { body: refund })).status, 200);
    for (const [quantity, status] of [[50, 200], [-50, 200], [51, 422], [-51, 422]]) {
        const purchase = { userid: 1, goodsid: 1, quantity };
        const bought = await up.http('POST', '/purchases', { body: purchase });
        assert.equal(bought.status, status, `${quantity}: ${bought.text}`);
    }
});

test('pages reach services beside a web program that takes every other path', async (world) => {
    const shop = 'https://shop.example';
    const file = world.path('shop.toml');
    fs.writeFileSync(file, `
[gateway]
cors = "${shop}"
[[gateway.routes]]
path = "/"
service = "web"
[[gateway.routes]]
path = "/members"
methods = ["POST"]
service = "members"
[[gateway.routes]]
path = "/shared/"
split = { goods = 1 }
strip_prefix = true
[upstream.web]
addresses = ["127.0.0.1:9"]
`);
    const up = await world.up({ args: ['--config', file] });
    const ask = (target, method) => up.http('OPTIONS', target, {
        headers: { Origin: shop, 'Access-Control-Request-Method': method },
    });
    for (const target of ['/goods', '/members', '/shared/goods']) {
        const asked = await ask(target, 'POST');
        assert.equal(asked.status, 204, target);
        assert.equal(asked.headers.get('access-control-allow-origin'), shop, target);
        assert.equal(asked.headers.get('access-control-allow-methods'), 'POST', target);
    }
    assert.equal((await ask('/goods', 'PATCH')).status, 502, 'a question for the web program');
});

async function refused(up, method, target, body, field) {
    const { status, json, text } = await up.http(method, target, { body });
    assert.equal(status, 422, `${method} ${target} ${JSON.stringify(body)}: ${text}`);
    assert.deepEqual(json.errors.map((each) => each.field), [field], text);
}

test('names, prices and quantities are limited', async (world) => {
    const up = await world.up();
    const product = { name: 'a', category: 'c', price: 1, description: 'd' };
    assert.equal((await up.http('POST', '/goods', { body: product })).status, 200);
    for (const bad of ['a\u0000b', 'a\nb', '\u001b[31mred', 'a\u202eb', 'a\u200bb', '\u0085']) {
        await refused(up, 'POST', '/goods', { ...product, name: bad }, 'name');
        await refused(up, 'PUT', '/goods/1', { ...product, category: bad }, 'category');
        await refused(up, 'POST', '/members', account(bad, 'p'), 'username');
        // Members of an existing deployment may have such names.
        const removed = await up.http('DELETE', '/members', { body: { username: bad } });
        assert.equal(removed.status, 200);
    }
    const lines = { ...product, name: 'é 연필 😀', description: 'two\r\n\tlines \u0000' };
    assert.equal((await up.http('POST', '/goods', { body: lines })).status, 200);
    await refused(up, 'POST', '/goods', { ...product, price: -0.0001 }, 'price');
    await refused(up, 'PUT', '/goods/1', { ...product, price: '-5' }, 'price');
    for (const quantity of [1_000_000, -1_000_000]) {
        const { status, text } = await up.http('POST', '/purchases', {
            body: { userid: 1, goodsid: 1, quantity },
        });
        assert.equal(status, 200, text);
    }
    for (const quantity of [1_000_001, '-1000001', 9_007_199_254_740_991]) {
        await refused(up, 'POST', '/purchases', { userid: 1, goodsid: 1, quantity }, 'quantity');
    }
});
