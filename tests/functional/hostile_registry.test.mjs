// SPDX-License-Identifier: Apache-2.0
// A distributor under attack by peers that can connect to it: false descriptions of a service,
// floods of registrations, a list that strangers fill, and readers that do not read.

import assert from 'node:assert/strict';
import net from 'node:net';

import { encode } from './foreign/framing.mjs';
import { control } from './harness/control.mjs';
import { http } from './harness/http_client.mjs';
import { private_bytes } from './harness/proc.mjs';
import { sanitized } from './harness/scale.mjs';
import { scripted_service } from './harness/scripted.mjs';
import { test } from './harness/test.mjs';
import { until } from './harness/until.mjs';

const mib = 1 << 20;

function registration(params) {
    return encode({ uri: '/distributes', method: 'POST', key: 1, params });
}

/** `count` urls of 1 KB each. */
function long_urls(count, tail = '') {
    return Array.from({ length: count }, (_, n) => `GET/${n}/`.padEnd(1015, 'x') + tail);
}

/** A connection that only writes, from a chosen address of this host. */
async function attacker(world, port, { from = '127.0.0.1', reads = true } = {}) {
    const socket = net.connect({ host: '127.0.0.1', port, localAddress: from, noDelay: true });
    world.on_close(() => socket.destroy());
    socket.on('error', () => {});
    const seen = { socket, bytes: 0, ended: false, is_answered: false, refusal: undefined };
    socket.on('close', () => (seen.ended = true));
    let last = '';
    if (reads) {
        socket.on('data', (chunk) => {
            seen.bytes += chunk.length;
            const text = last + chunk.toString('latin1');
            seen.is_answered ||= text.includes('{"key":2,');
            seen.refusal ??= /"errormessage":"(the registry[^"]+)"/.exec(text)?.[1];
            last = text.slice(-200);
        });
    } else {
        socket.pause();
    }
    await new Promise((resolve) => socket.once('connect', resolve));
    return seen;
}

/** A connection that follows the changes of the nodes `interest`, all by default. */
async function follower(world, port, interest = []) {
    const client = await world.packets(port);
    const self = { port: 1, name: 'follower', urls: [], proto: 2 };
    client.register(self);
    await client.packet('its epoch', ({ epoch }) => epoch !== undefined);
    client.register({ ...self, interest, have: { epoch: 0, rev: 0 } });
    await client.packet('the snapshot', ({ part, more }) => part !== undefined && !more);
    const sign_of_life = setInterval(() => client.write('¶'), 500);
    world.on_close(() => clearInterval(sign_of_life));
    return client;
}

const added = ({ changes }) => changes?.add ?? [];

async function nodes_of(world, port) {
    const args = ['nodes', '--json', '--distributor', `127.0.0.1:${port}`];
    const { code, output, log } = await world.command(args);
    assert.equal(code, 0, log);
    return JSON.parse(output);
}

test('a false description of a service changes nothing and is shown', async (world) => {
    const config = { 'supervision.soak_ms': 100 };
    const distributor = await world.role('distributor', { config });
    distributor.expect_deaths();
    const port = distributor.port('distributor');
    const gateway = await world.role('gateway', { distributor: port });
    const goods = await world.role('goods', { distributor: port, config });
    goods.expect_deaths();
    const http_port = gateway.port('gateway');
    await world.routed(http_port, ['/goods']);

    const false_claim = { port: goods.port('goods'), name: 'goods', urls: ['GET/x'] };
    const false_routes = { ...false_claim, proto: 2, have: { epoch: 0, rev: 0 } };
    for (const params of [false_claim, false_routes]) {
        const hostile = await attacker(world, port);
        hostile.socket.write(registration(params));
    }
    const after = async (name) => {
        await scripted_service(world, {
            distributor: port,
            name,
            urls: [`GET/${name}`],
            on_request: (_packet, reply) => reply(),
        });
        await world.routed(http_port, [`/${name}`]);
        assert.equal((await http(http_port, 'GET', '/goods')).status, 200, name);
        assert.equal((await http(http_port, 'GET', '/x')).status, 404, name);
    };
    await after('registered');

    const [victim] = goods.workers('goods');
    process.kill(victim.pid, 'SIGKILL');
    await until('the worker is replaced', () =>
        goods.workers('goods').some(({ pid }) => pid !== victim.pid));
    await world.routed(http_port, ['/goods']);
    await after('after_a_restart');
    await new control(world.path('run'), distributor).roll();
    await after('after_a_roll');

    const listed = (await nodes_of(world, port)).filter(({ name }) => name === 'goods');
    assert.equal(listed.length, 1);
    assert.ok(listed[0].urls.includes('GET/goods'));
    assert.deepEqual(listed[0].contradicted_by.map(({ routes }) => routes), [1, 1]);
    const { output } = await world.command(['nodes', '--distributor', `127.0.0.1:${port}`]);
    assert.match(output, /REGISTERED OTHERWISE BY[^]*goods .*127\.0\.0\.1:\d+ \(1\)/);
    const lines = distributor.log.match(/describes goods at 127\.0\.0\.1:\d+ otherwise/g);
    assert.equal(lines.length, 2, 'once for each connection');
});

