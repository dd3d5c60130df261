// SPDX-License-Identifier: Apache-2.0
// Requests that two implementations could read differently are refused, and bytes after them are
// not read as requests; slow and silent clients do not affect other clients.

import assert from 'node:assert/strict';

import { http } from './harness/http_client.mjs';
import { scripted_service } from './harness/scripted.mjs';
import { test } from './harness/test.mjs';
import { until } from './harness/until.mjs';

async function start(world, config) {
    const distributor = (await world.role('distributor')).port('distributor');
    const gateway = await world.role('gateway', { distributor, config });
    const port = gateway.port('gateway');
    const service = await scripted_service(world, {
        distributor,
        name: 'echo',
        urls: ['GET/echo', 'POST/echo', 'GET/hidden'],
        on_request: (_packet, reply) => reply(),
    });
    await world.routed(port, ['/echo']);
    return { port, service, gateway };
}

const hidden = 'GET /hidden HTTP/1.1\r\nHost: t\r\n\r\n';
const post = 'POST /echo HTTP/1.1\r\nHost: t\r\nContent-Type: application/json\r\n';
const get = 'GET /echo HTTP/1.1\r\nHost: t\r\n';

// The test sends a second request after each; no service may receive it.
const ambiguous = {
    'Content-Length and Transfer-Encoding':
        `${post}Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n`,
    'two different Content-Lengths': `${post}Content-Length: 2\r\nContent-Length: 3\r\n\r\n{}`,
    'the same Content-Length twice': `${post}Content-Length: 2\r\nContent-Length: 2\r\n\r\n{}`,
    'a list of Content-Lengths': `${post}Content-Length: 2, 2\r\n\r\n{}`,
    'a signed Content-Length': `${post}Content-Length: +2\r\n\r\n{}`,
    'a negative Content-Length': `${post}Content-Length: -2\r\n\r\n{}`,
    'a hexadecimal Content-Length': `${post}Content-Length: 0x2\r\n\r\n{}`,
    'an empty Content-Length': `${post}Content-Length: \r\n\r\n{}`,
    'a Content-Length beyond 64 bits': `${post}Content-Length: 99999999999999999999\r\n\r\n{}`,
    'a Content-Length in two parts': `${post}Content-Length: 2 2\r\n\r\n{}`,
    'another transfer coding': `${post}Transfer-Encoding: gzip\r\n\r\n0\r\n\r\n`,
    'chunked and another coding': `${post}Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n`,
    'chunked twice': `${post}Transfer-Encoding: chunked, chunked\r\n\r\n0\r\n\r\n`,
    'two Transfer-Encodings':
        `${post}Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n\r\n0\r\n\r\n`,
    'a coding like chunked': `${post}Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n`,
    'chunked with a parameter': `${post}Transfer-Encoding: chunked;a=b\r\n\r\n0\r\n\r\n`,
    'a blank before the colon': `${post}Transfer-Encoding : chunked\r\n\r\n0\r\n\r\n`,
    'Transfer-Encoding on HTTP/1.0':
        'POST /echo HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n',
    'a folded header': `${get}A: b\r\n c\r\n\r\n`,
    'a folded Transfer-Encoding': `${post}Transfer-Encoding:\r\n chunked\r\n\r\n0\r\n\r\n`,
    'a bare line feed after the request line': 'GET /echo HTTP/1.1\nHost: t\r\n\r\n',
    'a bare line feed after a header': `${get}A: b\nB: c\r\n\r\n`,
    'bare line feeds only': 'GET /echo HTTP/1.1\nHost: t\n\n',
    'a bare carriage return in a header': `${get}A: b\rc\r\n\r\n`,
    'a NUL in a header': `${get}A: b\u0000c\r\n\r\n`,
    'a blank in a header name': `${get}A B: c\r\n\r\n`,
    'an empty header name': `${get}: c\r\n\r\n`,
    'a line without a colon': `${get}abc\r\n\r\n`,
    'a blank before the first header': 'GET /echo HTTP/1.1\r\n Host: t\r\n\r\n',
    'no Host': 'GET /echo HTTP/1.1\r\n\r\n',
    'two Hosts': `${get}Host: u\r\n\r\n`,
    'a Host with a bad escape': 'GET /echo HTTP/1.1\r\nHost: h%zz\r\n\r\n',
    'a Host that is no IPv6 address':
        'GET /echo HTTP/1.1\r\nHost: [:::::::1.2.3.4.5]:8000\r\n\r\n',
    'a target with another host': 'GET http://u/echo HTTP/1.1\r\nHost: t\r\n\r\n',
    'a target with another port': 'GET http://t/echo HTTP/1.1\r\nHost: t:8000\r\n\r\n',
    'two Content-Types': `${post}Content-Type: text/plain\r\nContent-Length: 2\r\n\r\n{}`,
    'a chunk extension without a name':
        `${post}Transfer-Encoding: chunked\r\n\r\n2;\r\n{}\r\n0\r\n\r\n`,
    'a chunk extension that does not end':
        `${post}Transfer-Encoding: chunked\r\n\r\n2;a="\r\n{}\r\n0\r\n\r\n`,
    'characters beyond ASCII in the query': 'GET /echo?a=\xC3\xA9 HTTP/1.1\r\nHost: t\r\n\r\n',
    'two blanks in the request line': 'GET  /echo HTTP/1.1\r\nHost: t\r\n\r\n',
    'a tab in the request line': 'GET\t/echo HTTP/1.1\r\nHost: t\r\n\r\n',
    'a control character in the target': 'GET /ec\u0001ho HTTP/1.1\r\nHost: t\r\n\r\n',
    'a chunk size that is none': `${post}Transfer-Encoding: chunked\r\n\r\nG\r\n\r\n`,
    'a signed chunk size': `${post}Transfer-Encoding: chunked\r\n\r\n+2\r\n{}\r\n0\r\n\r\n`,
    'a chunk size with 0x': `${post}Transfer-Encoding: chunked\r\n\r\n0x2\r\n{}\r\n0\r\n\r\n`,
    'a chunk size beyond 64 bits':
        `${post}Transfer-Encoding: chunked\r\n\r\nFFFFFFFFFFFFFFFFF\r\n{}\r\n0\r\n\r\n`,
    'a chunk longer than its size': `${post}Transfer-Encoding: chunked\r\n\r\n1\r\n{}\r\n0\r\n\r\n`,
    'a bare line feed after a chunk size':
        `${post}Transfer-Encoding: chunked\r\n\r\n2\n{}\r\n0\r\n\r\n`,
};

