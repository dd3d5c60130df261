// SPDX-License-Identifier: Apache-2.0
// The distributor with foreign and msd nodes: the bytes it sends, which nodes are listed, when
// nodes get changes, and the cost of slow and unregistered connections.

import assert from 'node:assert/strict';

import { encode } from './foreign/framing.mjs';
import { http } from './harness/http_client.mjs';
import { private_bytes } from './harness/proc.mjs';
import { sanitized } from './harness/scale.mjs';
import { scripted_service } from './harness/scripted.mjs';
import { test } from './harness/test.mjs';
import { until } from './harness/until.mjs';

async function start(world, config) {
    const distributor = await world.role('distributor', { config });
    return { distributor, port: distributor.port('distributor') };
}

async function join(world, port, params) {
    const node = await world.packets(port);
    node.register(params);
    return node;
}

function names(list) {
    return list.map(({ name }) => name);
}

test('a new connection gets the list in the bytes of existing distributors', async (world) => {
    const { port } = await start(world);
    const first = await world.packets(port);
    await first.list('the empty list', () => true);
    const empty = '{"uri":"/distributes","method":"GET","key":0,"params":[]}¶';
    assert.equal(Buffer.concat(first.raw).toString(), empty);

    first.write('{"uri":"/distributes","method":"POST","key":0,"params":{"zeta":1.0,' +
        '"urls":["GET/x"],"name":"x","port":"9051","alpha":{"b":[18446744073709551616]}}}¶');
    await first.list('its own entry', (list) => list.length === 1);
    const entry = '{"port":"9051","name":"x","urls":["GET/x"],"host":"127.0.0.1",' +
        '"zeta":1.0,"alpha":{"b":[18446744073709551616]}}';
    const one = `{"uri":"/distributes","method":"GET","key":0,"params":[${entry}]}¶`;
    assert.equal(Buffer.concat(first.raw).toString(), empty + one);
    const second = await world.packets(port);
    await second.list('the list', () => true);
    assert.equal(Buffer.concat(second.raw).toString(), one);
});

test('nodes are listed as registered and removed when their connection ends', async (world) => {
    const { port } = await start(world);
    const watcher = await join(world, port, { port: 1, name: 'watcher', urls: [] });
    const nodes = [];
    for (const name of ['c', 'a', 'b']) {
        const node = await join(world, port, { port: 9000 + nodes.length, name, urls: [] });
        await node.list('itself', (list) => names(list).includes(name));
        nodes.push(node);
    }
    const all = await watcher.list('three more', (list) => list.length === 4);
    assert.deepEqual(names(all), ['watcher', 'c', 'a', 'b']);
    nodes[1].close();
    const left = await watcher.list('one node less', (list) => list.length === 3);
    assert.deepEqual(names(left), ['watcher', 'c', 'b']);
});

test('a second registration on a connection replaces the first', async (world) => {
    const { port } = await start(world);
    const watcher = await join(world, port, { port: 1, name: 'watcher', urls: [] });
    const node = await join(world, port, { port: 2, name: 'node', urls: ['GET/old'] });
    await watcher.list('the node', (list) => list.length === 2);
    node.register({ port: 3, name: 'node', urls: ['GET/new'] });
    const list = await watcher.list('the new entry', (all) => all.some((each) => each.port === 3));
    const listed = list.map((node) => [node.port, node.urls]);
    assert.deepEqual(listed, [[1, []], [3, ['GET/new']]]);
    node.close();
    const last = await watcher.list('the node is removed', (all) => all.length === 1);
    assert.deepEqual(names(last), ['watcher']);
});

test('an unregistered connection causes no list', async (world) => {
    const { port } = await start(world);
    const watcher = await join(world, port, { port: 1, name: 'watcher', urls: [] });
    await watcher.list('itself', (list) => list.length === 1);
    const lists = watcher.lists().length;
    for (let n = 0; n < 50; ++n) {
        const visitor = await world.packets(port);
        await visitor.list('a list', () => true);
        visitor.close();
    }
    await join(world, port, { port: 2, name: 'node', urls: [] });
    await watcher.list('the node', (list) => list.length === 2);
    assert.equal(watcher.lists().length, lists + 1, 'only the registration causes a list');
});

// The usual times would make the number of lists depend on how fast the machine is; `scripts/bench
// join` measures with them.
const gathering = {
    'distributor.gather_quiet_ms': 200,
    'distributor.gather_longest_ms': 5000,
};

test('changes at the same time are sent in few lists', async (world) => {
    const { port } = await start(world, gathering);
    const watcher = await join(world, port, { port: 1, name: 'watcher', urls: [] });
    await watcher.list('itself', (list) => list.length === 1);
    const lists = watcher.lists().length;
    const clients = [];
    for (let n = 0; n < 50; ++n) {
        clients.push(await world.packets(port));
    }
    clients.forEach((client, n) => client.register({ port: 9000 + n, name: `n${n}`, urls: [] }));
    await watcher.list('all of them', (list) => list.length === 51);
    const sent = watcher.lists().length - lists;
    assert.ok(sent <= 10, `${sent} lists for 50 registrations at once`);
});

