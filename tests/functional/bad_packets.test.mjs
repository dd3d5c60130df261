// SPDX-License-Identifier: Apache-2.0
// docs/protocol.md, section 3, lines 4 and 5: malformed packets and bodies, and replies without a
// matching request. Each affects only itself.

import assert from 'node:assert/strict';

import { encode } from './foreign/framing.mjs';
import { http } from './harness/http_client.mjs';
import { list_packet, scripted_distributor, scripted_service } from './harness/scripted.mjs';
import { test } from './harness/test.mjs';
import { until } from './harness/until.mjs';

const keyless = [
    'x', 'null', '5', '[]', '"text"', 'true', '{', '}', '{]', '{"a"', '{"a":}', '{"a":1,}', '{}',
    '{"key":null}', '{"uri":5,"method":[]}', '\u0000', '{"a":"\\ud800"}', '{"a":tru}', '{"a":01}',
    '{"uri":"/goods","method":"GET"}', '{"uri":"/goods","method":"GET","params":null}',
    '{"uri":"/goods","method":"POST","params":"abc"}', `${'['.repeat(10_000)}`,
    `{"a":${'{"a":'.repeat(60)}1${'}'.repeat(60)}}`,
].map((text) => Buffer.from(`${text}¶`));
keyless.push(Buffer.concat([Buffer.from('{"a":"'), Buffer.from([0xff, 0xc0]), Buffer.from('"}¶')]));

const without_params = [
    '{"uri":"/goods","method":"GET","key":71}',
    '{"uri":"/goods","method":"GET","key":71,"params":null}',
    '{"uri":"/goods","method":"GET","key":71,"params":"abc"}',
    '{"uri":"/goods","method":"GET","key":71,"params":5}',
    '{"uri":"/goods","method":"GET","key":71,"params":[]}',
    '{"key":71,"uri":"/goods","method":"POST","params":}',
    '{"key":71,"uri":"/goods","method":"POST","params":{"a":1}',
];

// The first packet decides whether a connection carries packets at all; this one is empty.
const begin = Buffer.from('¶');

function probe(key) {
    return encode({ uri: '/goods', method: 'GET', key, params: { limit: 1 } });
}

for (const name of ['goods', 'members', 'purchases']) {
    test(`line 4: ${name} answers after each malformed packet`, async (world) => {
        const service = (await world.role(name, { distributor: 1 })).port(name);
        const bystander = await world.packets(service);
        for (const bytes of keyless) {
            const client = await world.packets(service);
            const good = encode({ uri: '/ping', method: 'GET', key: 1 });
            client.write(Buffer.concat([begin, bytes, good]));
            await client.reply(1);
            client.close();
            await bystander.request('GET', `/${name}`);
        }
    });
}

test('line 4: a malformed packet with a readable key gets one error reply', async (world) => {
    const port = (await world.role('goods', { distributor: 1 })).port('goods');
    for (const text of without_params) {
        const client = await world.packets(port);
        client.write(Buffer.concat([Buffer.from(`${text}¶`), probe(72)]));
        const good = await client.reply(72);
        assert.equal(good.errormessage, 'no data', text);
        const replies = client.packets.filter(({ key }) => key === 71);
        assert.equal(replies.length, 1, text);
        assert.notEqual(replies[0].errorcode, 0, text);
        assert.equal(typeof replies[0].errormessage, 'string', text);
        client.close();
    }
});

test('line 4: the tenth malformed packet closes its connection and no other', async (world) => {
    const port = (await world.role('goods', { distributor: 1 })).port('goods');
    const bystander = await world.packets(port);
    const client = await world.packets(port);
    client.write(Buffer.concat([begin, Buffer.from('x¶'.repeat(9)), probe(1)]));
    await client.reply(1);
    assert.equal(client.is_closed, false);
    client.write(Buffer.concat([probe(2), Buffer.from('x¶')]));
    await client.reply(2);
    await until('the connection is closed', () => client.is_closed);
    assert.equal((await bystander.request('GET', '/goods')).errormessage, 'no data');
});

const unusable = {
    oversized: `{"a":"${'x'.repeat(2 << 20)}"}¶`,
    'too deep': `{"a":${'['.repeat(100)}1${']'.repeat(100)}}¶`,
};
for (const [what, text] of Object.entries(unusable)) {
    test(`line 4: a packet that is ${what} closes the connection after replies`, async (world) => {
        const port = (await world.role('goods', { distributor: 1 })).port('goods');
        const bystander = await world.packets(port);
        const client = await world.packets(port);
        client.write(Buffer.concat([probe(1), Buffer.from(text)]));
        await client.reply(1);
        await until('the connection is closed', () => client.is_closed);
        assert.equal((await bystander.request('GET', '/goods')).errormessage, 'no data');
    });
}

