// SPDX-License-Identifier: Apache-2.0
// Over 400 lines: all processing of requests by the gateway is tested with one echo service.
// HTTP at the gateway: how requests become packets, how replies become statuses, pipelining, and
// when connections stay open or are closed.

import assert from 'node:assert/strict';

import { http } from './harness/http_client.mjs';
import { scripted_service } from './harness/scripted.mjs';
import { test } from './harness/test.mjs';
import { until } from './harness/until.mjs';

/** A gateway and a service that answers with the params of the request. */
async function echo(world, config) {
    const distributor = (await world.role('distributor')).port('distributor');
    const gateway = await world.role('gateway', { distributor, config });
    const port = gateway.port('gateway');
    const service = await scripted_service(world, {
        distributor,
        name: 'echo',
        urls: ['GET/echo', 'POST/echo', 'PUT/echo'],
        on_request: (packet, reply) => {
            const { key: _, ...params } = packet.params;
            reply({ asked: packet.method, params });
        },
    });
    await world.routed(port, ['/echo']);
    const ask = (method, target, options) => http(port, method, target, options);
    return { distributor, port, service, ask };
}

function assert_problem(response, status) {
    assert.equal(response.status, status, response.text);
    assert.equal(response.headers.get('content-type'), 'application/problem+json');
    const problem = response.json;
    assert.equal(problem.status, status);
    assert.equal(problem.errorcode, status);
    assert.equal(typeof problem.title, 'string');
    assert.equal(typeof problem.errormessage, 'string');
    assert.equal(problem.request_id, response.headers.get('x-request-id'));
    assert.ok(problem.request_id.length > 0);
}

test('an unknown path gets 404, a wrong method 405 with Allow', async (world) => {
    const { ask } = await echo(world);
    const unknown = ['/', '/unknown', '/echo/', '//echo', '/echo/1', '/ech', '/ECHO', '/echo%2f'];
    for (const target of unknown) {
        assert_problem(await ask('GET', target), 404);
    }
    const wrong = await ask('DELETE', '/echo');
    assert_problem(wrong, 405);
    const allowed = wrong.headers.get('allow').split(', ').filter((each) => each !== 'OPTIONS');
    assert.deepEqual(allowed.sort(), ['GET', 'HEAD', 'POST', 'PUT']);
});

test('HEAD gets the reply to GET without its body and keeps the connection open', async (world) => {
    const { port } = await echo(world);
    const connection = await world.connection(port);
    const get = await connection.request('GET', '/echo?a=1');
    const head = await connection.request('HEAD', '/echo?a=1');
    assert.equal(head.status, 200);
    assert.equal(head.headers.get('content-length'), String(get.body.length));
    assert.equal(head.headers.get('content-type'), get.headers.get('content-type'));
    assert.equal(head.body.length, 0);
    assert.equal((await connection.request('HEAD', '/unknown')).status, 404);
    assert.deepEqual((await connection.request('GET', '/echo?b=2')).json.params, { b: '2' });
});

test('OPTIONS lists the allowed methods', async (world) => {
    const { ask } = await echo(world);
    const response = await ask('OPTIONS', '/echo');
    assert.ok([200, 204].includes(response.status), String(response.status));
    const allowed = response.headers.get('allow').split(', ');
    for (const method of ['GET', 'HEAD', 'POST', 'PUT']) {
        assert.ok(allowed.includes(method), method);
    }
    assert.ok([200, 204].includes((await ask('OPTIONS', '*')).status));
    assert_problem(await ask('OPTIONS', '/unknown'), 404);
});

