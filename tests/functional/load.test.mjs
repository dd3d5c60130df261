// SPDX-License-Identifier: Apache-2.0
// docs/protocol.md, section 3, line 6: no request of 64 clients that read 10 rows for 5 s fails.

import assert from 'node:assert/strict';

import { test } from './harness/test.mjs';

const seconds = 5;

async function ten_rows(up) {
    for (let n = 0; n < 10; ++n) {
        const body = { name: `goods ${n}`, category: 'c', price: n, description: 'd'.repeat(40) };
        assert.equal((await up.http('POST', '/goods', { body })).status, 200);
    }
}

test('line 6: no request of 64 kept-alive clients on 10 rows fails', async (world, context) => {
    const up = await world.up({ workers: 2 });
    await ten_rows(up);
    const expected = (await up.http('GET', '/goods')).text;
    const end = performance.now() + seconds * 1000;
    let answered = 0;
    const failures = [];
    const clients = Array.from({ length: 64 }, async () => {
        const connection = await world.connection(up.port('gateway'));
        while (performance.now() < end) {
            const response = await connection.request('GET', '/goods');
            ++answered;
            if (response.status !== 200 || response.text !== expected) {
                failures.push(`${response.status} ${response.text}`);
            }
        }
    });
    await Promise.all(clients);
    context.diagnostic(`${Math.round(answered / seconds)} requests a second, one client process`);
    assert.deepEqual(failures, []);
    assert.ok(answered >= 64 * 2);
});

test('64 clients that read and write get the replies to their own requests', async (world) => {
    const up = await world.up({ workers: 2 });
    await ten_rows(up);
    const failures = [];
    const written = new Set();
    const clients = Array.from({ length: 64 }, async (_, client) => {
        const connection = await world.connection(up.port('gateway'));
        for (let n = 0; n < 20; ++n) {
            const name = `${client}/${n}`;
            const body = { name, category: `of ${client}`, price: n, description: '' };
            const made = await connection.request('POST', '/goods', { body });
            const read = await connection.request('GET', `/goods/${made.json.id}`);
            if (read.json.results?.[0]?.name !== name) {
                failures.push(`${name}: ${read.text}`);
            }
            written.add(made.json.id);
        }
        const own = await connection.request('GET', `/goods?category=of+${client}`);
        assert.equal(own.json.results.length, 20);
    });
    await Promise.all(clients);
    assert.deepEqual(failures, []);
    assert.equal(written.size, 64 * 20, 'every id is returned once');
});
