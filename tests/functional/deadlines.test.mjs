// SPDX-License-Identifier: Apache-2.0
// The time of a request: it travels with each call, expired work is not begun, a client that leaves
// ends what has not been begun, and each timeout is logged with its stage.

import assert from 'node:assert/strict';
import fs from 'node:fs';

import { control } from './harness/control.mjs';
import { http, http_connection } from './harness/http_client.mjs';
import { add_product } from './harness/ledger.mjs';
import { free_port } from './harness/ports.mjs';
import { start_proxy } from './harness/proxy.mjs';
import { answer, plain_reply, start_origin } from './harness/raw_origin.mjs';
import { scripted_service } from './harness/scripted.mjs';
import { test } from './harness/test.mjs';
import { until } from './harness/until.mjs';

const greeting = '{"hello":{"slot":0,"workers":1,"generation":1}}¶';

test('the time left travels from the gateway to a service and on to the next', async (world) => {
    const distributor = (await world.role('distributor')).port('distributor');
    const config = { 'gateway.request_timeout_ms': 3000 };
    const gateway = await world.role('gateway', { distributor, config });
    const purchases = await world.role('purchases', { distributor });
    const limits = [];
    await scripted_service(world, {
        distributor,
        name: 'goods',
        urls: ['GET/goods'],
        extra: { proto: 2 },
        on_request: (packet, reply, socket) => {
            if (packet.hello) {
                socket.write(greeting);
            } else if (packet.uri === '/goods' && packet.params.id !== undefined) {
                limits.push(packet.deadline_ms);
            } else {
                reply({ status: 200 });
            }
        },
    });
    const port = gateway.port('gateway');
    await world.routed(port, ['/goods', '/purchases']);
    const body = { userid: 1, goodsid: 7, quantity: 1 };
    const { status, json } = await http(port, 'POST', '/purchases', { body });
    // purchases has at most 3000 ms and asks for half of that, so it can still answer.
    assert.deepEqual([status, json.errormessage], [503, 'goods unavailable']);
    assert.ok(limits.length >= 1 && limits.every((ms) => ms > 0 && ms <= 1500), `${limits}`);
    assert.match(purchases.log, /a request for goods timed out \(stage: whole, at 127\.0\.0\.1:/);
});

test('work whose time is over is not begun', async (world) => {
    const up = await world.up();
    const port = up.port('gateway');
    await add_product(port);
    const client = await world.packets(up.port('goods'));
    const params = { name: 'late', category: 'late', price: 1, description: '' };
    client.send({ uri: '/goods', method: 'POST', key: 1, deadline_ms: 0, params });
    const reply = await until('the reply', () => client.packets.find(({ key }) => key === 1));
    assert.match(reply.errormessage, /deadline passed before the work began/);
    assert.equal((await http(port, 'GET', '/goods?category=late')).json.results, undefined);
});

test('a client that leaves cancels what has not been begun', async (world) => {
    const distributor = (await world.role('distributor')).port('distributor');
    const config = { 'gateway.request_timeout_ms': 600_000 };
    const gateway = await world.role('gateway', { distributor, config });
    const packets = [];
    await scripted_service(world, {
        distributor,
        name: 'where',
        urls: ['GET/where', 'GET/ready'],
        extra: { proto: 2 },
        on_request: (packet, reply, socket) => {
            packets.push(packet);
            if (packet.hello) {
                socket.write(greeting);
            } else if (packet.uri === '/ready') {
                reply({ status: 200 });
            }
        },
    });
    const port = gateway.port('gateway');
    await world.routed(port, ['/ready']);
    const client = await http_connection.open(port);
    client.send('GET', '/where');
    const sent = await until('the request is there', () =>
        packets.find(({ uri }) => uri === '/where'));
    client.socket.resetAndDestroy();
    await until('the service hears of it', () => packets.some(({ cancel }) => cancel === sent.key));
});

test('a purchase whose client leaves before its price is known is not made', async (world) => {
    const distributor = (await world.role('distributor')).port('distributor');
    const config = { 'gateway.request_timeout_ms': 600_000 };
    const gateway = await world.role('gateway', { distributor, config });
    await world.role('purchases', { distributor });
    const answers = [];
    await scripted_service(world, {
        distributor,
        name: 'goods',
        urls: ['GET/goods'],
        extra: { proto: 2 },
        on_request: (packet, reply, socket) => {
            if (packet.hello) {
                socket.write(greeting);
            } else if (packet.params?.id === undefined) {
                reply({ status: 200 });
            } else {
                answers.push(() => reply({ status: 200, results: [{ id: 7, price: 5 }] }));
            }
        },
    });
    const port = gateway.port('gateway');
    await world.routed(port, ['/goods', '/purchases']);
    const buy = (quantity) => ['POST', '/purchases',
        { body: { userid: 1, goodsid: 7, quantity }, headers: {} }];
    const leaving = await http_connection.open(port);
    leaving.send(...buy(1));
    await until('the price is asked for', () => answers.length === 1);
    const staying = http(port, ...buy(2)); // waits for the same price
    leaving.socket.resetAndDestroy();
    const master = new control(world.path('run'), gateway);
    await until('it has left', async () =>
        (await master.slots('gateway')).reduce((sum, slot) => sum + slot.connections, 0) === 1);
    // What was sent to purchases before has arrived when this is answered.
    assert.equal((await http(port, 'GET', '/purchases?userid=2')).status, 200);
    answers[0]();
    assert.equal((await staying).status, 200);
    const { json } = await http(port, 'GET', '/purchases?userid=1');
    assert.deepEqual(json.results.map(({ quantity }) => quantity), [2]);
});

test('a request that waits for a place is not sent when its client has left', async (world) => {
    let release;
    const gate = new Promise((resolve) => (release = resolve));
    const origin = await start_origin(world, {
        first: async (peer) => {
            await gate;
            peer.write(plain_reply('first'));
        },
        default: answer,
    });
    const proxy = await start_proxy(world, {
        routes: [{ path: '/', service: 'app', timeout_ms: 600_000 }],
        upstreams: {
            app: {
                addresses: [origin.address], 'bulkhead.requests': 1, 'bulkhead.queue': 2,
                'bulkhead.queue_ms': 60_000,
            },
        },
    });
    const { port } = proxy;
    const connections = async () =>
        (await proxy.master.slots('gateway')).reduce((sum, slot) => sum + slot.connections, 0);
    const first = http(port, 'GET', '/first');
    await until('the first is there', () => origin.seen('first').length === 1);
    const leaving = await http_connection.open(port);
    leaving.send('GET', '/leaving');
    await until('the second is there', async () => await connections() === 2);
    leaving.socket.resetAndDestroy();
    await until('it has left', async () => await connections() === 1);
    const staying = http(port, 'GET', '/staying');
    release();
    assert.equal((await first).status, 200);
    assert.equal((await staying).status, 200);
    assert.equal((await http(port, 'GET', '/last')).status, 200);
    assert.equal(origin.seen('leaving').length, 0);
});

test('each timeout is logged with its stage', async (world) => {
    const silent = await start_origin(world, {
        default: async (peer) => peer.closed(280_000),
        stops: async (peer) => {
            peer.write(plain_reply('x'.repeat(100_000)).slice(0, 50_000));
            await peer.closed(280_000);
        },
    });
    const log = world.path('access.log');
    const of = (more) => ({ addresses: [silent.address], 'retry.tries': 0, ...more });
    const proxy = await start_proxy(world, {
        keys: { 'gateway.access_log': 'json', 'gateway.access_log_file': log },
        routes: [
            { path: '/silent/', service: 'app' },
            { path: '/whole/', service: 'app', timeout_ms: 50 },
            { path: '/queue/', service: 'full' },
            { path: '/dead/', service: 'dead' },
        ],
        upstreams: {
            app: of({ first_byte_timeout_ms: 100, between_bytes_timeout_ms: 100 }),
            full: of({ 'bulkhead.requests': 1, 'bulkhead.queue': 1, 'bulkhead.queue_ms': 50 }),
            dead: { addresses: [`127.0.0.1:${await free_port()}`] },
        },
    });
    const { port } = proxy;
    const first = await http_connection.open(port);
    first.send('GET', '/queue/first');
    await until('it is there', () => silent.seen('first').length === 1);
    assert.equal((await http(port, 'GET', '/queue/x')).status, 503);
    assert.equal((await http(port, 'GET', '/silent/x')).status, 504);
    assert.equal((await http(port, 'GET', '/whole/x')).status, 504);
    assert.equal((await http(port, 'GET', '/dead/x')).status, 502);
    await http(port, 'GET', '/silent/stops').catch(() => {});
    const lines = await until('all lines', () => {
        const read = fs.readFileSync(log, 'utf8').split('\n').filter((line) => line !== '');
        return read.length === 5 && read.map((line) => JSON.parse(line));
    });
    const stages = Object.fromEntries(lines.map(({ target, timeout }) => [target, timeout]));
    assert.deepEqual(stages, {
        '/queue/x': 'queue', '/silent/x': 'first byte', '/whole/x': 'whole', '/dead/x': undefined,
        '/silent/stops': 'between bytes',
    });
    assert.match(proxy.gateway.log, /timed out \(stage: queue/);
    first.close();
});
