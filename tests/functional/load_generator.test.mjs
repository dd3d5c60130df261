// SPDX-License-Identifier: Apache-2.0
// Tests of the load generator: it counts each kind of failure of a server as that kind.

import assert from 'node:assert/strict';
import net from 'node:net';

import { load } from './harness/load.mjs';
import { test } from './harness/test.mjs';
import { patience, until } from './harness/until.mjs';

const reply = (body, { status = 200, more = '' } = {}) =>
    `HTTP/1.1 ${status} Any\r\nContent-Length: ${body.length}\r\n${more}\r\n${body}`;

// What the server does with a request for /NAME.
const ways = {
    fine: (socket) => socket.write(reply('good')),
    reset: (socket) => socket.resetAndDestroy(),
    unanswered: (socket) => socket.end(),
    truncated: (socket) => socket.end(reply('good').slice(0, -2)),
    malformed: (socket) => socket.write('SMTP ready\r\n\r\n'),
    wrong_status: (socket) => socket.write(reply('good', { status: 503 })),
    wrong_body: (socket) => socket.write(reply('goot')),
    timeout: () => {},
};

async function serve(world, on_request) {
    const server = net.createServer((socket) => {
        socket.setNoDelay(true);
        socket.on('error', () => {});
        world.on_close(() => socket.destroy());
        let text = '';
        socket.on('data', (chunk) => {
            text += chunk;
            for (let end = text.indexOf('\r\n\r\n'); end >= 0; end = text.indexOf('\r\n\r\n')) {
                const target = text.split(' ')[1];
                text = text.slice(end + 4);
                on_request(target.slice(1), socket);
            }
        });
    });
    await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
    world.on_close(() => server.close());
    return server.address().port;
}

const asking = (name, more) => ({ target: `/${name}`, expect: 'good', pause_ms: 2, ...more });

for (const mode of ['fresh', 'kept']) {
    test(`each failure is counted as its own kind, ${mode}`, async (world) => {
        const port = await serve(world, (name, socket) => ways[name](socket));
        const names = Object.keys(ways);
        const groups = Object.fromEntries(names.map((name) => [name, asking(name, { mode })]));
        const running = new load(world, port, groups, { timeout_ms: 1000 * patience });
        await until('each kind of reply was requested', async () => {
            const seen = await running.look();
            return names.every((name) => {
                const { failed, answered } = seen.group(name);
                return (name === 'fine' ? answered : failed[name]) >= 2;
            });
        });
        const seen = await running.stop();
        assert.throws(() => seen.assert_clean());
        for (const name of names) {
            const kinds = Object.keys(seen.kinds([name]));
            assert.deepEqual(kinds, name === 'fine' ? [] : [name], `group ${name}`);
            assert.equal(seen.group(name).answered > 0, name === 'fine', `group ${name}`);
        }
        assert.ok(seen.failures.every(({ local_port }) => local_port > 0));
    });
}

test('a port without a listener is counted as refused', async (world) => {
    const running = new load(world, 1, { any: asking('fine', { mode: 'fresh' }) });
    await until('requests have failed', async () => (await running.look()).failed >= 2);
    assert.deepEqual(Object.keys((await running.stop()).kinds()), ['refused']);
});

test('a connection that ends between two requests is not counted as a failure', async (world) => {
    const port = await serve(world, (name, socket) => {
        ways[name](socket);
        socket.end();
    });
    const kept = asking('fine', { mode: 'kept', pause_ms: 40 });
    const running = new load(world, port, { kept });
    await running.answers(10);
    const seen = await running.stop();
    seen.assert_clean();
    assert.ok(seen.group('kept').connections >= 10);
});

test('bytes without a request are counted as a failure', async (world) => {
    const port = await serve(world, (name, socket) => socket.write(reply('good') + reply('good')));
    const running = new load(world, port, { kept: asking('fine', { mode: 'kept' }) });
    await until('the failures are counted', async () => (await running.look()).failed >= 2);
    assert.deepEqual(Object.keys((await running.stop()).kinds()), ['malformed']);
});

test('pipelined requests after a reply that closes are sent again, each once', async (world) => {
    const asked = [];
    const close = { more: 'Connection: close\r\n' };
    const port = await serve(world, (name, socket) => {
        if (!socket.destroyed && !socket.writableEnded) {
            asked.push(name);
            socket.end(reply('good', close));
        }
    });
    const target = '/{c}-{n}';
    const group = { mode: 'pipelined', depth: 3, target, expect: 'good', pause_ms: 2 };
    const running = new load(world, port, { group });
    await running.answers(30);
    const seen = await running.stop();
    seen.assert_clean();
    assert.ok(seen.group('group').again > 0);
    seen.assert_written('group', asked);
});

test('lost, duplicate and unknown writes are found', async (world) => {
    const stored = [];
    const port = await serve(world, (name, socket) => {
        stored.push(name);
        ways.fine(socket);
    });
    const running = new load(world, port, { group: { target: '/{c}-{n}', expect: 'good' } });
    await running.answers(5);
    const seen = await running.stop();
    seen.assert_written('group', stored);
    assert.throws(() => seen.assert_written('group', stored.slice(1)), /lost/);
    assert.throws(() => seen.assert_written('group', [...stored, stored[0]]), /twice/);
    assert.throws(() => seen.assert_written('group', [...stored, '9-9']), /unknown/);
});