test('a peer that registers without pause is delayed and others are not', async (world) => {
    const distributor = await world.role('distributor');
    const port = distributor.port('distributor');
    const watcher = await follower(world, port);
    const hostile = await attacker(world, port);
    const count = 4000;
    for (let n = 0; n < count; ++n) {
        hostile.socket.write(registration({ port: 9, name: 'hostile', urls: [`GET/${n}`] }));
    }
    const entries = (name) => watcher.packets.flatMap(added).filter((node) => node.name === name);
    await until('the flood has begun', () => entries('hostile').length > 0);
    for (let n = 0; n < 5; ++n) {
        const honest = await world.packets(port);
        honest.register({ port: 10 + n, name: `honest${n}`, urls: ['GET/honest'] });
        await until('an honest node is listed', () => entries(`honest${n}`).length > 0);
    }
    // 1000 at once, then 20 each second: 4000 take two and a half minutes.
    assert.ok(!entries('hostile').some(({ urls }) => urls[0] === `GET/${count - 1}`));
    assert.match(distributor.log, /registers too often: its packets are delayed/);
    hostile.socket.destroy();
    await until('its node is lost', () => entries('hostile').at(-1).critical);
});

/** Fills the list from one address, with ever smaller entries; returns the last refusal. */
async function fill(world, port, from) {
    let number = 0;
    let refusal;
    for (const urls of [120, 10, 1]) {
        for (refusal = undefined; refusal === undefined;) {
            const hostile = await attacker(world, port, { from });
            const name = `${from}-${number++}`;
            // As an msd node: such nodes are not sent the list.
            const params = { port: 9, name, urls: long_urls(urls), proto: 2 };
            hostile.socket.write(registration(params));
            hostile.socket.write(encode({ uri: '/ping', method: 'GET', key: 2 }));
            await until('the ping is answered', () => hostile.is_answered || hostile.ended);
            refusal = hostile.refusal ?? (hostile.ended ? 'the connection is closed' : undefined);
            if (refusal) {
                hostile.socket.destroy();
            }
        }
    }
    return { refusal, number };
}

test('in a full list known nodes roll and new ones of other addresses join', async (world) => {
    const config = {
        'distributor.critical_for_ms': 200,
        'distributor.ping_every_ms': 60_000,
        // A list of 14 MB for each node that joins takes time.
        'distributor.gather_quiet_ms': 1000,
        'distributor.gather_longest_ms': 10_000,
    };
    const distributor = await world.role('distributor', { config });
    const port = distributor.port('distributor');
    const soak = { 'supervision.soak_ms': 100 };
    const goods = await world.role('goods', { distributor: port, config: soak });
    goods.expect_deaths();
    const watcher = await follower(world, port, ['fresh', 'goods']);
    const entries = (name) => watcher.packets.flatMap(added).filter((node) => node.name === name);
    const { refusal, number } = await fill(world, port, '127.0.0.1');
    const fresh = await attacker(world, port, { from: '127.0.0.2' });
    fresh.socket.write(registration({ port: 9, name: 'fresh', urls: long_urls(50), proto: 2 }));
    await until('a node of another address is listed', () => entries('fresh').length > 0);
    assert.ok(number > 80, `${number} nodes`);
    assert.match(refusal, /at most 10380876 bytes of the list from 127\.0\.0\.1/);

    await fill(world, port, '127.0.0.3');
    const is_lost = () => entries('goods').some(({ critical }) => critical);
    const is_listed = () => {
        const changes = watcher.packets.map((packet) => packet.changes).filter(Boolean);
        const last = changes.findLast(({ add, remove }) =>
            [...add, ...remove].some(({ name }) => name === 'goods'));
        return last.add.some(({ name, critical }) => name === 'goods' && !critical);
    };
    for (const { pid } of goods.workers('goods')) {
        process.kill(pid, 'SIGKILL');
    }
    await until('goods is lost', is_lost);
    await until('goods is back', is_listed);
    await new control(world.path('run'), goods).roll();
    await until('goods is listed after the roll', is_listed);
});

