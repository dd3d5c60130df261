// SPDX-License-Identifier: Apache-2.0
// Idempotency-Key: a repeated write is executed once, and every repetition gets the same reply.

import assert from 'node:assert/strict';

import { test } from './harness/test.mjs';
import { pause, until } from './harness/until.mjs';

const pencil = { name: 'pencil', category: 'c', price: 1, description: 'd' };

function with_key(key, body) {
    return { body, headers: { 'Idempotency-Key': key } };
}

async function count(up) {
    return (await up.http('GET', '/goods')).json.results?.length ?? 0;
}

test('a repeated POST gets the same reply and is executed once', async (world) => {
    const up = await world.up({ workers: 2 });
    const first = await up.http('POST', '/goods', with_key('k-1', pencil));
    for (let n = 0; n < 10; ++n) {
        const again = await up.http('POST', '/goods', with_key('k-1', pencil));
        assert.equal(again.status, 200);
        assert.equal(again.text, first.text);
    }
    const quoted = await up.http('POST', '/goods', with_key('"k-1"', pencil));
    assert.equal(quoted.text, first.text, 'the key is the same with and without quotes');
    assert.equal(quoted.headers.has('idempotency-key-status'), false);
    assert.equal(await count(up), 1);
    const other = await up.http('POST', '/goods', with_key('k-2', pencil));
    assert.notEqual(other.json.id, first.json.id);
    await up.http('POST', '/goods', { body: pencil });
    await up.http('POST', '/goods', { body: pencil });
    assert.equal(await count(up), 4, 'without a key each request adds a product');
    const logged = await up.http('POST', '/logs', with_key('k-1', { line: 1 }));
    assert.equal(logged.status, 202);
    assert.equal(logged.headers.get('idempotency-key-status'), 'not-supported');
});

test('concurrent repetitions through several workers are executed once', async (world) => {
    const up = await world.up({ workers: 2 });
    for (let round = 0; round < 5; ++round) {
        const repeats = Array.from({ length: 30 }, () =>
            up.http('POST', '/goods', with_key(`round-${round}`, pencil)));
        const replies = await Promise.all(repeats);
        assert.ok(replies.every(({ status }) => status === 200));
        assert.equal(new Set(replies.map(({ text }) => text)).size, 1);
        assert.equal(await count(up), round + 1);
    }
});

test('a key of a different earlier request is refused', async (world) => {
    const up = await world.up();
    await up.http('POST', '/goods', with_key('k', pencil));
    const other = await up.http('POST', '/goods', with_key('k', { ...pencil, price: 2 }));
    assert.equal(other.status, 422);
    assert.equal(other.json.errorcode, 1);
    assert.equal(await count(up), 1);
});

test('members, purchases, changes and deletions accept keys', async (world) => {
    const up = await world.up();
    const { id } = (await up.http('POST', '/goods', { body: pencil })).json;
    const account = { username: 'ann', password: 'secret of ann' };
    const made = await up.http('POST', '/members', with_key('m', account));
    const again = await up.http('POST', '/members', with_key('m', account));
    assert.equal(again.text, made.text, 'the repetition is not refused as a duplicate name');
    assert.equal((await up.http('POST', '/members', { body: account })).status, 409);
    const { userid } = made.json;
    const purchase = { userid, goodsid: id, quantity: 2 };
    for (let n = 0; n < 5; ++n) {
        const response = await up.http('POST', '/purchases', with_key('p', purchase));
        assert.equal(response.status, 200, response.text);
    }
    const { results } = (await up.http('GET', `/purchases?userid=${userid}`)).json;
    assert.equal(results.length, 1);

    const changed = { ...pencil, price: 5 };
    const put = await up.http('PUT', `/goods/${id}`, with_key('u', changed));
    await up.http('PUT', `/goods/${id}`, { body: { ...pencil, price: 6 } });
    const put_again = await up.http('PUT', `/goods/${id}`, with_key('u', changed));
    assert.equal(put_again.text, put.text);
    const [row] = (await up.http('GET', `/goods/${id}`)).json.results;
    assert.equal(row.price, 6, 'the change is not executed again');
});

test('keys survive a restart and are accepted in packets', async (world) => {
    const up = await world.up();
    const client = await world.packets(up.port('goods'));
    const first = await client.request('POST', '/goods', pencil, { idem: 'packet-key' });
    const second = await client.request('POST', '/goods', pencil, { idem: 'packet-key' });
    assert.equal(first.errorcode, 0);
    assert.equal(second.id, first.id);
    const half = await client.request('POST', '/goods', pencil, { idem: '\ud800' });
    assert.notEqual(half.errorcode, 0, 'an unpaired surrogate is refused as a key');
    await up.stop('SIGINT');
    const later = await world.up();
    const third = await later.http('POST', '/goods', with_key('packet-key', pencil));
    assert.equal(third.json.id, first.id);
    assert.equal(await count(later), 1);
});

test('a key is honoured when a worker answers the hello late', async (world) => {
    const distributor = (await world.role('distributor')).port('distributor');
    const goods = await world.role('goods', { distributor });
    const [{ pid }] = goods.workers('goods');
    process.kill(pid, 'SIGSTOP');
    world.on_close(() => process.kill(pid, 'SIGCONT'));
    const gateway = await world.role('gateway', { distributor });
    // The gateway has connected and sent hello. It waits one second for the answer, so the pause
    // must be longer. Nothing shows that the second is over, and a request would end the
    // connection.
    await pause(1500);
    process.kill(pid, 'SIGCONT');
    const replies = [];
    for (let n = 0; n < 3; ++n) {
        const response = await until('the request succeeds', async () => {
            const each = await gateway.http('POST', '/goods', with_key('slow', pencil));
            return each.status === 200 && each;
        });
        replies.push(response.json.id);
    }
    assert.equal(new Set(replies).size, 1, `ids ${replies}`);
});
