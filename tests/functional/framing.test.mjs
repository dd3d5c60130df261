// SPDX-License-Identifier: Apache-2.0
// docs/protocol.md, section 3, lines 1 to 3: packets cut at any byte, empty frames, and the
// terminator inside data, for every role that reads packets.

import assert from 'node:assert/strict';

import { encode } from './foreign/framing.mjs';
import { http } from './harness/http_client.mjs';
import { free_port } from './harness/ports.mjs';
import { list_packet, scripted_distributor, scripted_service } from './harness/scripted.mjs';
import { test } from './harness/test.mjs';
import { until } from './harness/until.mjs';

const pencil = { name: '연필', category: 'tests', price: 1000, description: 'test' };

function request(key, method, uri, params) {
    return encode({ uri, method, params: { ...params, key } });
}

/** Sends `bytes` in pieces; `between` waits until the reader has read the previous piece. */
async function in_pieces(write, bytes, positions, between) {
    let begin = 0;
    for (const end of [...positions, bytes.length]) {
        write(bytes.subarray(begin, end));
        await between();
        begin = end;
    }
}

/** goods with one worker: a reply on one connection means that bytes sent before it were read. */
async function goods_with_fence(world) {
    const distributor = await world.role('distributor');
    const goods = await world.role('goods', { distributor: distributor.port('distributor') });
    const port = goods.port('goods');
    const other = await world.packets(port);
    return { goods, port, fence: () => other.request('GET', '/goods', { limit: 1 }) };
}

async function gateway_with_fence(world, distributor) {
    const gateway = await world.role('gateway', { distributor });
    const port = gateway.port('gateway');
    const other = await world.connection(port);
    return { gateway, port, fence: () => other.request('GET', '/unknown') };
}

test('line 1: a service reads two packets cut at every byte', async (world) => {
    const { port, fence } = await goods_with_fence(world);
    const stream = Buffer.concat([
        request(1, 'GET', '/goods', { category: '없음' }),
        request(2, 'DELETE', '/goods', { id: 1 }),
    ]);
    for (let cut = 1; cut < stream.length; ++cut) {
        const client = await world.packets(port);
        await in_pieces((bytes) => client.write(bytes), stream, [cut], fence);
        assert.equal((await client.reply(1)).errormessage, 'no data', `cut at ${cut}`);
        assert.equal((await client.reply(2)).errorcode, 0, `cut at ${cut}`);
        client.close();
    }
});

test('line 1: a service reads a packet that arrives byte by byte', async (world) => {
    const { port, fence } = await goods_with_fence(world);
    const client = await world.packets(port);
    const stream = request(1, 'POST', '/goods', pencil);
    await in_pieces((bytes) => client.write(bytes), stream, [...stream.keys()].slice(1), fence);
    assert.equal((await client.reply(1)).errorcode, 0);
    const { results } = await client.request('GET', '/goods');
    assert.deepEqual(results.map(({ name }) => name), ['연필']);
});

test('line 1: the rest of a packet is not prepended to a later packet', async (world) => {
    const { port, fence } = await goods_with_fence(world);
    const client = await world.packets(port);
    for (let key = 1; key < 60; key += 3) {
        const second = request(key + 1, 'GET', '/goods', {});
        client.write(Buffer.concat([request(key, 'GET', '/goods', {}), second.subarray(0, key)]));
        await client.reply(key);
        await fence();
        client.write(second.subarray(key));
        await client.reply(key + 1);
        client.write(request(key + 2, 'GET', '/goods', {}));
        await client.reply(key + 2);
    }
});

test('line 1: an incomplete packet is dropped when its connection ends', async (world) => {
    const { port, fence } = await goods_with_fence(world);
    // A port that the system assigns to no other socket meanwhile.
    const local_port = await free_port();
    const first = await world.packets(port, { local_port });
    first.write(request(1, 'POST', '/goods', pencil).subarray(0, 40));
    await fence();
    first.socket.resetAndDestroy();
    await first.closed;
    const second = await world.packets(port, { local_port });
    second.write(request(2, 'GET', '/goods', {}));
    assert.equal((await second.reply(2)).errormessage, 'no data');
});

