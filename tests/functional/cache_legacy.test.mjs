// SPDX-License-Identifier: Apache-2.0
// A Redis server that msd shares with nodes of an existing deployment (cache.legacy_keys). The
// nodes of these tests act as existing nodes do: goods sets the key `<id>` to the product's JSON
// after adding the product and deletes the key after deleting the product; purchases gets the key
// `<id>` and refuses a purchase when there is none.

import assert from 'node:assert/strict';

import { http } from './harness/http_client.mjs';
import { redis_server } from './harness/redis.mjs';
import { scripted_service } from './harness/scripted.mjs';
import { test } from './harness/test.mjs';
import { until } from './harness/until.mjs';

const pencil = { name: '연필', category: 'office', price: 4.15, description: 'HB "soft"' };

/** A purchases node of an existing deployment. */
async function legacy_purchases(world, redis, distributor) {
    const bought = [];
    await scripted_service(world, {
        distributor,
        name: 'purchases',
        urls: ['POST/purchases'],
        on_request: async ({ params }, reply) => {
            const found = await redis.get(String(params.goodsid)).catch(() => null);
            if (found === null) {
                reply({ errorcode: 1, errormessage: 'Redis failure' });
                return;
            }
            bought.push({ goodsid: params.goodsid, product: JSON.parse(found) });
            reply();
        },
    });
    return bought;
}

/** A goods node of an existing deployment. */
async function legacy_goods(world, redis, distributor) {
    const rows = new Map();
    const node = await scripted_service(world, {
        distributor,
        name: 'goods',
        urls: ['GET/goods'],
        on_request: (_packet, reply) => {
            const results = [...rows].map(([id, fields]) => ({ id, ...fields }));
            reply(results.length > 0 ? { results } : { errorcode: 1, errormessage: 'no data' });
        },
    });
    return {
        asked: () => node.requests.length,
        set: async (id, fields) => {
            rows.set(id, fields);
            await redis.ask('SET', String(id), JSON.stringify(fields));
        },
        remove: async (id) => {
            rows.delete(id);
            await redis.ask('DEL', String(id));
        },
    };
}

test('an existing purchases node sells products of msd except deleted ones', async (world) => {
    const redis = await redis_server.start(world);
    const config = { 'cache.url': redis.url, 'cache.legacy_keys': true };
    const distributor = (await world.role('distributor')).port('distributor');
    const gateway = await world.role('gateway', { distributor });
    await world.role('goods', { distributor, workers: 2, config });
    const bought = await legacy_purchases(world, redis, distributor);
    const port = gateway.port('gateway');
    await world.routed(port, ['/goods']);
    const call = async (method, target, body) => {
        const reply = await http(port, method, target, { body });
        assert.equal(reply.status, 200, reply.text);
        return reply.json;
    };
    const buy = async (goodsid) =>
        (await call('POST', '/purchases', { userid: 1, goodsid })).errorcode;
    await until('the gateway routes to the existing node', async () =>
        (await http(port, 'POST', '/purchases', { body: { userid: 1, goodsid: 99 } })).json
            ?.errormessage === 'Redis failure');

    const { id } = await call('POST', '/goods', pencil);
    assert.equal(await buy(id), 0);
    assert.deepEqual(bought.at(-1), { goodsid: id, product: pencil });
    assert.equal(await redis.ask('TTL', String(id)), ':-1', 'the key does not expire');

    const dearer = { ...pencil, price: 5 };
    await call('PUT', `/goods/${id}`, dearer);
    assert.equal(await buy(id), 0);
    assert.deepEqual(bought.at(-1).product, dearer);

    await call('DELETE', `/goods/${id}`);
    assert.equal(await buy(id), 1);

    // Keys that could not be written are written as soon as Redis answers again.
    const { id: kept } = await call('POST', '/goods', pencil);
    const { id: gone } = await call('POST', '/goods', pencil);
    redis.freeze();
    await call('PUT', `/goods/${kept}`, dearer);
    await call('DELETE', `/goods/${gone}`);
    redis.thaw();
    await until('the deleted product is not sold any more', async () => (await buy(gone)) === 1);
    await until('the key has the new price', async () =>
        (await redis.get(String(kept))) === JSON.stringify(dearer));

    // After concurrent changes, the key equals the stored row.
    for (let round = 0; round < 5; ++round) {
        const prices = [1, 2, 3, 4, 5, 6].map((n) => round * 10 + n);
        const put = (price) => call('PUT', `/goods/${kept}`, { ...pencil, price });
        await Promise.all(prices.map(put));
        await until('the key equals the stored row', async () => {
            const { results: [{ id: _id, ...row }] } = await call('GET', `/goods/${kept}`);
            return (await redis.get(String(kept))) === JSON.stringify(row);
        });
    }
});

test('msd detects changes by an existing goods node when it reads the cache', async (world) => {
    const redis = await redis_server.start(world);
    const config = {
        'cache.url': redis.url,
        'cache.legacy_keys': true,
        'cache.memory_ttl_ms': 60_000,
        'cache.timeout_ms': 2000, // a busy machine answers late
    };
    const distributor = (await world.role('distributor')).port('distributor');
    const goods = await legacy_goods(world, redis, distributor);
    await goods.set(1, { ...pencil, price: 1 });
    const service = await world.role('purchases', { distributor, config });
    const client = await world.packets(service.port('purchases'));
    const buy = (goodsid) => client.request('POST', '/purchases', { userid: 1, goodsid });
    const prices = async () =>
        (await client.request('GET', '/purchases', { userid: 1 })).results.map((row) => row.price);
    await until('purchases reaches goods', async () => (await buy(1)).errorcode === 0);

    await until('a product in redis is not requested from goods again', async () => {
        const before = goods.asked();
        assert.equal((await buy(1)).errorcode, 0);
        return goods.asked() === before;
    });
    await goods.set(1, { ...pencil, price: 2 });
    assert.equal((await buy(1)).errorcode, 0);
    assert.equal((await prices()).at(-1), 2);

    assert.equal((await buy(2)).errormessage, 'unknown goods');
    await goods.set(2, { ...pencil, price: 7 });
    assert.equal((await buy(2)).errorcode, 0);
    assert.equal((await prices()).at(-1), 7);

    await goods.remove(1);
    assert.equal((await buy(1)).errormessage, 'unknown goods');

    await until('the other product is in redis', async () => {
        const before = goods.asked();
        assert.equal((await buy(2)).errorcode, 0);
        return goods.asked() === before;
    });
    await goods.remove(2);
    assert.equal((await buy(2)).errormessage, 'unknown goods');
});
