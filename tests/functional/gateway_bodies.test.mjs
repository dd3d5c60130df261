// SPDX-License-Identifier: Apache-2.0
// Bodies that the gateway refuses before it has received them, and the total memory of bodies.

import assert from 'node:assert/strict';
import net from 'node:net';

import { http } from './harness/http_client.mjs';
import { scripted_service } from './harness/scripted.mjs';
import { test } from './harness/test.mjs';
import { until } from './harness/until.mjs';

const mib = 1 << 20;

async function front(world, config, on_request = (_packet, reply) => reply()) {
    const distributor = (await world.role('distributor')).port('distributor');
    const port = (await world.role('gateway', { distributor, config })).port('gateway');
    const urls = ['GET/echo', 'POST/echo'];
    const service = await scripted_service(world, { distributor, name: 'echo', urls, on_request });
    await world.routed(port, ['/echo']);
    return { port, service };
}

test('a client that sends all of a too large body gets the 413 reply', async (world) => {
    const { port } = await front(world);
    const json = { 'Content-Type': 'application/json' };
    for (const bytes of [1.1 * mib, 4 * mib, 64 * mib]) {
        const body = Buffer.alloc(Math.floor(bytes), 0x20);
        for (let n = 0; n < 5; ++n) {
            const options = { method: 'POST', headers: json, body };
            const response = await fetch(`http://127.0.0.1:${port}/echo`, options);
            assert.equal(response.status, 413, `${bytes} bytes`);
            assert.equal((await response.json()).status, 413);
        }
        // This client reads only after it has sent everything.
        const connection = await world.connection(port);
        connection.socket.pause();
        const head = `POST /echo HTTP/1.1\r\nHost: t\r\nContent-Length: ${body.length}\r\n\r\n`;
        connection.write(head);
        await new Promise((done) => connection.socket.write(body, done));
        connection.socket.resume();
        assert.equal((await connection.response()).status, 413, `${bytes} bytes`);
        assert.equal(connection.was_reset, false);
        connection.close();
    }
});

test('the body timeout closes a connection that sends a refused body slowly', async (world) => {
    const { port } = await front(world, { 'gateway.body_timeout_ms': 1000 });
    // allowHalfOpen: the client keeps sending after the gateway has shut down its own direction.
    const socket = net.connect({ port, host: '127.0.0.1', allowHalfOpen: true });
    world.on_close(() => socket.destroy());
    let text = '';
    let ended = false;
    socket.on('data', (piece) => {
        text += piece;
    });
    socket.on('error', () => {
        ended = true;
    });
    socket.write('POST /unknown HTTP/1.1\r\nHost: t\r\nContent-Length: 100000\r\n\r\n');
    const trickle = setInterval(() => socket.write('x'), 50);
    world.on_close(() => clearInterval(trickle));
    await until('the connection ends', () => ended);
    assert.match(text, /^HTTP\/1.1 404 /);
});

/** The memory that bodies use, from the figures of the gateway's worker. */
async function body_bytes(world, port) {
    const ctl = ['ctl', 'status', '--json', '-i', `gateway-${port}`, ...world.own_dirs()];
    const [instance] = JSON.parse((await world.command(ctl)).output).instances;
    return instance.pools[0].slots[0].stats?.body_bytes;
}

test('bodies that exceed the total memory for bodies are refused with 503', async (world) => {
    const held = [];
    const config = { 'gateway.bodies_bytes_max': mib, 'gateway.request_timeout_ms': 60_000 };
    const { port } = await front(world, config, (packet, reply) => {
        if (packet.params.hold) {
            held.push(reply);
        } else {
            reply();
        }
    });
    const json = 'Content-Type: application/json\r\n';
    const head = `POST /echo HTTP/1.1\r\nHost: t\r\n${json}`;
    const body = (hold) => JSON.stringify({ hold, a: 'x'.repeat(600_000) });
    const refused = async () => {
        const response = await http(port, 'POST', '/echo', { body: body(false) });
        assert.equal(response.status, 503);
        assert.equal(response.headers.get('retry-after'), '1');
        assert.equal(response.json.status, 503);
        const bodiless = await http(port, 'GET', '/echo');
        assert.equal(bodiless.status, 200, 'requests without a body are served');
    };
    // A body counts while it is being received: the last byte is missing.
    const slow = await world.connection(port);
    const text = body(true);
    slow.write(`${head}Content-Length: ${text.length}\r\n\r\n${text.slice(0, -1)}`);
    await until('all but the last byte is received', async () =>
        await body_bytes(world, port) === text.length - 1);
    await refused();
    // A body counts until the service has replied.
    slow.write('}');
    await until('the service has the request', () => held.length > 0);
    await refused();
    held.pop()();
    assert.equal((await slow.response()).status, 200);
    assert.equal((await http(port, 'POST', '/echo', { body: body(false) })).status, 200);
    // The same for a chunked body.
    slow.write(`${head}Transfer-Encoding: chunked\r\n\r\n`);
    slow.write(`${text.length.toString(16)}\r\n${text}\r\n0\r\n\r\n`);
    await until('the service has the request', () => held.length > 0);
    await refused();
    held.pop()();
    assert.equal((await slow.response()).status, 200);
});