test('queries and forms become params', async (world) => {
    const { ask } = await echo(world);
    const query = async (text) => (await ask('GET', `/echo?${text}`)).json.params;
    assert.deepEqual(await query('a=1&b=x+y&c=%2B%20%26'), { a: '1', b: 'x y', c: '+ &' });
    assert.deepEqual(await query('a=1&a=2&a=3'), { a: ['1', '2', '3'] });
    assert.deepEqual(await query('%EC%97%B0=%ED%95%84&empty='), { 연: '필', empty: '' });
    assert.deepEqual(await query('q=%22%5C%0A%00%C2%B6'), { q: '"\\\n\u0000¶' });
    assert.deepEqual(await query('__proto__=1&constructor=2'), JSON.parse(
        '{"__proto__":"1","constructor":"2"}',
    ));
    for (const bad of ['a=%', 'a=%4', 'a=%zz', 'a=%ff', '%c2=1', 'a=%ed%a0%80']) {
        assert_problem(await ask('GET', `/echo?${bad}`), 400);
    }
    const form = await ask('POST', '/echo', {
        body: 'a=1&b=x+y&a=%C2%B6',
        headers: { 'Content-Type': 'application/x-www-form-urlencoded' },
    });
    assert.deepEqual(form.json.params, { a: ['1', '¶'], b: 'x y' });
});

test('JSON bodies pass through without loss', async (world) => {
    const { ask, service } = await echo(world);
    const texts = ['{}', ' {"a" : 1 } ', '{"a":[1,2,{"b":null}],"c":"\\u00b6¶"}'];
    for (const type of ['application/json', 'application/json; charset=utf-8', null]) {
        for (const body of texts) {
            const headers = { 'Content-Type': type };
            const response = await ask('POST', '/echo', { body, headers });
            assert.deepEqual(response.json.params, JSON.parse(body), `${type} ${body}`);
        }
    }
    assert.deepEqual((await ask('POST', '/echo', { body: '' })).json.params, {});
    assert.deepEqual((await ask('PUT', '/echo', { body: { a: 1 } })).json.asked, 'PUT');
    const raw = '{"big":123456789012345678901234567890,"exact":1.0,"key":"mine"}';
    const seen = service.requests.length;
    await ask('POST', '/echo', { body: raw });
    const { key } = service.requests[seen].params;
    assert.equal(typeof key, 'number', "a client's key is overwritten");
});

test('the gateway checks route, length, media type and JSON in this order', async (world) => {
    const { ask, port } = await echo(world);
    const huge = { 'Content-Length': String(2 << 20), 'Content-Type': 'text/plain' };
    const announced = async (method, target, headers) => {
        const connection = await world.connection(port);
        connection.send(method, target, { headers });
        const response = await connection.response();
        connection.close();
        return response;
    };
    assert_problem(await announced('POST', '/unknown', huge), 404);
    assert_problem(await announced('DELETE', '/echo', huge), 405);
    assert_problem(await announced('POST', '/echo', huge), 413);
    const gzip = { 'Content-Encoding': 'gzip', 'Content-Length': String(2 << 20) };
    assert_problem(await announced('POST', '/echo', gzip), 413);
    const plain = { 'Content-Type': 'text/plain' };
    assert_problem(await ask('POST', '/echo', { body: '{', headers: plain }), 415);
    assert_problem(await ask('POST', '/echo', { body: '{' }), 400);
    assert_problem(await ask('POST', '/echo', { body: '[]' }), 400);
    const latin = { 'Content-Type': 'application/jsonp' };
    assert_problem(await ask('POST', '/echo', { body: '{}', headers: latin }), 415);
});

test('targets, headers and bodies have limits', async (world) => {
    const { ask, port } = await echo(world);
    assert_problem(await ask('GET', `/echo?a=${'x'.repeat(9000)}`), 414);
    assert_problem(await ask('GET', '/echo', { headers: { A: 'x'.repeat(17_000) } }), 431);
    const many = Object.fromEntries(Array.from({ length: 200 }, (_, n) => [`H${n}`, 'x']));
    assert_problem(await ask('GET', '/echo', { headers: many }), 431);
    const body_of = (bytes) => JSON.stringify({ a: 'x'.repeat(bytes - '{"a":""}'.length) });
    assert.equal((await ask('POST', '/echo', { body: body_of(1 << 20) })).status, 200);
    assert_problem(await ask('POST', '/echo', { body: body_of((1 << 20) + 1) }), 413);
    const connection = await world.connection(port);
    connection.write('POST /echo HTTP/1.1\r\nHost: t\r\nContent-Type: application/json\r\n' +
        'Transfer-Encoding: chunked\r\n\r\n');
    for (let n = 0; n < 3; ++n) {
        connection.write(`80000\r\n${' '.repeat(0x80000)}\r\n`);
    }
    assert_problem(await connection.response(), 413);
});