test('line 4: a client that reads late gets the reply to an oversized packet', async (world) => {
    const goods = (await world.role('goods', { distributor: 1 })).port('goods');
    const distributor = (await world.role('distributor')).port('distributor');
    for (const port of [goods, distributor]) {
        for (let n = 0; n < 5; ++n) {
            const client = await world.packets(port);
            client.socket.pause();
            const all = `{"key":"big","a":"${'x'.repeat(1_700_000)}"}¶`;
            await new Promise((done) => client.socket.write(all, done));
            client.socket.resume();
            assert.notEqual((await client.reply('big')).errorcode, 0);
            await until('the connection is closed', () => client.is_closed);
        }
    }
});

test('line 4: malformed packets to the distributor do not affect other nodes', async (world) => {
    const port = (await world.role('distributor')).port('distributor');
    const watcher = await world.packets(port);
    watcher.register({ port: 9001, name: 'watcher', urls: [] });
    await watcher.list('the watcher', (list) => list.length === 1);
    const lists = watcher.lists().length;
    const registrations = [
        '{"uri":"/distributes","method":"POST","key":0}',
        '{"uri":"/distributes","method":"POST","key":0,"params":null}',
        '{"uri":"/distributes","method":"POST","key":0,"params":"abc"}',
        '{"uri":"/distributes","method":"POST","key":0,"params":[]}',
        '{"uri":"/distributes","method":"POST","key":0,"params":{}}',
        ...[
            { port: 99999, name: 'a', urls: [] },
            { port: -1, name: 'a', urls: [] },
            { port: 1, name: 5, urls: {} },
        ].map((params) => JSON.stringify({ uri: '/distributes', method: 'POST', key: 0, params })),
    ];
    const bad = [...keyless, ...registrations.map((text) => Buffer.from(`${text}¶`))];
    for (const bytes of bad) {
        const client = await world.packets(port);
        const good = encode({ uri: '/ping', method: 'GET', key: 5 });
        client.write(Buffer.concat([begin, bytes, good]));
        await client.reply(5);
        client.close();
    }
    // The list for this change is sent after any list that the malformed packets caused.
    const node = await world.packets(port);
    node.register({ port: 9002, name: 'good', urls: ['GET/good'] });
    const list = await watcher.list('the good node', (nodes) => nodes.length > 1);
    assert.deepEqual(list.map(({ name }) => name), ['watcher', 'good']);
    assert.equal(watcher.lists().length, lists + 1, 'only the valid registration causes a list');
});

test('line 4: a registration without params is answered with an error', async (world) => {
    const port = (await world.role('distributor')).port('distributor');
    const client = await world.packets(port);
    client.send({ uri: '/distributes', method: 'POST', key: 31 });
    const reply = await client.reply(31);
    assert.notEqual(reply.errorcode, 0);
    assert.equal(typeof reply.errormessage, 'string');
});

test('line 4: HTTP bodies that are not JSON objects are refused on every path', async (world) => {
    const up = await world.up();
    const bodies = ['null', '5', '[]', '"a"', 'true', '{', '{"a":}', '\u0000', '{"a":1}}', '¶'];
    for (const target of ['/goods', '/members', '/purchases', '/logs']) {
        for (const body of bodies) {
            const response = await up.http('POST', target, { body });
            assert.equal(response.status, 400, `${target} ${body}`);
            assert.equal(response.headers.get('content-type'), 'application/problem+json');
            assert.equal(response.json.errorcode, 400);
        }
    }
    for (const body of [...bodies, '']) {
        assert.equal((await up.http('POST', '/unknown', { body })).status, 404);
        assert.equal((await up.http('PATCH', '/goods', { body })).status, 405);
        const with_get = await up.http('GET', '/goods', { body });
        assert.ok([200, 400].includes(with_get.status), `GET with ${body}: ${with_get.status}`);
    }
    const empty = await up.http('POST', '/goods', { body: '' });
    assert.equal(empty.status, 422);
    assert.equal(empty.json.errormessage, 'Invalid Parameters');
    assert.deepEqual(
        empty.json.errors.map(({ field }) => field).sort(),
        ['category', 'description', 'name', 'price'],
    );
});

test('line 4: the gateway ignores malformed packets from a foreign service', async (world) => {
    const distributor = (await world.role('distributor')).port('distributor');
    const gateway = (await world.role('gateway', { distributor })).port('gateway');
    let bad = Buffer.alloc(0);
    await scripted_service(world, {
        distributor,
        name: 'noisy',
        urls: ['GET/noisy'],
        on_request: (packet, reply, socket) => {
            socket.write(bad);
            reply({ n: packet.params.n });
        },
    });
    await world.routed(gateway, ['/noisy']);
    for (const [index, bytes] of keyless.entries()) {
        bad = bytes;
        const response = await http(gateway, 'GET', `/noisy?n=${index}`);
        assert.equal(response.status, 200, `after ${bytes.subarray(0, 40)}`);
        assert.equal(response.json.n, String(index));
    }
});