const accepted = {
    'a default port in the target': 'GET http://t:80/echo HTTP/1.1\r\nHost: t\r\n\r\n',
    'a default port in Host': 'GET http://t/echo HTTP/1.1\r\nHost: t:80\r\n\r\n',
    'an IPv6 Host': 'GET /echo HTTP/1.1\r\nHost: [::ffff:1.2.3.4]:8000\r\n\r\n',
    'a tab behind a value': `${post}Content-Length: 2\t\r\n\r\n{}`,
    'chunk extensions':
        `${post}Transfer-Encoding: chunked\r\n\r\n` +
        '2;a=b;c="d\\"e" ; f = g\r\n{}\r\n0; a=b\r\n\r\n',
    'no length': `${post}\r\n`,
};

const nonsense = {
    'HTTP/0.9': ['GET /echo\r\n', [400, 505]],
    'HTTP/2.0': ['GET /echo HTTP/2.0\r\nHost: t\r\n\r\n', [400, 505]],
    'HTTP/1.9': ['GET /echo HTTP/1.9\r\nHost: t\r\n\r\n', [400, 505]],
    'no HTTP': ['GET /echo HTP/1.1\r\nHost: t\r\n\r\n', [400]],
    'the preface of HTTP/2': ['PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n', [400, 505]],
    'a greeting of TLS': [Buffer.from([0x16, 3, 1, 2, 0, 1, 0, 1, 0xfc, 3, 3]), [400]],
    'an unknown method': ['FROB /echo HTTP/1.1\r\nHost: t\r\n\r\n', [400, 405, 501]],
    'a packet': ['{"uri":"/goods","method":"GET","key":1,"params":{}}¶', [400]],
    'a method without end': [`${'A'.repeat(100_000)} /echo HTTP/1.1\r\nHost: t\r\n\r\n`, [501]],
    'an empty method': [' /echo HTTP/1.1\r\nHost: t\r\n\r\n', [400]],
    'an empty target': ['GET  HTTP/1.1\r\nHost: t\r\n\r\n', [400]],
};