test('chunked bodies are read, with extensions and trailers', async (world) => {
    const { port } = await echo(world);
    const connection = await world.connection(port);
    const head = 'POST /echo HTTP/1.1\r\nHost: t\r\nContent-Type: application/json\r\n' +
        'Transfer-Encoding: chunked\r\n\r\n';
    connection.write(`${head}1\r\n{\r\n5;x="y"\r\n"a":1\r\n01\r\n}\r\n0\r\nTrailer: 1\r\n\r\n`);
    assert.deepEqual((await connection.response()).json.params, { a: 1 });
    connection.write(`${head}0\r\n\r\n`);
    assert.deepEqual((await connection.response()).json.params, {});
});

test('Expect: 100-continue gets 100 before the body, or the request is refused', async (world) => {
    const { port } = await echo(world);
    const expect = { Expect: '100-continue', 'Content-Type': 'application/json' };
    const connection = await world.connection(port);
    connection.send('POST', '/echo', { headers: { ...expect, 'Content-Length': '7' } });
    assert.equal((await connection.response()).status, 100);
    connection.write('{"a":1}');
    assert.deepEqual((await connection.response()).json.params, { a: 1 });
    for (const [target, length, status] of [['/echo', 2 << 20, 413], ['/unknown', 7, 404]]) {
        const refused = await world.connection(port);
        refused.send('POST', target, { headers: { ...expect, 'Content-Length': String(length) } });
        assert.equal((await refused.response()).status, status, 'no 100 before the refusal');
    }
});

test('a request without a length has an empty body', async (world) => {
    const { port } = await echo(world);
    const connection = await world.connection(port);
    for (const method of ['POST', 'PUT']) {
        assert.deepEqual((await connection.request(method, '/echo?a=1')).json.params, { a: '1' });
        const json = { headers: { 'Content-Type': 'application/json' } };
        assert.deepEqual((await connection.request(method, '/echo', json)).json.params, {});
        const other = { headers: { 'Content-Type': 'text/plain' } };
        assert.equal((await connection.request(method, '/echo', other)).status, 200);
    }
    connection.write('POST /echo HTTP/1.0\r\n\r\n');
    assert.deepEqual((await connection.response()).json.params, {});
});

test('a body without a media type is a form if it looks like one, else JSON', async (world) => {
    const { ask } = await echo(world);
    const untyped = (body) => ask('POST', '/echo', { body, headers: { 'Content-Type': null } });
    assert.deepEqual((await untyped('a=x+y&b=%C2%B6')).json.params, { a: 'x y', b: '¶' });
    assert.deepEqual((await untyped('{"a":"b=c"}')).json.params, { a: 'b=c' });
    for (const neither of ['hello', '<a b="c"/>', '["a=b"]']) {
        const refused = await untyped(neither);
        assert_problem(refused, 400);
        assert.match(refused.json.detail, /Content-Type/);
    }
});

test('encoded or partial content is refused, and the reply says what to send', async (world) => {
    const { ask } = await echo(world);
    const put = (headers) => ask('PUT', '/echo', { body: { a: 1 }, headers });
    for (const coding of ['gzip', 'br', 'x-gzip', 'identity, gzip', 'GZIP']) {
        const refused = await put({ 'Content-Encoding': coding });
        assert_problem(refused, 415);
        assert.equal(refused.headers.get('accept-encoding'), 'identity');
    }
    for (const coding of ['identity', 'Identity', 'identity, identity', '']) {
        assert.equal((await put({ 'Content-Encoding': coding })).status, 200, coding);
    }
    const text = await put({ 'Content-Type': 'text/plain' });
    assert_problem(text, 415);
    assert.match(text.headers.get('accept'), /application\/json/);
    const range = { 'Content-Range': 'bytes 0-6/7' };
    assert_problem(await put(range), 400);
    // RFC 9110, 14.4: Content-Range is ignored where it has no meaning.
    assert.equal((await ask('POST', '/echo', { body: {}, headers: range })).status, 200);
    const coded = { headers: { 'Content-Encoding': 'gzip' } };
    assert.equal((await ask('GET', '/echo', coded)).status, 200, 'a GET has no content');
});

