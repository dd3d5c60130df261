// SPDX-License-Identifier: Apache-2.0
// Bodies that the gateway refuses while they still come, and the memory that bodies take together.

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

test('the reply to a body that is too large reaches clients that send all of it', async (world) => {
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
        // This client reads only when it has sent everything.
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

test('a refused body that trickles is ended by the time for bodies', async (world) => {
    const { port } = await front(world, { 'gateway.body_timeout_ms': 1000 });
    // Half open, so that this client goes on when the gateway ends its own direction.
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

/** What the gateway's worker says of the memory that bodies take. */
async function body_bytes(world, port) {
    const ctl = ['ctl', 'status', '--json', '-i', `gateway-${port}`, ...world.own_dirs()];
    const [instance] = JSON.parse((await world.command(ctl)).output).instances;
    return instance.pools[0].slots[0].stats?.body_bytes;
}

test('bodies beyond the memory for all of them are refused with 503', async (world) => {
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
        assert.equal((await http(port, 'GET', '/echo')).status, 200, 'without a body all goes on');
    };
    // While it is received: all but its last byte.
    const slow = await world.connection(port);
    const text = body(true);
    slow.write(`${head}Content-Length: ${text.length}\r\n\r\n${text.slice(0, -1)}`);
    await until('it is received', async () => await body_bytes(world, port) === text.length - 1);
    await refused();
    // While its service works on it.
    slow.write('}');
    await until('the service has it', () => held.length > 0);
    await refused();
    held.pop()();
    assert.equal((await slow.response()).status, 200);
    assert.equal((await http(port, 'POST', '/echo', { body: body(false) })).status, 200);
    // The same for a body in chunks.
    slow.write(`${head}Transfer-Encoding: chunked\r\n\r\n`);
    slow.write(`${text.length.toString(16)}\r\n${text}\r\n0\r\n\r\n`);
    await until('the service has it', () => held.length > 0);
    await refused();
    held.pop()();
    assert.equal((await slow.response()).status, 200);
});
