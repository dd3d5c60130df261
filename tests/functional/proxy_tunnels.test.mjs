// SPDX-License-Identifier: Apache-2.0
// Upgraded connections: bytes in both directions, backpressure, the idle limit, and a roll of the
// gateway with a thousand WebSockets open.

import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';

import { load } from './harness/load.mjs';
import { is_alive, private_bytes } from './harness/proc.mjs';
import { is_reference, shared_cases, start_proxy } from './harness/proxy.mjs';
import { answer, plain_reply, start_origin } from './harness/raw_origin.mjs';
import { repeated, sanitized, scaled } from './harness/scale.mjs';
import { test } from './harness/test.mjs';
import { until, within } from './harness/until.mjs';
import { accepted_head, frame, opcode, open_websocket } from './harness/websocket.mjs';
import { connect, request_bytes } from './harness/wire_http.mjs';

const kib = 1024;
const sockets = repeated(1000, 1000);

const accepts = (peer, head) => peer.write(accepted_head(head.fields.get('sec-websocket-key')));

/** Echoes raw bytes until the client ends its direction; then says goodbye. */
async function echo_bytes(peer, head) {
    accepts(peer, head);
    for (let piece; (piece = await peer.in.some(Infinity, 280_000)).length > 0;) {
        peer.write(piece);
        await peer.drained(280_000);
    }
    peer.write(frame(opcode.text, 'goodbye'));
    peer.end();
}

/** Sends without end, as fast as the bytes are taken. */
async function flood(peer, head) {
    accepts(peer, head);
    const bytes = frame(opcode.binary, Buffer.alloc(64 * kib));
    for (peer.written = 0; !peer.socket.destroyed; peer.written += bytes.length) {
        peer.write(bytes);
        await peer.drained(280_000);
    }
}

async function handshake_cases(cases, world, port) {
    await cases.run('bytes arrive, in one piece or in many', async () => {
        const socket = await open_websocket(world, port, '/early');
        assert.equal(await socket.message(), 'at once');
        await socket.echo('in one piece');
        const bytes = frame(opcode.text, 'byte by byte', { mask: true });
        for (const byte of bytes) {
            socket.peer.write(Buffer.from([byte]));
            await socket.peer.drained();
        }
        assert.equal(await socket.message(), 'byte by byte');
        socket.peer.close();
    });
    await cases.run('a refused upgrade is a reply, and the connection goes on', async () => {
        const client = await connect(world, port);
        const fields = { Upgrade: 'websocket', Connection: 'Upgrade' };
        client.write(request_bytes('GET', '/refused', { fields }));
        const reply = await client.reply();
        assert.deepEqual([reply.status, reply.text], [403, 'not here']);
        client.write(request_bytes('GET', '/next'));
        assert.equal((await client.reply()).text, 'GET /next 0');
    });
    await cases.run('each side may end its direction first', { unlike_nginx: 'ends both' },
        async () => {
            const socket = await open_websocket(world, port, '/echo');
            await socket.echo('hello');
            socket.peer.end();
            assert.equal(await socket.message(), 'goodbye');
            assert.equal(await socket.next(), undefined);
            assert.equal(socket.peer.in.was_reset, false);
        });
    await cases.run('the end of one side ends the other', async () => {
        const socket = await open_websocket(world, port, '/ends');
        assert.equal(await socket.next(), undefined);
        assert.equal(socket.peer.in.was_reset, false);
    });
    await cases.run('two megabytes in both directions arrive unchanged', async () => {
        const socket = await open_websocket(world, port, '/echo');
        const payload = randomBytes(2 * kib * kib).toString('base64');
        await socket.echo(payload);
        socket.peer.close();
    });
}

async function limit_cases(cases, world, proxy, origin) {
    await cases.run('a silent tunnel is closed after its idle limit on both sides', async () => {
        const socket = await open_websocket(world, proxy.port, '/idle/echo');
        await socket.echo('hello');
        assert.equal(await socket.next(), undefined);
        await until('the program sees the end', () => origin.open('/idle/echo').length === 0);
    });
    await cases.run('a client that does not read stops the program', async () => {
        const before = proxy.workers().reduce((sum, pid) => sum + private_bytes(pid), 0);
        const clients = [];
        for (let n = 0; n < 8; ++n) {
            const socket = await open_websocket(world, proxy.port, '/flood', { held_max: kib });
            socket.peer.socket.pause();
            clients.push(socket.peer);
        }
        const written = () => origin.open('/flood').reduce((sum, peer) => sum + peer.written, 0);
        let [last, equal] = [-1, 0];
        await until('the program stops', () => {
            equal = written() === last ? equal + 1 : 0;
            last = written();
            return equal >= 20;
        });
        const after = proxy.workers().reduce((sum, pid) => sum + private_bytes(pid), 0);
        const each = (after - before) / clients.length;
        assert.ok(sanitized || each <= 256 * kib, `${Math.round(each / kib)} KiB a client`);
        clients.forEach((peer) => peer.close());
        await until('the program sees the ends', () => origin.open('/flood').length === 0);
    });
}