test('an unpaired surrogate is refused in every string of the JSON', async (world) => {
    const { ask, service } = await echo(world);
    const seen = service.requests.length;
    const texts = ['{"a":"\\ud800"}', '{"\\udc00":1}', '{"a":[{"b":{"\\ude00\\ud83d":1}}]}'];
    for (const body of texts) {
        for (const type of ['application/json', null]) {
            const refused = await ask('POST', '/echo', { body, headers: { 'Content-Type': type } });
            assert_problem(refused, 400);
            assert.match(refused.json.detail, /surrogate/);
        }
    }
    assert.equal(service.requests.length, seen);
    const pair = await ask('POST', '/echo', { body: '{"a":"\\ud83d\\ude00"}' });
    assert.deepEqual(pair.json.params, { a: '\u{1f600}' });
});

test('a header says that a foreign service does not support Idempotency-Key', async (world) => {
    const { ask, distributor, service } = await echo(world);
    const header = 'idempotency-key-status';
    const with_key = (key, more) => ask('POST', '/echo', {
        body: {}, headers: { 'Idempotency-Key': key, ...more },
    });
    const kept = await with_key('k1');
    assert.equal(kept.status, 200);
    assert.equal(kept.headers.get(header), 'not-supported');
    assert.equal((await ask('POST', '/echo', { body: {} })).headers.has(header), false);
    const named = await with_key('k1', { Connection: 'close, idempotency-key' });
    assert.equal(named.status, 200);
    assert.equal(named.headers.has(header), false, 'a header that Connection names does not count');
    const seen = service.requests.length;
    for (const bad of ['', '""', '"k1', '"k1", "k2"', 'k1,k2', 'k 1', 'x'.repeat(256)]) {
        assert_problem(await with_key(bad), 400);
    }
    assert.equal(service.requests.length, seen);
    // A request with the key is not retried, not even a GET.
    const breaks = await scripted_service(world, {
        distributor,
        name: 'breaks',
        urls: ['GET/breaks'],
        on_request: (_packet, _reply, socket) => socket.destroy(),
    });
    await until('the request is routed', async () => (await ask('GET', '/breaks')).status === 502);
    const asked = breaks.requests.length;
    const once = await ask('GET', '/breaks', { headers: { 'Idempotency-Key': 'k1' } });
    assert_problem(once, 502);
    assert.equal(once.headers.get(header), 'not-supported');
    assert.ok(breaks.requests.length <= asked + 1, 'the request is not retried');
});

test('connections stay open or are closed as HTTP/1.1 and 1.0 require', async (world) => {
    const { port } = await echo(world);
    const kept = await world.connection(port);
    for (let n = 0; n < 20; ++n) {
        const response = await kept.request('GET', `/echo?n=${n}`);
        assert.equal(response.version, '1.1');
        assert.match(response.headers.get('date'), /^\w{3}, \d\d \w{3} \d{4} \d\d:\d\d:\d\d GMT$/);
    }
    const asked = await kept.request('GET', '/echo', { headers: { Connection: 'close' } });
    assert.equal(asked.headers.get('connection').toLowerCase(), 'close');
    await until('the connection is closed', () => kept.is_closed);
    const old = await world.connection(port);
    old.write('GET /echo HTTP/1.0\r\n\r\n');
    assert.equal((await old.response()).status, 200);
    await until('the HTTP/1.0 connection is closed', () => old.is_closed);
    const old_kept = await world.connection(port);
    for (let n = 0; n < 2; ++n) {
        old_kept.write('GET /echo HTTP/1.0\r\nConnection: keep-alive\r\n\r\n');
        const response = await old_kept.response();
        assert.equal(response.headers.get('connection').toLowerCase(), 'keep-alive');
    }
});