test('line 4: malformed lists from a foreign distributor remove no known nodes', async (world) => {
    const goods = await world.role('goods', { distributor: 1 });
    const entry = {
        port: goods.port('goods'),
        name: 'goods',
        urls: ['GET/goods'],
        host: '::ffff:127.0.0.1',
    };
    let gateway_socket;
    const registry = await scripted_distributor(world, {
        on_join: (socket) => {
            gateway_socket = socket;
            socket.write(list_packet([entry]));
        },
    });
    const gateway = await world.role('gateway', { distributor: registry.port });
    const port = gateway.port('gateway');
    await world.routed(port, ['/goods']);
    const lists = [
        '{"uri":"/distributes","method":"GET","key":0}',
        '{"uri":"/distributes","method":"GET","key":0,"params":null}',
        '{"uri":"/distributes","method":"GET","key":0,"params":{}}',
        '{"uri":"/distributes","method":"GET","key":0,"params":"abc"}',
    ].map((text) => Buffer.from(`${text}¶`));
    const entries = [
        null,
        5,
        'x',
        [],
        {},
        { port: 1 },
        { ...entry, port: 0 },
        { ...entry, port: 'abc' },
        { ...entry, urls: 5 },
        { ...entry, urls: [5, null, ''] },
        { ...entry, name: null },
        { ...entry, host: 7 },
    ].map((each) => list_packet([each, entry]));
    for (const bytes of [...keyless, ...lists, ...entries]) {
        gateway_socket.write(bytes);
        const response = await http(port, 'GET', '/goods');
        assert.equal(response.status, 200, `after ${bytes.subarray(0, 80)}`);
    }
});

test('line 5: replies with an unknown, missing or repeated key are ignored', async (world) => {
    const distributor = (await world.role('distributor')).port('distributor');
    const gateway = (await world.role('gateway', { distributor })).port('gateway');
    const strange = [
        '{"errorcode":0,"errormessage":"no key"}',
        '{"key":987654321,"errorcode":0}',
        '{"key":18446744073709551615,"errorcode":0}',
        '{"key":98765432109876543210987654321,"errorcode":0}',
        '{"key":-1,"errorcode":0}',
        '{"key":1.5,"errorcode":0}',
        '{"key":"__proto__","errorcode":0}',
        '{"__proto__":{"key":1},"errorcode":0}',
        '{"key":null,"errorcode":0}',
        '{"key":{},"errorcode":0}',
        '{"key":"","errorcode":0}',
    ].map((text) => Buffer.from(`${text}¶`));
    await scripted_service(world, {
        distributor,
        name: 'strange',
        urls: ['GET/strange'],
        on_request: (packet, reply, socket) => {
            socket.write(Buffer.concat(strange));
            reply({ n: packet.params.n });
            reply({ n: 'repeated' });
            socket.write(Buffer.concat(strange));
        },
    });
    await world.routed(gateway, ['/strange']);
    const connection = await world.connection(gateway);
    for (let n = 0; n < 50; ++n) {
        const response = await connection.request('GET', `/strange?n=${n}`);
        assert.equal(response.status, 200);
        assert.equal(response.json.n, String(n));
    }
    const many = Array.from({ length: 64 }, async (_, n) => {
        const response = await http(gateway, 'GET', `/strange?n=c${n}`);
        assert.equal(response.json.n, `c${n}`);
    });
    await Promise.all(many);
});

test('line 5: a reply has the key exactly as the request wrote it', async (world) => {
    const port = (await world.role('goods', { distributor: 1 })).port('goods');
    const tokens = [
        '0', '1', '1.0', '-7', '1e3', '18446744073709551615', '123456789012345678901234567890',
        '"1"', '"__proto__"', '"a\\"b"', '"\\u00b6"', '"키"', '0.1',
    ];
    for (const token of tokens) {
        for (const inside of [true, false]) {
            const client = await world.packets(port);
            const [top, within_params] = inside ? ['', `"key":${token}`] : [`"key":${token},`, ''];
            client.write(`{${top}"uri":"/goods","method":"GET","params":{${within_params}}}¶`);
            await client.packet('a reply', ({ errorcode }) => errorcode !== undefined);
            const text = Buffer.concat(client.raw).toString();
            assert.ok(text.includes(`"key":${token}`), `${token} is returned in ${text}`);
            client.close();
        }
    }
});
