// SPDX-License-Identifier: Apache-2.0
// Peers that shut down one direction of a connection, never close it, close it before the reply, or
// send requests whose replies have an unusual form.

import assert from 'node:assert/strict';
import net from 'node:net';

import { encode } from './foreign/framing.mjs';
import { http } from './harness/http_client.mjs';
import { scripted_service } from './harness/scripted.mjs';
import { test } from './harness/test.mjs';
import { until } from './harness/until.mjs';

/** A client that shuts down its sending side after `bytes`; returns all it receives. */
async function half_closed(port, bytes) {
    const socket = net.connect({ host: '127.0.0.1', port, allowHalfOpen: true });
    let text = '';
    socket.on('data', (chunk) => {
        text += chunk;
    });
    const ended = new Promise((resolve, reject) => {
        socket.on('end', resolve);
        socket.on('error', reject);
    });
    socket.end(bytes);
    await ended;
    return text;
}

test('a client that has shut down its sending side gets its reply', async (world) => {
    const distributor = (await world.role('distributor')).port('distributor');
    const gateway = await world.role('gateway', {
        distributor,
        config: { 'gateway.request_timeout_ms': 20_000 },
    });
    const purchases = await world.role('purchases', { distributor });
    const port = gateway.port('gateway');
    // Longer than any time limit for peers that await no reply.
    let delay_ms = 0;
    await scripted_service(world, {
        distributor,
        name: 'goods',
        urls: ['GET/goods', 'GET/goods/{id}'],
        on_request: (packet, reply) =>
            setTimeout(() => reply({ results: [{ id: 1, price: 5 }] }), delay_ms),
    });
    await world.routed(port, ['/goods', '/purchases']);
    delay_ms = 6000;
    const get = 'GET /goods HTTP/1.1\r\nHost: t\r\n\r\n';
    const params = { userid: 1, goodsid: 1, quantity: 1 };
    const purchase = { uri: '/purchases', method: 'POST', key: 1, deadline_ms: 30_000, params };
    const [response, packet] = await Promise.all([
        half_closed(port, get),
        half_closed(purchases.port('purchases'), encode(purchase)),
    ]);
    assert.match(response, /^HTTP\/1.1 200 /);
    assert.match(response, /"price":5/);
    assert.match(packet, /^\{"key":1,"errorcode":0/);
});

test('a service stops although a foreign caller ignores the end of the stream', async (world) => {
    const goods = await world.role('goods');
    const port = goods.port('goods');
    const callers = [];
    for (const first of ['', '{"uri":"/ping","method":"GET","params":{}}¶', '{"uri":"/pi']) {
        const socket = net.connect({ host: '127.0.0.1', port, allowHalfOpen: true });
        const caller = { socket, text: '' };
        socket.on('error', () => {});
        socket.on('data', (chunk) => {
            caller.text += chunk;
        });
        await new Promise((resolve) => socket.once('connect', resolve));
        socket.write(first);
        callers.push(caller);
    }
    world.on_close(() => callers.forEach(({ socket }) => socket.destroy()));
    const reply = '{"errorcode":0,"errormessage":"success"}¶';
    await until('a request without a key is answered without a key', () =>
        callers[1].text === reply);
    goods.end_expected = true;
    const { code } = await goods.stop('SIGTERM'); // within half of the drain limit
    assert.equal(code, 0);
});

test('clients that give up early do not keep a hung foreign service in use', async (world) => {
    const distributor = (await world.role('distributor')).port('distributor');
    const gateway = await world.role('gateway', {
        distributor,
        config: { 'gateway.request_timeout_ms': 2000 },
    });
    const port = gateway.port('gateway');
    const urls = ['GET/where', 'POST/where'];
    const hung = [];
    const services = ['hung', 'alive'].map((label) => scripted_service(world, {
        distributor,
        name: 'where',
        urls,
        on_request: (packet, reply) => (label === 'hung' ? hung.push(packet) : reply({ label })),
    }));
    await Promise.all(services);
    let failed = 0;
    const impatient = async (method) => {
        const client = await world.connection(port);
        client.send(method, '/where', method === 'POST' ? { body: {} } : {});
        await Promise.race([
            client.response(),
            new Promise((resolve) => setTimeout(resolve, 400)),
        ]);
        failed += client.bytes_received === 0 ? 1 : 0;
        client.socket.resetAndDestroy();
    };
    await until('the hung service got a request', async () => {
        await impatient('POST');
        return hung.length > 0;
    });
    failed = 0;
    for (let n = 0; n < 30; ++n) {
        await impatient(n % 2 === 0 ? 'POST' : 'GET');
    }
    assert.ok(failed <= 3, `${failed} of 30 failed`); // requests that try the hung service again
});

test('a foreign reply with uri, method and status is forwarded unchanged', async (world) => {
    const distributor = (await world.role('distributor')).port('distributor');
    const gateway = await world.role('gateway', { distributor });
    const port = gateway.port('gateway');
    const packets = [];
    const service = await scripted_service(world, {
        distributor,
        name: 'echo',
        urls: ['GET/echo'],
        on_request: (packet, reply) => {
            packets.push(packet);
            if (packet.method !== undefined) {
                reply({ uri: packet.uri, method: packet.method, status: 404 });
            }
        },
    });
    await world.routed(port, ['/echo']);
    const { status, json } = await http(port, 'GET', '/echo?key=mine');
    assert.equal(status, 200);
    const echoed = { errorcode: 0, errormessage: 'success', uri: '/echo', method: 'GET' };
    assert.deepEqual(json, { ...echoed, status: 404 });
    assert.equal(packets.at(-1).key, packets.at(-1).params.key, 'the key is in both places');
    assert.ok(packets.every(({ uri }) => uri === '/echo'), 'the service gets requests only');
    const called = await world.command([
        'call', 'GET', '/echo', '--distributor', `127.0.0.1:${distributor}`,
    ]);
    assert.equal(called.code, 0, called.log);
    assert.match(called.output, /"status": ?404/);
    service.close();
});