test('pipelined requests get replies in order, whichever service is first', async (world) => {
    const distributor = (await world.role('distributor')).port('distributor');
    const port = (await world.role('gateway', { distributor })).port('gateway');
    let held = [];
    await scripted_service(world, {
        distributor,
        name: 'late',
        urls: ['GET/late', 'GET/early'],
        on_request: (packet, reply) => {
            const answer = () => reply({ n: packet.params.n });
            if (packet.uri === '/early') {
                answer();
                held.reverse().forEach((each) => each());
                held = [];
            } else {
                held.push(answer);
            }
        },
    });
    await world.routed(port, ['/early']);
    const connection = await world.connection(port);
    const head = (target) => `GET ${target} HTTP/1.1\r\nHost: t\r\n\r\n`;
    connection.write(`${head('/early?n=a')}${head('/unknown')}${head('/early?n=b')}`);
    assert.equal((await connection.response()).json.n, 'a');
    assert.equal((await connection.response()).status, 404);
    assert.equal((await connection.response()).json.n, 'b');
    const targets = Array.from({ length: 20 }, (_, n) => head(`/late?n=${n}`)).join('');
    const waker = setInterval(() => void http(port, 'GET', '/early?n=0').catch(() => {}), 20);
    world.on_close(() => clearInterval(waker));
    connection.write(targets);
    for (let n = 0; n < 20; ++n) {
        assert.equal((await connection.response()).json.n, String(n));
    }
    clearInterval(waker);
});

test('a reply that is sent before the end of the body is not lost by a reset', async (world) => {
    const { port } = await echo(world);
    for (let n = 0; n < 10; ++n) {
        const connection = await world.connection(port);
        connection.send('POST', '/unknown', { body: Buffer.alloc(700_000, 0x78) });
        const response = await connection.response();
        assert_problem(response, 404);
        connection.close();
    }
});

test('a foreign reply is sent without its key and with status 200', async (world) => {
    const distributor = (await world.role('distributor')).port('distributor');
    const port = (await world.role('gateway', { distributor })).port('gateway');
    await scripted_service(world, {
        distributor,
        name: 'raw',
        urls: ['GET/raw'],
        on_request: (packet, _reply, socket) => socket.write(
            `{"a":1.0,"key":${packet.params.key},"errorcode":1,"errormessage":"no",` +
                '"big":123456789012345678901234567890}¶',
        ),
    });
    await world.routed(port, ['/raw']);
    const response = await http(port, 'GET', '/raw');
    assert.equal(response.status, 200);
    assert.match(response.headers.get('content-type'), /^application\/json/);
    assert.equal(
        response.text,
        '{"a":1.0,"errorcode":1,"errormessage":"no","big":123456789012345678901234567890}',
    );
});