const settings = (origin, keys = {}) => ({
    keys: { 'supervision.soak_ms': 0, ...keys },
    routes: [
        { path: '/', service: 'program' },
        { path: '/idle/', service: 'idle' },
    ],
    upstreams: {
        program: { addresses: [origin.address] },
        idle: {
            addresses: [origin.address], tunnel_idle_timeout_ms: 400, between_bytes_timeout_ms: 400,
        },
    },
});

const scripts = {
    default: answer,
    echo: echo_bytes,
    flood,
    early: async (peer, head) => {
        const key = head.fields.get('sec-websocket-key');
        const first = frame(opcode.text, 'at once');
        peer.write(Buffer.concat([Buffer.from(accepted_head(key)), first]));
        for (let piece; (piece = await peer.in.some(Infinity, 280_000)).length > 0;) {
            peer.write(piece);
        }
        peer.end();
    },
    ends: async (peer, head) => {
        accepts(peer, head);
        peer.end();
    },
    refused: async (peer) => peer.write(plain_reply('not here', { status: '403 Forbidden' })),
};

test('upgraded connections are tunnels with limits', async (world, context) => {
    const origin = await start_origin(world, scripts);
    const proxy = await start_proxy(world, settings(origin));
    const cases = new shared_cases(context);
    await handshake_cases(cases, world, proxy.port);
    await limit_cases(cases, world, proxy, origin);
    cases.finish();
});

/** Opens `count` WebSockets, `together` at a time, each with one echo. */
async function open_many(world, port, count, together = 50) {
    const opened = [];
    while (opened.length < count) {
        const batch = Array.from({ length: Math.min(together, count - opened.length) },
            async () => {
                const socket = await open_websocket(world, port, '/echo');
                await socket.echo('hello');
                return socket;
            });
        opened.push(...(await Promise.all(batch)));
    }
    return opened;
}

test('a roll closes a thousand WebSockets properly and fails no other request',
    { skip: is_reference && 'nginx has no rolls', limit_ms: 250_000 }, async (world, context) => {
        const origin = await start_origin(world, scripts);
        // With less than two seconds, a connection could be closed while a request is on its way.
        const drain_ms = scaled(2500, 5000);
        const keys = { 'supervision.drain_timeout_ms': drain_ms };
        const proxy = await start_proxy(world, settings(origin, keys), { workers: 2 });
        proxy.gateway.expect_deaths();
        const old = await proxy.master.pids('gateway');
        const opened = await open_many(world, proxy.port, sockets);
        const running = new load(world, proxy.port, {
            fresh: { method: 'GET', target: '/f', mode: 'fresh', clients: 2, pause_ms: 20 },
            kept: { method: 'GET', target: '/k', mode: 'kept', clients: 8, pause_ms: 50 },
        });
        await running.answers(20);
        await proxy.master.roll('gateway');
        // A socket that is still open works until it is closed.
        let used = 0;
        const ends = opened.map(async (socket) => {
            if (!socket.peer.is_closed && used < 20) {
                used += 1;
                socket.send('still here');
            }
            for (let found; (found = await socket.next()) !== undefined;) {
                assert.ok(['still here', 'goodbye'].includes(found.payload.toString()));
            }
        });
        await within('every socket of the old workers is closed', Promise.all(ends));
        const reset = opened.filter(({ peer }) => peer.in.was_reset).length;
        context.diagnostic(`${used} used after the roll, ${reset} reset`);
        assert.equal(reset, 0, 'sockets that were reset');
        await until('the old workers have ended', () => !old.some(is_alive));
        await until('the program has seen the ends', () => origin.open('/echo').length === 0);
        const [again] = await open_many(world, proxy.port, 1);
        again.peer.close();
        const seen = await running.stop();
        context.diagnostic(seen.text);
        seen.assert_clean();
    });