test('line 11: each of 200 nodes that join at once gets few bytes', async (world, context) => {
    const { port } = await start(world, gathering);
    const count = 200;
    const clients = await Promise.all(Array.from({ length: count }, () => world.packets(port)));
    await until('all connections are accepted', () =>
        clients.every((client) => client.lists().length > 0));
    const begin = performance.now();
    clients.forEach((client, n) => {
        const urls = [`POST/service${n}`, `GET/service${n}`, `DELETE/service${n}`];
        client.register({ port: 10_000 + n, name: `service${n}`, urls });
    });
    await until('every node has the complete list', () =>
        clients.every((client) => client.lists().at(-1).length === count));
    const took_ms = performance.now() - begin;
    const list_bytes = encode({
        uri: '/distributes', method: 'GET', key: 0, params: clients[0].lists().at(-1),
    }).length;
    const sent = clients.reduce((sum, client) => sum + client.bytes_received, 0);
    context.diagnostic(`${took_ms.toFixed(0)} ms, ${(sent / 1e6).toFixed(1)} MB sent, ` +
        `${(sent / (count * list_bytes)).toFixed(2)} × 200 × the final list`);
    assert.ok(sent <= 1.4 * count * list_bytes, `${sent} bytes, the list has ${list_bytes}`);
    const [one, ...others] = clients.map((client) => JSON.stringify(client.lists().at(-1)));
    assert.ok(others.every((other) => other === one), 'all nodes have the same list');
});

test('a node that stops reading uses bounded memory, then gets the last list', async (world) => {
    const config = {
        'distributor.gather_quiet_ms': 0,
        'distributor.queue_bytes_max': 1 << 20,
        'registry.changes_per_s_max': 10_000,
        // A connection that takes no byte for three times this period is closed.
        'distributor.ping_every_ms': 20_000,
    };
    const { distributor, port } = await start(world, config);
    const [{ pid }] = distributor.workers('distributor');
    const urls = Array.from({ length: 200 }, (_, n) => `GET/a/path/${n}/`.padEnd(500, 'x'));
    const watcher = await join(world, port, { port: 1, name: 'watcher', urls });
    const changing = await join(world, port, { port: 2, name: 'changing', urls });
    const slow = await join(world, port, { port: 3, name: 'slow', urls });
    await watcher.list('all', (list) => list.length === 3);
    await slow.list('all', (list) => list.length === 3);
    const lists = slow.lists().length;
    const before = private_bytes(pid);
    // Lists of 300 KB each: unbounded, the slow reader would hold 36 MB.
    const changes = 120;
    slow.socket.pause();
    for (let n = 0; n < changes; ++n) {
        const changed = ({ port: listed }) => listed === 20_000 + n;
        changing.register({ port: 20_000 + n, name: 'changing', urls });
        await watcher.list(`change ${n}`, (list) => list.some(changed));
        watcher.packets.splice(0, watcher.packets.length - 1);
        changing.packets.length = 0;
    }
    const grown = private_bytes(pid) - before;
    if (!sanitized) {
        assert.ok(grown < 8 << 20, `${grown >> 20} MiB more`);
    }
    slow.socket.resume();
    const is_last = ({ port: listed }) => listed === 20_000 + changes - 1;
    const last = await slow.list('the last change', (list) => list.some(is_last));
    assert.deepEqual(last, watcher.lists().at(-1));
    const told = slow.lists().length - lists;
    assert.ok(told < changes, `${told} lists for ${changes} changes`);
});

test('a service with several workers is one entry, also during a replacement', async (world) => {
    const { port } = await start(world);
    const watcher = await join(world, port, { port: 1, name: 'watcher', urls: [] });
    const goods = await world.role('goods', { distributor: port, workers: 3 });
    const list = await watcher.list('goods', (all) => all.length === 2);
    assert.equal(list[1].name, 'goods');
    assert.equal(list[1].port, goods.port('goods'));
    assert.equal(list[1].host, '127.0.0.1');
    for (const route of ['POST/goods', 'GET/goods', 'DELETE/goods']) {
        assert.ok(list[1].urls.includes(route), route);
    }
    const fields = Object.keys(list[1]);
    assert.deepEqual(fields, ['port', 'name', 'urls', 'host'], 'foreign nodes get known fields');
    const known = watcher.lists().length;
    goods.expect_deaths();
    const [victim] = goods.workers('goods');
    process.kill(victim.pid, 'SIGKILL');
    await until('the worker is replaced', () =>
        goods.workers('goods').length === 3 &&
        !goods.workers().some(({ pid }) => pid === victim.pid));
    await until('the list is sent again', () => watcher.lists().length > known);
    await join(world, port, { port: 2, name: 'later', urls: [] });
    await watcher.list('the later node', (all) => names(all).includes('later'));
    for (const each of watcher.lists().slice(known)) {
        assert.deepEqual(each.slice(0, 2), list, 'the number of workers is not visible');
    }
});

