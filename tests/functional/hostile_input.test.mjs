// SPDX-License-Identifier: Apache-2.0
// Input that is made to cost much: messages without an end on many connections, other protocols on
// the ports for packets, and JSON with more values than any request needs. Each is refused, the
// memory of the workers stays bounded, and other clients are served meanwhile.

import assert from 'node:assert/strict';
import net from 'node:net';

import { encode } from './foreign/framing.mjs';
import { http } from './harness/http_client.mjs';
import { private_bytes } from './harness/proc.mjs';
import { sanitized } from './harness/scale.mjs';
import { scripted_service } from './harness/scripted.mjs';
import { test } from './harness/test.mjs';
import { until } from './harness/until.mjs';

const mib = 1 << 20;
const mb = 1_000_000;

/** Connections that each send `bytes` and then nothing. `ended`: how many msd has closed. */
function flood(world, port, count, bytes) {
    const attack = { count, ended: 0, written: 0, text: '' };
    for (let n = 0; n < count; ++n) {
        const socket = net.connect({ port, host: '127.0.0.1' });
        let is_over = false;
        const over = () => {
            attack.ended += is_over ? 0 : 1;
            is_over = true;
        };
        socket.on('error', over);
        socket.on('end', over);
        socket.on('data', (piece) => {
            attack.text += attack.text.length < mib ? piece.toString('latin1') : '';
        });
        socket.write(bytes, (error) => {
            attack.written += error ? 0 : 1;
        });
        world.on_close(() => socket.destroy());
    }
    return attack;
}

/** Calls `ask` again and again until `until_true` holds; every call has to succeed. */
async function meanwhile(until_true, ask) {
    let calls = 0;
    await until('the attack is over', async () => {
        await ask().catch((error) => assert.fail(error));
        ++calls;
        return until_true();
    });
    return calls;
}

test('unfinished input of 400 clients takes bounded memory', async (world, context) => {
    const up = await world.up();
    const body = Buffer.alloc(mb, 'x');
    const head = 'POST /goods HTTP/1.1\r\nHost: t\r\nContent-Type: application/json\r\n';
    const start = { gateway: `${head}Content-Length: ${mib}\r\n\r\n{"a":"` };
    const bystander = await world.packets(up.port('goods'));
    const workers = up.workers();
    const large = JSON.stringify({ description: 'y'.repeat(500_000) });
    const ask = async () => {
        assert.equal((await up.http('GET', '/goods')).status, 200);
        assert.equal((await up.http('POST', '/goods', { body: large })).status, 422, 'read whole');
        assert.equal((await bystander.request('GET', '/goods')).errormessage, 'no data');
    };
    for (const name of ['gateway', 'goods', 'distributor']) {
        const bytes = Buffer.concat([Buffer.from(start[name] ?? '{"a":"'), body]);
        const attack = flood(world, up.port(name), 400, bytes);
        let most = 0;
        await meanwhile(() => {
            most = Math.max(most, ...workers.map(({ pid }) => private_bytes(pid)));
            return attack.written + attack.ended >= attack.count && attack.ended > 0;
        }, ask);
        context.diagnostic(`${name}: ${Math.round(most / mib)} MiB, ${attack.ended} were closed`);
        if (!sanitized) {
            // 64 MiB of input, and what the worker needs otherwise.
            assert.ok(most < 110 * mib, `${name}: ${Math.round(most / mib)} MiB`);
        }
        if (name === 'gateway') {
            await until('a reply to a closed one', () => /^HTTP\/1.1 503 /.test(attack.text));
            assert.match(attack.text, /Retry-After: 1\r\n/);
        }
    }
    await ask();
});

test('unfinished replies take bounded memory, and others are forwarded', async (world) => {
    const distributor = (await world.role('distributor')).port('distributor');
    const config = {
        'packets.reply_bytes_max': mib,
        'upstream.received_bytes_max': mib,
        'gateway.request_timeout_ms': 60_000,
    };
    const gateway = await world.role('gateway', { distributor, config });
    const port = gateway.port('gateway');
    const held = [];
    const names = ['/a', '/b', '/c', '/d', '/e'];
    for (const name of names) {
        const on_request = ({ key, params }, reply, socket) => {
            if (params.hold) {
                socket.write(`{"key":${key},"a":"${'x'.repeat(0.9 * mib)}`);
                held.push(() => socket.write('"}¶'));
            } else {
                reply();
            }
        };
        const what = { distributor, name: name.slice(1), urls: [`GET${name}`], on_request };
        await scripted_service(world, what);
    }
    await world.routed(port, names);
    const replies = names.map((name) => http(port, 'GET', `${name}?hold=1`));
    await until('one of the replies is dropped', () =>
        /unfinished replies exceed upstream.received_bytes_max/.test(gateway.log));
    await until('each service has been asked', () => held.length >= names.length);
    const small = await http(port, 'GET', '/e');
    assert.ok([200, 502].includes(small.status));
    // A service whose connection was ended is asked once more on a new one.
    const finish = setInterval(() => held.splice(0).forEach((end) => end()), 20);
    world.on_close(() => clearInterval(finish));
    const statuses = (await Promise.all(replies)).map(({ status }) => status);
    assert.ok(statuses.filter((status) => status === 200).length >= 1, `${statuses}`);
    await world.routed(port, names);
});

