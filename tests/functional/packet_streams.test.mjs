// SPDX-License-Identifier: Apache-2.0
// Packet services whose replies have headers or are streams, as HTTP clients see them. The service
// is msd_streaming (streaming/streaming_service.cpp).

import assert from 'node:assert/strict';
import http from 'node:http';
import net from 'node:net';
import path from 'node:path';

import { control } from './harness/control.mjs';
import { private_bytes } from './harness/proc.mjs';
import { sanitized } from './harness/scale.mjs';
import { test } from './harness/test.mjs';
import { until, within } from './harness/until.mjs';
import { msd_binary } from './harness/world.mjs';

const binary = path.join(path.dirname(msd_binary), 'msd_streaming');
const mebibyte = 1024 * 1024;

/** A gateway, the service, and the distributor that connects them. */
async function started(world) {
    const distributor = (await world.role('distributor')).port('distributor');
    const config = { 'supervision.soak_ms': 0, 'supervision.drain_timeout_ms': 120_000 };
    const service = await world.role('streaming', { distributor, binary, config });
    const gateway = await world.role('gateway', {
        distributor,
        config: { ...config, 'gateway.send_stall_timeout_ms': 120_000 },
    });
    const port = gateway.port('gateway');
    await world.routed(port, ['/s/state']);
    return { service, gateway, port };
}

/** A reply whose body has not been read yet. */
class streamed {
    static async get(world, port, target, options = {}) {
        const request = http.get({ port, path: target, agent: false, ...options });
        world.on_close(() => request.destroy());
        const response = new Promise((resolve, reject) => {
            request.on('response', resolve);
            request.on('error', reject);
        });
        return new streamed(await within(`the head of ${target}`, response));
    }

    constructor(response) {
        this.response = response;
        this.text = '';
        this.ended = new Promise((resolve) => {
            response.on('end', () => resolve('complete'));
            response.on('error', () => resolve('cut'));
            response.on('close', () => resolve(response.complete ? 'complete' : 'cut'));
        });
        response.setEncoding('utf8');
    }

    read() {
        this.response.on('data', (piece) => {
            this.text += piece;
        });
        return this;
    }

    async has(text) {
        await until(`the body has ${JSON.stringify(text)}`, () => this.text.includes(text));
    }

    end() {
        return within('the end of the body', this.ended);
    }

    /** Resets the connection, as a client does that leaves while data arrives. */
    leave() {
        this.response.socket.resetAndDestroy();
    }
}

test('a packet service redirects, sets cookies and validates', async (world) => {
    const { gateway } = await started(world);

    const redirect = await gateway.http('GET', '/s/redirect');
    assert.equal(redirect.status, 303);
    assert.equal(redirect.headers.get('location'), '/s/page');
    assert.equal(redirect.headers.get('set-cookie'), 'a=1; Path=/, b=2');
    assert.equal(redirect.headers.get('content-type'), 'application/json');
    assert.equal(redirect.headers.has('x-injected'), false);
    assert.deepEqual(redirect.json, { errorcode: 0, errormessage: 'success' });

    const fields = { Cookie: 'a=1', Accept: '*/*' };
    const page = await gateway.http('GET', '/s/page', { headers: fields });
    assert.equal(page.status, 200);
    assert.equal(page.headers.get('etag'), '"v1"');
    assert.equal(page.headers.get('cache-control'), 'max-age=60');
    assert.equal(page.json.cookie, 'a=1');
    assert.equal(page.json.headers, 1);

    const known = await gateway.http('GET', '/s/page', { headers: { 'If-None-Match': '"v1"' } });
    assert.equal(known.status, 304);
    assert.equal(known.headers.get('etag'), '"v1"');
    assert.equal(known.text, '');
    assert.equal(known.headers.has('content-length'), false);
});

