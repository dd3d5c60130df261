// SPDX-License-Identifier: Apache-2.0
// docs/protocol.md, section 3, line 6: consecutive replies of many TCP segments, to fast and slow
// readers.

import assert from 'node:assert/strict';

import { http } from './harness/http_client.mjs';
import { private_bytes } from './harness/proc.mjs';
import { repeated, sanitized } from './harness/scale.mjs';
import { test } from './harness/test.mjs';
import { until } from './harness/until.mjs';

/** Writes `count` goods, 32 at a time; returns their ids in the order of the store. */
async function fill(up, count, description_chars) {
    const ids = [];
    let next = 0;
    const description = 'd'.repeat(description_chars);
    const writers = Array.from({ length: 32 }, async () => {
        while (next < count) {
            const name = `상품 ${next++}`;
            const body = { name, category: 'many', price: 1, description };
            const response = await up.http('POST', '/goods', { body });
            assert.equal(response.status, 200, response.text);
            ids.push(response.json.id);
        }
    });
    await Promise.all(writers);
    return ids.sort((a, b) => a - b);
}

const row_ids = (reply) => reply.results.map(({ id }) => id);

test('line 6: lists of 1000 goods arrive complete over HTTP and as packets', async (world) => {
    const up = await world.up({ workers: 2 });
    const ids = await fill(up, 1000, 200);
    const kept = await world.connection(up.port('gateway'));
    const client = await world.packets(up.port('goods'));
    for (let n = 0; n < 3; ++n) {
        const response = await kept.request('GET', '/goods');
        assert.ok(response.body.length > 65_536 * 3);
        assert.deepEqual(row_ids(response.json), ids);
        assert.deepEqual(row_ids(await client.request('GET', '/goods')), ids);
    }
    client.send({ uri: '/goods', method: 'GET', key: 'a', params: {} });
    client.send({ uri: '/goods', method: 'GET', key: 'b', params: {} });
    client.send({ uri: '/goods', method: 'GET', key: 'c', params: { limit: 1 } });
    for (const [key, rows] of [['a', 1000], ['b', 1000], ['c', 1]]) {
        assert.equal((await client.reply(key)).results.length, rows);
    }
    for (let n = 0; n < 4; ++n) {
        kept.send('GET', '/goods');
    }
    for (let n = 0; n < 4; ++n) {
        assert.deepEqual(row_ids((await kept.response()).json), ids, 'pipelined');
    }
});

test('a page ends at 900 KiB and the next page continues', async (world) => {
    const up = await world.up();
    const ids = await fill(up, 600, 4000);
    const found = [];
    let after;
    let pages = 0;
    do {
        const more = after === undefined ? '' : `?after=${after}`;
        const response = await up.http('GET', `/goods${more}`);
        assert.ok(response.body.length <= 950 * 1024, `${response.body.length} bytes`);
        found.push(...row_ids(response.json));
        after = response.json.next;
        ++pages;
    } while (after !== undefined && after !== null);
    assert.deepEqual(found, ids);
    assert.ok(pages >= 3, `${pages} pages`);
});

test('a client that reads slowly gets its whole reply and delays no other', async (world) => {
    const up = await world.up();
    const ids = await fill(up, 800, 1000);
    const slow = await world.connection(up.port('gateway'));
    slow.socket.pause();
    const requests = 20;
    for (let n = 0; n < requests; ++n) {
        slow.send('GET', '/goods');
    }
    for (let n = 0; n < 30; ++n) {
        assert.deepEqual(row_ids((await up.http('GET', '/goods')).json), ids);
    }
    slow.socket.resume();
    for (let n = 0; n < requests; ++n) {
        assert.deepEqual(row_ids((await slow.response()).json), ids, `reply ${n}`);
    }
});

test('a client that has shut down its sending side gets its whole reply', async (world) => {
    const up = await world.up();
    const ids = await fill(up, 800, 1000);
    const done = await world.connection(up.port('gateway'));
    const began = new Promise((resolve) => done.socket.once('data', resolve));
    done.send('GET', '/goods');
    await began;
    done.socket.pause();
    done.socket.end();
    assert.deepEqual(row_ids((await up.http('GET', '/goods')).json), ids);
    done.socket.resume();
    assert.deepEqual(row_ids((await done.response()).json), ids);
});

test('clients that never read use bounded memory and are disconnected', async (world) => {
    const up = await world.up({ config: { 'gateway.send_stall_timeout_ms': 2000 } });
    await fill(up, 800, 1000);
    const [{ pid }] = up.workers('gateway');
    await http(up.port('gateway'), 'GET', '/goods');
    const before = private_bytes(pid);
    const deaf = [];
    for (let n = 0; n < repeated(100, 100); ++n) {
        const client = await world.connection(up.port('gateway'));
        client.socket.pause();
        for (let request = 0; request < 10; ++request) {
            client.send('GET', '/goods');
        }
        deaf.push(client);
    }
    let peak = 0;
    for (let n = 0; n < 20; ++n) {
        assert.equal((await up.http('GET', '/goods?limit=10')).status, 200);
        peak = Math.max(peak, private_bytes(pid) - before);
    }
    // 1000 replies of 900 KB were asked for.
    if (!sanitized) {
        assert.ok(peak < 300 << 20, `${peak >> 20} MiB more`);
    }
    // A paused socket does not report the end; the gateway's descriptors show it.
    const closed = new Set();
    await until('the connections of clients that never read are closed', () => {
        for (const client of deaf) {
            if (!closed.has(client)) {
                client.socket.write('x', (error) => error && closed.add(client));
            }
        }
        return closed.size + deaf.filter(({ is_closed }) => is_closed).length >= deaf.length;
    }, 60_000);
});