const registration =
    '{"uri":"/distributes","method":"POST","key":0,"params":{"port":9,"name":"evil"}}¶';
const ping = encode({ uri: '/ping', method: 'GET', key: 5 });

test('only packets are accepted on the ports for packets', async (world) => {
    const distributor = (await world.role('distributor')).port('distributor');
    const goods = (await world.role('goods', { distributor })).port('goods');
    const watcher = await world.packets(distributor);
    watcher.register({ port: 9001, name: 'watcher', urls: [] });
    await watcher.list('both nodes', (list) => list.length === 2);
    const lists = watcher.lists().length;
    const post = (type) =>
        `POST / HTTP/1.1\r\nHost: t\r\nContent-Type: ${type}\r\n` +
        `Content-Length: ${registration.length + 1}\r\n\r\n${registration}`;
    const other_protocols = [
        post('text/plain'),
        post('application/json'),
        `GET /${registration} HTTP/1.1\r\n\r\n`,
        `PUT ${registration}`,
        Buffer.concat([Buffer.from('16030100c8010000c40303', 'hex'), Buffer.from(registration)]),
        `SSH-2.0-OpenSSH_9.2\r\n${registration}`,
        `\r\n\r\nEHLO a\r\n${registration}`,
        `*1\r\n$4\r\nPING\r\n${registration}`,
        `x¶${registration}`,
        `[]¶${registration}`,
        `"{"¶${registration}`,
        `\uFEFF${registration}`,
        `£¶${registration}`,
        `\0${registration}`,
        `${' '.repeat(1025)}${registration}`,
    ];
    for (const port of [distributor, goods]) {
        for (const bytes of other_protocols) {
            const client = await world.packets(port);
            client.write(Buffer.concat([Buffer.from(bytes), ping]));
            await until(`${JSON.stringify(bytes.slice(0, 9))} is closed`, () => client.is_closed);
            // At accept the distributor sends the list.
            const replies = client.packets.filter((packet) => packet.uri !== '/distributes');
            assert.deepEqual(replies, [], `${bytes.slice(0, 30)}`);
        }
        for (const begin of ['', ' \r\n\t', '¶', '¶¶ ¶', '¶x¶', ' '.repeat(1024)]) {
            const client = await world.packets(port);
            const bytes = Buffer.concat([Buffer.from(begin), ping]);
            // The first bytes alone, so that ¶ is cut in two.
            client.write(bytes.subarray(0, 1));
            await new Promise((done) => setImmediate(done));
            client.write(bytes.subarray(1));
            await client.reply(5);
            client.close();
        }
    }
    const node = await world.packets(distributor);
    node.register({ port: 9002, name: 'good', urls: ['GET/good'] });
    const list = await watcher.list('the good node', (nodes) => nodes.length > 2);
    assert.deepEqual(list.map(({ name }) => name), ['goods', 'watcher', 'good']);
    assert.equal(watcher.lists().length, lists + 1, 'the others have changed nothing');
});

test('white space before the first packet is limited in time, silence is not', async (world) => {
    const config = { 'packets.frame_timeout_ms': 200 };
    const port = (await world.role('distributor', { config })).port('distributor');
    const silent = await world.packets(port);
    const blank = await world.packets(port);
    const trickle = setInterval(() => blank.write(' '), 20);
    world.on_close(() => clearInterval(trickle));
    await until('the connection with white space is closed', () => blank.is_closed);
    assert.equal(silent.is_closed, false);
    silent.write(ping);
    await silent.reply(5);
});

test('the members and values of a JSON text are limited', async (world) => {
    const up = await world.up();
    const members = (count) =>
        `{${Array.from({ length: count }, (_, n) => `"${n}":0`).join(',')}}`;
    const values = (count) => `{"a":[${'0,'.repeat(count - 2)}0]}`;
    const refused = [
        [members(4097), 'too many members of a JSON object: send at most 4096'],
        [members(65_000), 'too many members of a JSON object: send at most 4096'],
        [values(65_537), 'too many values in JSON: send at most 65536'],
        [`{"a":[${'[],'.repeat(300_000)}0]}`, 'too many values in JSON: send at most 65536'],
    ];
    for (const [body, text] of refused) {
        const response = await up.http('POST', '/goods', { body });
        assert.equal(response.status, 400, body.slice(0, 20));
        assert.equal(response.json.detail, text);
    }
    for (const body of [members(4096), values(65_536)]) {
        assert.equal((await up.http('POST', '/goods', { body })).status, 422, body.slice(0, 20));
    }
    const client = await world.packets(up.port('goods'));
    const params = Object.fromEntries(Array.from({ length: 8193 }, (_, n) => [`a${n}`, 0]));
    for (let n = 1; n <= 20; ++n) {
        client.send({ key: n, uri: '/goods', method: 'GET', params });
        const { errorcode, errormessage } = await client.reply(n);
        assert.notEqual(errorcode, 0);
        assert.equal(errormessage, 'too many members of a JSON object: send at most 8192');
    }
    assert.equal((await client.request('GET', '/goods')).errormessage, 'no data');
});