test('slow readers share a limit and silent connections get no long list', async (world) => {
    const config = {
        'distributor.gather_quiet_ms': 0,
        'distributor.unsent_bytes_max': 4 * mib,
        'distributor.ping_every_ms': 20_000,
        'registry.changes_per_s_max': 10_000,
    };
    const distributor = await world.role('distributor', { config });
    const port = distributor.port('distributor');
    const [{ pid }] = distributor.workers('distributor');
    const watcher = await follower(world, port);
    for (let n = 0; n < 16; ++n) {
        const hostile = await attacker(world, port);
        const params = { port: 9, name: `n${n}`, urls: long_urls(120), proto: 2 };
        hostile.socket.write(registration(params));
    }
    const entries = (name) => watcher.packets.flatMap(added).filter((node) => node.name === name);
    await until('the list is full', () => entries('n15').length > 0);
    watcher.packets.length = 0;
    const before = private_bytes(pid);
    // Each reader is sent another list of 2 MB, of which it reads nothing.
    const readers = [];
    for (let n = 0; n < 24; ++n) {
        const slow = await attacker(world, port, { reads: false });
        readers.push(slow);
        const name = `slow${n}`;
        slow.socket.write(registration({ port: 9, name, urls: long_urls(2) }));
        await until('the reader is listed', () => entries(name).length > 0);
        const { socket } = readers[0];
        socket.write(registration({ port: 9, name: 'slow0', urls: long_urls(1, `${n}`) }));
        watcher.packets.length = 0;
    }
    const grown = private_bytes(pid) - before;
    if (!sanitized) {
        assert.ok(grown < 24 * mib, `${grown / mib} MiB more`);
    }
    assert.match(distributor.log, /it reads too slowly, \d+ bytes are unsent/);
    assert.ok(!watcher.is_closed);

    const silent = await attacker(world, port);
    const other = await world.packets(port);
    other.register({ port: 9, name: 'last', urls: [] });
    await until('a change after its accept', () => entries('last').length > 0);
    // One list after the other: two that are not read yet exceed the limit, too.
    await until('the list for the other', () =>
        other.lists().at(-1)?.some(({ name }) => name === 'last'));
    assert.equal(silent.bytes, 0);
    silent.socket.write(encode({ uri: '/ping', method: 'GET', key: 1 }));
    await until('the list after its first packet', () => silent.bytes > mib);
    silent.socket.destroy();
    assert.ok((await nodes_of(world, port)).some(({ name }) => name === 'last'));
});

test('an address has a limited number of connections', async (world) => {
    const config = { 'registry.connections_per_address_max': 3 };
    const distributor = await world.role('distributor', { config });
    const port = distributor.port('distributor');
    const open = [];
    for (let n = 0; n < 3; ++n) {
        const client = await attacker(world, port);
        await until('the list', () => client.bytes > 0);
        open.push(client);
    }
    const refused = await attacker(world, port);
    await until('the fourth connection is closed', () => refused.ended);
    const elsewhere = await attacker(world, port, { from: '127.0.0.2' });
    await until('its list', () => elsewhere.bytes > 0);
    open[0].socket.destroy();
    await until('there is room again', async () => {
        const again = await attacker(world, port);
        await until('list or end', () => again.bytes > 0 || again.ended);
        return again.bytes > 0;
    });
});
