// SPDX-License-Identifier: Apache-2.0
// Replies that one of several web programs breaks off, stops or sends with 500: a request that can
// go elsewhere does, and its client notices nothing.

import assert from 'node:assert/strict';
import net from 'node:net';

import { front, named, refuses, sends, statuses, three } from './harness/three_programs.mjs';
import { test } from './harness/test.mjs';
import { until } from './harness/until.mjs';

const half = (framing, rest) => async (peer, head) => {
    await peer.with_body(head);
    peer.write(`HTTP/1.1 200 OK\r\n${framing}\r\n`);
    await rest(peer);
};

test('a reply that breaks off or stops costs a try and not the request', async (world) => {
    const origins = await three(world);
    const { port } = await front(world, origins, {
        balance: 'round-robin', slow_start_ms: 0, 'outlier.eject_ms': 100,
    });
    assert.deepEqual(statuses(await sends(port, 200)), [200]); // the usual latency is known now
    const length = 'Content-Length: 1000\r\n';
    const chunks = 'Transfer-Encoding: chunked\r\n';
    const broken = {
        'no byte of the body': half(length, async (peer) => peer.end()),
        'half of the body': half(length, async (peer) => {
            peer.write('x'.repeat(500));
            peer.end();
        }),
        'a chunk and no end': half(chunks, async (peer) => {
            peer.write('3\r\nabc\r\n');
            peer.end();
        }),
        'silence behind half of the body': half(length, async (peer) => {
            peer.write('x'.repeat(500));
            await peer.closed(280_000);
        }),
    };
    for (const [what, script] of Object.entries(broken)) {
        origins[0].scripts.default = script;
        const asked = origins[0].requests.length;
        const texts = (await sends(port, 40)).map(({ status, text }) => `${status} ${text}`);
        assert.deepEqual([...new Set(texts)].filter((each) => !/^200 [bc]$/.test(each)), [], what);
        assert.ok(origins[0].requests.length > asked, `${what}: it was asked`);
        origins[0].scripts.default = named('a');
        await until('it is used again', async () =>
            (await sends(port, 6)).some(({ text }) => text === 'a'));
    }
});

test('what is to be read while it arrives is not held back', async (world) => {
    const origins = await three(world);
    const { port } = await front(world, origins);
    const framings = [
        'Transfer-Encoding: chunked\r\nContent-Type: text/event-stream\r\n',
        'Transfer-Encoding: chunked\r\n',
        'Content-Length: 1000000\r\n',
    ];
    for (const framing of framings) {
        origins.forEach((each) => (each.scripts.default = half(framing, async (peer) => {
            peer.write('5\r\nbegin\r\n');
            await peer.closed(280_000);
        })));
        const socket = net.connect(port, '127.0.0.1');
        let seen = '';
        socket.on('data', (bytes) => (seen += bytes));
        socket.write('GET /x HTTP/1.1\r\nHost: x\r\n\r\n');
        await until(`${framing}: the first bytes are here`, () => seen.includes('begin'));
        socket.destroy();
    }
});

test('a 500 reaches the client of a GET only when the others send it too', async (world) => {
    const origins = await three(world);
    const { port } = await front(world, origins, { balance: 'round-robin' });
    assert.deepEqual(statuses(await sends(port, 60)), [200]);
    origins[1].scripts.default = refuses('500 Broken');
    const asked = origins[1].requests.length;
    assert.deepEqual(statuses(await sends(port, 30)), [200]);
    assert.ok(origins[1].requests.length > asked, 'it was asked');
    origins.forEach((each) => (each.scripts.default = refuses('500 Broken')));
    assert.deepEqual(statuses((await sends(port, 60)).slice(-20)), [500]);
    const before = origins.reduce((sum, { requests }) => sum + requests.length, 0);
    await sends(port, 20);
    const tries = origins.reduce((sum, { requests }) => sum + requests.length, 0) - before;
    assert.ok(tries <= 22, `${tries} tries for 20 requests`);
});