test('line 1: the distributor reads a registration cut at every byte', async (world) => {
    const distributor = (await world.role('distributor')).port('distributor');
    const other = await world.packets(distributor);
    const fence = () => other.request('GET', '/ping');
    const params = { port: 9051, name: '상품', urls: ['GET/상품'] };
    const packet = encode({ uri: '/distributes', method: 'POST', key: 0, params });
    const local_port = await free_port(); // reused by each connection
    for (let cut = 1; cut < packet.length; ++cut) {
        const is_last = cut === packet.length - 1;
        const node = await world.packets(distributor, is_last ? { local_port } : {});
        await in_pieces((bytes) => node.write(bytes), packet, [cut], fence);
        const listed = await node.list('its own entry', (list) => list.length === 1);
        assert.deepEqual(listed, [{ ...params, host: '127.0.0.1' }], `cut at ${cut}`);
        node.socket.resetAndDestroy();
        await node.closed;
    }
    const half = await world.packets(distributor, { local_port });
    half.write(packet.subarray(0, 30));
    await fence();
    half.socket.resetAndDestroy();
    await half.closed;
    const again = await world.packets(distributor, { local_port });
    again.write(packet);
    await again.list('its own entry', (list) => list.some(({ name }) => name === '상품'));
});

test('line 1: the gateway reads replies cut at every byte', async (world) => {
    const distributor = (await world.role('distributor')).port('distributor');
    const { port, fence } = await gateway_with_fence(world, distributor);
    const body = { errorcode: 0, errormessage: 'success', text: '연필 ¶ 끝' };
    let cut = 0;
    await scripted_service(world, {
        distributor,
        name: 'pieces',
        urls: ['GET/pieces'],
        on_request: (packet, _reply, socket) => {
            const frame = encode({ key: packet.params.key, ...body });
            const at = Math.min(cut, frame.length - 1);
            void in_pieces((bytes) => socket.write(bytes), frame, [at], fence);
        },
    });
    await world.routed(port, ['/pieces']);
    for (cut = 1; cut < encode({ key: 1, ...body }).length; ++cut) {
        const response = await http(port, 'GET', '/pieces');
        assert.equal(response.status, 200, `cut at ${cut}`);
        assert.deepEqual(response.json, body, `cut at ${cut}`);
    }
});

test('line 1: nodes read a list that arrives byte by byte', async (world) => {
    const joined = [];
    const registry = await scripted_distributor(world, { on_join: (to) => joined.push(to) });
    const { port, fence } = await gateway_with_fence(world, registry.port);
    const goods = await world.role('goods', { distributor: registry.port });
    await until('both nodes have registered', () => registry.joined.length >= 2);
    const list = list_packet([
        { port: 1, name: '이름', urls: [], host: '127.0.0.1' },
        { port: goods.port('goods'), name: 'goods', urls: ['GET/goods'], host: '127.0.0.1' },
    ]);
    for (const to of joined) {
        await in_pieces((bytes) => to.write(bytes), list, [...list.keys()].slice(1), fence);
    }
    await world.routed(port, ['/goods']);
});

test('line 2: a service skips empty frames and white space', async (world) => {
    const { port } = await goods_with_fence(world);
    const client = await world.packets(port);
    const [a, b, c] = [1, 2, 3].map((key) => request(key, 'GET', '/goods', {}));
    client.write(Buffer.concat([a, Buffer.from('¶'), b]));
    await client.reply(1);
    await client.reply(2);
    client.write(Buffer.concat([Buffer.from('¶¶ \r\n¶\t'), c]));
    await client.reply(3);
    client.write(Buffer.from('¶'));
    client.write(Buffer.concat([request(4, 'GET', '/goods', {}), Buffer.from(' \n ¶ ')]));
    await client.reply(4);
});

test('line 2: the distributor skips empty frames', async (world) => {
    const distributor = (await world.role('distributor')).port('distributor');
    const node = await world.packets(distributor);
    const ping = (key) => encode({ uri: '/ping', method: 'GET', key });
    node.write(Buffer.concat([Buffer.from('¶'), ping(1), Buffer.from('¶'), ping(2)]));
    await node.reply(1);
    await node.reply(2);
    const params = { port: 9051, name: 'late', urls: [] };
    const packet = encode({ uri: '/distributes', method: 'POST', key: 0, params });
    node.write(Buffer.concat([Buffer.from('¶ ¶'), packet, Buffer.from('¶')]));
    await node.list('its own entry', (list) => list.length === 1);
});