test('a packet service streams text and events', async (world) => {
    const { gateway, port } = await started(world);

    const lines = (await streamed.get(world, port, '/s/lines?lines=300')).read();
    assert.equal(lines.response.headers['transfer-encoding'], 'chunked');
    assert.equal(lines.response.headers['content-type'], 'text/plain; charset=utf-8');
    assert.equal(lines.response.headers['cache-control'], 'no-store');
    assert.equal(await lines.end(), 'complete');
    const all = lines.text.split('\n').slice(0, -1);
    assert.deepEqual(all.map((line) => Number(line.split(' ')[0])),
        Array.from({ length: 300 }, (_, i) => i + 1));
    assert.ok(all.every((line) => line.length === 1023));

    const events = (await streamed.get(world, port, '/s/events')).read();
    assert.equal(events.response.headers['content-type'], 'text/event-stream');
    assert.equal(await events.end(), 'complete');
    assert.equal(
        events.text,
        'data: plain\n\nevent: goods\nid: 7\ndata: two\ndata: lines\n\n',
    );

    const head = await gateway.http('HEAD', '/s/endless', { head: true });
    assert.equal(head.status, 200);
    assert.equal(head.headers.get('content-type'), 'text/plain');
    const none = await gateway.http('GET', '/s/none');
    assert.equal(none.status, 404);
    assert.equal(none.json.errormessage, 'no such stream');

    // HTTP/1.0 has no chunks: the end of the connection is the end of the body.
    const old = net.connect(port, '127.0.0.1');
    world.on_close(() => old.destroy());
    let text = '';
    old.setEncoding('utf8').on('data', (piece) => {
        text += piece;
    });
    old.write('GET /s/events HTTP/1.0\r\n\r\n');
    await within('the end of the connection', new Promise((resolve) => old.on('end', resolve)));
    assert.doesNotMatch(text, /chunked/i);
    assert.equal(text.split('\r\n\r\n')[1], events.text);
});

test('a stream that is not completed is cut, and one whose client leaves is cancelled',
    async (world) => {
        const { service, gateway, port } = await started(world);

        for (const target of ['/s/fails', '/s/throws']) {
            const failing = (await streamed.get(world, port, target)).read();
            assert.equal(await failing.end(), 'cut', target);
            assert.equal(failing.text, 'begun', target);
        }

        // A part arrives when it is sent, and the client that leaves cancels the stream.
        const left = (await streamed.get(world, port, '/s/forever')).read();
        await left.has('data: hello\n\n');
        assert.equal((await gateway.http('GET', '/s/state')).json.open, 1);
        left.leave();
        await until('the handler has ended', async () => {
            const { open, cancelled } = (await gateway.http('GET', '/s/state')).json;
            return open === 0 && cancelled >= 1;
        });

        // The worker of the service is killed: no end of chunks.
        service.expect_deaths();
        const orphan = (await streamed.get(world, port, '/s/forever')).read();
        await orphan.has('data: hello\n\n');
        process.kill(service.workers('streaming')[0].pid, 'SIGKILL');
        assert.equal(await orphan.end(), 'cut');
        await world.routed(port, ['/s/state']);
    });

test('a client that does not read holds back its stream and no other', async (world) => {
    const { gateway, port } = await started(world);
    const worker = gateway.workers('gateway')[0].pid;
    const before = private_bytes(worker);
    const slow = await streamed.get(world, port, '/s/endless');
    // The service writes until its credit is used and the buffers of the kernel are full.
    let [written, same] = [0, 0];
    await until('the service waits', async () => {
        const now = (await gateway.http('GET', '/s/state')).json.written;
        same = now === written && now > 0 ? same + 1 : 0;
        written = now;
        assert.ok(written < 64 * mebibyte, 'the stream is not held back');
        return same === 20;
    });
    const grown = private_bytes(worker) - before;
    assert.ok(sanitized || grown < mebibyte, `the gateway grew by ${grown} bytes`);
    const lines = (await streamed.get(world, port, '/s/lines?lines=100')).read();
    assert.equal(await lines.end(), 'complete');
    slow.read();
    await until('the service goes on', async () =>
        (await gateway.http('GET', '/s/state')).json.written > written + 4 * mebibyte);
    slow.leave();
});

test('streams outlive a roll of the gateway and of the service', async (world) => {
    const { service, gateway, port } = await started(world);
    service.expect_deaths();
    gateway.expect_deaths();
    const lines = 30_000; // more than the buffers of the kernel hold
    const opened = await Promise.all(
        ['/s/forever', `/s/lines?lines=${lines}`].map((to) => streamed.get(world, port, to)),
    );
    const [forever, long] = opened;
    forever.read();
    await forever.has('data: hello\n\n');

    // The service: its worker ends the stream without end, and completes the other one.
    const service_rolled = new control(world.path('run'), service).roll('streaming');
    assert.equal(await forever.end(), 'complete');
    assert.ok(forever.text.endsWith('data: bye\n\n'));
    await service_rolled;

    // The gateway: its old worker goes on with the stream.
    await new control(world.path('run'), gateway).roll('gateway');
    long.read();
    assert.equal(await long.end(), 'complete');
    assert.equal(long.text.length, lines * 1024);
    assert.ok(long.text.includes(`\n${lines} x`));
});