test('an invalid registration is refused with the reason and changes nothing', async (world) => {
    const { port } = await start(world);
    const watcher = await join(world, port, { port: 1, name: 'watcher', urls: [] });
    await watcher.list('itself', (list) => list.length === 1);
    const good = { port: 9010, name: 'node', urls: [] };
    const bad = [
        [{ host: '0.0.0.0' }, /^host '0\.0\.0\.0' means every address/],
        [{ host: '::', proto: 2 }, /^host '::' means every address/],
        [{ host: 'node 1', proto: 2 }, /^host 'node 1' is neither/],
        [{ host: '-x', proto: 2 }, /^host '-x' is neither/],
        [{ port: 0 }, /^port must be/],
        [{ port: 65536 }, /^port must be/],
        [{ name: 'x'.repeat(129) }, /^name must be/],
        [{ urls: ['x'.repeat(1025)] }, /^urls /],
    ];
    for (const [key, [change, reason]] of bad.entries()) {
        const node = await world.packets(port);
        const params = { ...good, ...change };
        node.send({ uri: '/distributes', method: 'POST', key, params });
        const reply = await node.reply(key);
        assert.equal(reply.errorcode, 1);
        assert.match(reply.errormessage, reason);
    }
    const keyless = await world.packets(port);
    keyless.send({ uri: '/distributes', method: 'POST', params: { ...good, port: 0 } });
    const reply = await keyless.packet('a reply without a key', ({ errorcode }) => errorcode === 1);
    assert.ok(!('key' in reply));
    await join(world, port, { ...good, host: '10.9.9.9' });
    const list = await watcher.list('the good one', (all) => all.length === 2);
    assert.equal(list[1].host, '127.0.0.1', 'the address of the peer is listed');
});

test('a node that stops is removed from the list', async (world) => {
    const { port } = await start(world);
    const watcher = await join(world, port, { port: 1, name: 'watcher', urls: [] });
    const goods = await world.role('goods', { distributor: port });
    await watcher.list('goods', (list) => names(list).includes('goods'));
    await goods.stop('SIGTERM');
    await watcher.list('goods is not listed', (list) => !names(list).includes('goods'));
});

test('an msd node gets changes instead of whole lists', async (world) => {
    const { port } = await start(world);
    const node = await world.packets(port);
    node.register({ port: 1, name: 'node', urls: ['GET/a'], proto: 2 });
    const told = await node.packet('a packet with proto', (packet) => packet.proto === 2);
    assert.ok(Number.isInteger(told.epoch) && Number.isInteger(told.rev));
    node.send({
        uri: '/distributes',
        method: 'POST',
        key: 0,
        params: {
            port: 1,
            name: 'node',
            urls: ['GET/a'],
            proto: 2,
            have: { epoch: told.epoch, rev: told.rev },
        },
    });
    const other = await join(world, port, { port: 2, name: 'other', urls: ['GET/b'] });
    const changes = (packet) => (packet.params ?? packet).changes;
    await node.packet('the new node', (packet) =>
        changes(packet)?.add?.some(({ name }) => name === 'other'));
    other.close();
    // A connection that ends without a goodbye: the node stays listed as critical for a while.
    await node.packet('the node is critical or removed', (packet) =>
        changes(packet)?.add?.some(({ name, critical }) => name === 'other' && critical) ||
        changes(packet)?.remove?.length > 0);
});

test('an advertised address is listed instead of the peer address', async (world) => {
    const { port } = await start(world, { 'registry.allowed_hosts': '10.1.2.3' });
    const watcher = await world.packets(port);
    await world.role('goods', { distributor: port, args: ['--advertise', '10.1.2.3:7777'] });
    const visitor = await until('goods is listed', async () => {
        const client = await world.packets(port);
        const list = await client.list('a list', () => true);
        client.close();
        return list.length > 0 && list;
    });
    assert.deepEqual([visitor[0].host, visitor[0].port], ['10.1.2.3', 7777]);
    watcher.close();
});

test('nodes keep serving while the distributor is down, and find the next one', async (world) => {
    const { distributor, port } = await start(world);
    const config = { 'registry.reconnect_ms': 100 };
    const gateway = await world.role('gateway', { distributor: port, config });
    await world.role('goods', { distributor: port, config });
    const http_port = gateway.port('gateway');
    await world.routed(http_port, ['/goods']);
    await distributor.stop('SIGKILL');
    distributor.end_expected = true;
    for (let n = 0; n < 50; ++n) {
        assert.equal((await http(http_port, 'GET', '/goods')).status, 200);
    }
    await world.role('distributor', { port });
    await scripted_service(world, {
        distributor: port,
        name: 'late',
        urls: ['GET/late'],
        on_request: (_packet, reply) => reply(),
    });
    await world.routed(http_port, ['/late', '/goods']);
});