test('a reply of msd is sent without its key and with its HTTP status', async (world) => {
    const up = await world.up();
    const status = async (expected, errorcode, method, target, body) => {
        const response = await up.http(method, target, { body });
        const sent = Buffer.isBuffer(body) ? `${body.length} bytes` : JSON.stringify(body);
        const what = `${method} ${target} ${sent}: ${response.text}`;
        assert.equal(response.status, expected, what);
        assert.equal(response.json.errorcode, errorcode, what);
        assert.ok(!('key' in response.json) && !('status' in response.json), what);
        return response.json;
    };
    const pencil = { name: 'pencil', category: 'c', price: 1, description: 'd' };
    assert.equal((await status(200, 1, 'GET', '/goods')).errormessage, 'no data');
    const { id } = await status(200, 0, 'POST', '/goods', pencil);
    const half = { ...pencil, price: 'x', name: undefined };
    const invalid = await status(422, 1, 'POST', '/goods', half);
    assert.equal(invalid.errormessage, 'Invalid Parameters');
    assert.deepEqual(invalid.errors.map(({ field }) => field).sort(), ['name', 'price']);
    assert.ok(invalid.errors.every(({ problem }) => problem.length > 0));
    await status(404, 1, 'GET', '/goods/999');
    await status(404, 1, 'PUT', '/goods/999', pencil);
    await status(200, 0, 'DELETE', '/goods/999');
    const ann = { username: 'ann', password: 'secret-ann' };
    await status(200, 0, 'POST', '/members', ann);
    await status(409, 1, 'POST', '/members', ann);
    const wrong = await status(403, 1, 'GET', '/members?username=ann&password=no');
    assert.equal(wrong.errormessage, 'invalid password');
    await status(403, 1, 'GET', '/members?username=nobody&password=no');
    const { userid } = await status(200, 0, 'GET', '/members?username=ann&password=secret-ann');
    assert.equal((await status(200, 0, 'POST', '/members/login', ann)).userid, userid);
    const form = 'username=ann&password=secret-ann';
    const type = 'application/x-www-form-urlencoded';
    const by_form = await up.http('POST', '/members/login', {
        body: form, headers: { 'Content-Type': type },
    });
    assert.equal(by_form.json.userid, userid);
    await status(403, 1, 'POST', '/members/login', { ...ann, password: 'no' });
    await status(422, 1, 'POST', '/members/login', {});
    assert_problem(await up.http('GET', '/members/login'), 405);
    // The largest allowed body, also with characters that need more bytes in a packet.
    for (const filler of ['x', '¶', '\\"', '\\u00b6']) {
        const count = Math.floor(((1 << 20) - 20) / Buffer.byteLength(filler));
        const body = Buffer.alloc(1 << 20, 0x20);
        body.write(`{"name":"${filler.repeat(count)}"}`);
        await status(422, 1, 'POST', '/goods', body);
    }
    await status(422, 1, 'POST', '/purchases', { userid: 1, goodsid: 999 });
    await status(200, 0, 'POST', '/purchases', { userid: 1, goodsid: id });
});

test('with http_status = "always-200" every reply of a service has status 200', async (world) => {
    const up = await world.up({ config: { 'gateway.http_status': 'always-200' } });
    const invalid = await up.http('POST', '/goods', { body: {} });
    assert.equal(invalid.status, 200);
    assert.equal(invalid.json.errorcode, 1);
    const login = await up.http('GET', '/members?username=a&password=b');
    assert.equal(login.status, 200);
    assert.equal(login.json.errormessage, 'invalid password');
    assert_problem(await up.http('GET', '/unknown'), 404);
});

test('a product is addressed by path or by query; contradicting ids are refused', async (world) => {
    const up = await world.up();
    const pencil = { name: 'pencil', category: 'c', price: 1.5, description: 'd' };
    const { id } = (await up.http('POST', '/goods', { body: pencil })).json;
    const row = { id, ...pencil };
    for (const target of [`/goods/${id}`, `/goods?id=${id}`, `/goods/${id}?id=${id}`]) {
        assert.deepEqual((await up.http('GET', target)).json.results, [row], target);
    }
    assert_problem(await up.http('GET', `/goods/${id}?id=${id + 1}`), 400);
    const changed = { ...pencil, price: 2.25 };
    assert.equal((await up.http('PUT', `/goods/${id}`, { body: changed })).json.errorcode, 0);
    assert.equal((await up.http('GET', `/goods/${id}`)).json.results[0].price, 2.25);
    const by_body = { ...pencil, id, price: 3 };
    assert.equal((await up.http('PUT', '/goods', { body: by_body })).json.errorcode, 0);
    assert.equal((await up.http('GET', `/goods/${id}`)).json.results[0].price, 3);
    const other = await up.http('PUT', `/goods/${id}`, { body: { ...by_body, id: id + 1 } });
    assert_problem(other, 400);
    assert.equal((await up.http('DELETE', `/goods/${id}`)).json.errorcode, 0);
    assert.equal((await up.http('GET', `/goods/${id}`)).status, 404);
});