test('ambiguous requests are refused, and no byte after them is read', async (world) => {
    const { port, service } = await start(world);
    for (const [what, bytes] of Object.entries(ambiguous)) {
        const connection = await world.connection(port);
        const before = service.requests.length;
        connection.write(Buffer.from(bytes + hidden, 'latin1'));
        const response = await connection.response();
        assert.ok([400, 501].includes(response.status), `${what}: ${response.status}`);
        assert.equal(response.headers.get('content-type'), 'application/problem+json', what);
        await until(`${what}: the connection ends`, () => connection.is_closed);
        assert.equal(connection.received.length, 0, `${what}: one answer only`);
        const asked = service.requests.slice(before).map(({ uri }) => uri);
        assert.deepEqual(asked, [], `${what}: nothing was forwarded`);
        assert.equal((await http(port, 'GET', '/echo')).status, 200);
    }
});

test('unusual requests that the RFCs allow are accepted', async (world) => {
    const { port } = await start(world);
    for (const [what, bytes] of Object.entries(accepted)) {
        const connection = await world.connection(port);
        connection.write(`${bytes}${get}\r\n`);
        assert.equal((await connection.response()).status, 200, what);
        assert.equal((await connection.response()).status, 200, `${what}: the next request`);
        connection.close();
    }
});

test('bytes that are not an HTTP/1 request are refused', async (world) => {
    const { port } = await start(world);
    const bystander = await world.connection(port);
    for (const [what, [bytes, expected]] of Object.entries(nonsense)) {
        const connection = await world.connection(port);
        connection.write(bytes);
        const response = await connection.response();
        assert.ok(expected.includes(response.status), `${what}: ${response.status}`);
        await until(`${what}: the connection ends`, () => connection.is_closed);
        assert.equal((await bystander.request('GET', '/echo')).status, 200);
    }
});

test('a request cut at every byte is read the same', async (world) => {
    const { port } = await start(world);
    const other = await world.connection(port);
    const chunks = '2\r\n{}\r\n0\r\n\r\n';
    const bytes = Buffer.from(`${post}Transfer-Encoding: chunked\r\n\r\n${chunks}${get}\r\n`);
    for (let cut = 1; cut < bytes.length; ++cut) {
        const connection = await world.connection(port);
        connection.write(bytes.subarray(0, cut));
        await other.request('GET', '/unknown');
        connection.write(bytes.subarray(cut));
        assert.equal((await connection.response()).status, 200, `cut at ${cut}`);
        assert.equal((await connection.response()).status, 200, `cut at ${cut}`);
        connection.close();
    }
});

test('1000 slow and silent clients are closed in time and do not affect others', async (world) => {
    const { port, gateway } = await start(world, {
        'gateway.header_timeout_ms': 2000,
        'gateway.body_timeout_ms': 2000,
        'gateway.keepalive_timeout_ms': 2000,
        'gateway.send_stall_timeout_ms': 2000,
    });
    const openings = [
        '',
        'G',
        'GET /echo HTTP/1.1\r\nHost: t\r\nA: ',
        `${post}Content-Length: 100\r\n\r\n{`,
        `${post}Transfer-Encoding: chunked\r\n\r\n5\r\n{`,
    ];
    const clients = [];
    for (let n = 0; n < 1000; n += 50) {
        clients.push(...(await Promise.all(
            Array.from({ length: 50 }, () => world.connection(port)),
        )));
    }
    clients.forEach((client, n) => client.write(openings[n % openings.length]));
    const own = await world.connection(port);
    const begun = performance.now();
    while (!clients.every((client) => client.is_closed)) {
        const response = await own.request('GET', '/echo');
        assert.equal(response.status, 200, 'a client that is fast');
        assert.equal((await http(port, 'GET', '/echo')).status, 200, 'a new client');
        assert.ok(performance.now() - begun < 60_000, 'all are disconnected in time');
    }
    gateway.assert_same_workers();
});

test('a client that sends its head slowly is closed after header_timeout_ms', async (world) => {
    const { port } = await start(world, { 'gateway.header_timeout_ms': 1000 });
    const connection = await world.connection(port);
    connection.write('GET /echo HTTP/1.1\r\nHost: t\r\nA: ');
    const trickle = setInterval(() => connection.write('x'), 50);
    world.on_close(() => clearInterval(trickle));
    await until('the connection is closed', () => connection.is_closed, 10_000);
});