test('line 2: the gateway skips empty frames', async (world) => {
    const lead = Buffer.from('¶ ¶');
    const service = await world.role('goods', { distributor: 1 });
    const list = list_packet([
        { port: service.port('goods'), name: 'goods', urls: ['GET/goods'], host: '127.0.0.1' },
    ]);
    const registry = await scripted_distributor(world, {
        on_join: (to) => to.write(Buffer.concat([lead, list_packet([]), lead, list])),
    });
    const { port } = await gateway_with_fence(world, registry.port);
    await world.routed(port, ['/goods']);

    const distributor = (await world.role('distributor')).port('distributor');
    const second = await gateway_with_fence(world, distributor);
    const held = [];
    await scripted_service(world, {
        distributor,
        name: 'pairs',
        urls: ['GET/pairs'],
        on_request: (packet, reply, socket) => {
            if (packet.params.probe !== undefined) {
                reply();
                return;
            }
            held.push(packet.params);
            if (held.length === 2) {
                const frames = held.map(({ key, n }) => encode({ key, errorcode: 0, n }));
                socket.write(Buffer.concat([lead, frames[0], Buffer.from('¶'), frames[1], lead]));
            }
        },
    });
    await world.routed(second.port, ['/pairs?probe=1']);
    const both = await Promise.all(
        ['1', '2'].map((n) => http(second.port, 'GET', `/pairs?n=${n}`)),
    );
    assert.deepEqual(both.map((response) => response.json.n), ['1', '2']);
});

test('line 3: a terminator inside a string is data; replies contain it escaped', async (world) => {
    const up = await world.up();
    const client = await world.packets(up.port('goods'));
    const names = ['a¶b', '¶', '¶¶"\\¶', '\\¶', 'c¶'];
    for (const name of names) {
        const raw = await client.request('POST', '/goods', { ...pencil, name });
        assert.equal(raw.errorcode, 0, 'sent unescaped');
    }
    client.write('{"uri":"/goods","method":"POST","key":"e","params":{"name":"x\\u00b6y",' +
        '"category":"tests","price":1,"description":"\\u00B6"}}¶');
    assert.equal((await client.reply('e')).errorcode, 0, 'sent escaped');
    const over_http = await up.http('POST', '/goods', { body: { ...pencil, name: 'h¶¶t' } });
    assert.equal(over_http.json.errorcode, 0, 'sent over HTTP');
    const all = [...names, 'x¶y', 'h¶¶t'];

    const seen = client.bytes_received;
    const { results } = await client.request('GET', '/goods');
    assert.deepEqual(results.map(({ name }) => name), all, 'read as packets');
    const bytes = Buffer.concat(client.raw);
    const frame = bytes.subarray(bytes.length - (client.bytes_received - seen));
    assert.equal(frame.indexOf('¶'), frame.length - 2, 'the terminator is only at the end');

    const listed = await up.http('GET', '/goods');
    assert.deepEqual(listed.json.results.map(({ name }) => name), all, 'read over HTTP');
    const found = await up.http('GET', `/goods?category=${encodeURIComponent('tests')}`);
    assert.equal(found.json.results.length, all.length);
});

test('line 3: an unescaped terminator inside a string of a foreign node is data', async (world) => {
    const distributor = (await world.role('distributor')).port('distributor');
    const { port } = await gateway_with_fence(world, distributor);
    await scripted_service(world, {
        distributor,
        name: 'a¶b',
        urls: ['GET/raw', 'GET/a¶b'],
        extra: { note: '"¶\\' },
        on_request: (packet, reply) => reply({ echo: packet.params.text, also: '¶' }),
    });
    await world.routed(port, ['/raw']);
    const response = await http(port, 'GET', `/raw?text=${encodeURIComponent('1¶2')}`);
    assert.equal(response.json.echo, '1¶2');
    assert.equal(response.json.also, '¶');
    const watcher = await world.packets(distributor);
    const is_it = ({ name }) => name === 'a¶b';
    const entry = (await watcher.list('the node', (nodes) => nodes.some(is_it))).find(is_it);
    assert.deepEqual(entry.urls, ['GET/raw', 'GET/a¶b']);
    assert.equal(entry.note, '"¶\\');
});
