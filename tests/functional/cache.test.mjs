// SPDX-License-Identifier: Apache-2.0
// How long purchases caches products, and which nodes announce changes to it.

import assert from 'node:assert/strict';

import { http } from './harness/http_client.mjs';
import { scripted_service } from './harness/scripted.mjs';
import { test } from './harness/test.mjs';
import { until } from './harness/until.mjs';

const pencil = { name: 'pencil', category: 'c', price: 1, description: 'd' };
// Longer than any test: a price that changes earlier was announced.
const never_expires = { 'cache.memory_ttl_ms': 60_000, 'cache.negative_ttl_ms': 60_000 };

async function add(port, fields = {}) {
    const reply = await http(port, 'POST', '/goods', { body: { ...pencil, ...fields } });
    assert.equal(reply.status, 200, reply.text);
    return reply.json.id;
}

async function reprice(port, id, price) {
    const reply = await http(port, 'PUT', `/goods/${id}`, { body: { ...pencil, price } });
    assert.equal(reply.status, 200, reply.text);
}

function buy(port, userid, goodsid) {
    return http(port, 'POST', '/purchases', { body: { userid, goodsid } });
}

/** The prices that member `userid` paid, oldest first. */
async function paid(port, userid) {
    const { json } = await http(port, 'GET', `/purchases?userid=${userid}`);
    return (json.results ?? []).map(({ price }) => price);
}

let last_member = 0;

/** The prices of `count` concurrent purchases. */
async function prices_now(port, goodsid, count = 8) {
    const userid = ++last_member;
    const replies = await Promise.all(Array.from({ length: count }, () =>
        buy(port, userid, goodsid)));
    for (const { status, text } of replies) {
        assert.equal(status, 200, text);
    }
    return paid(port, userid);
}

/** Waits until every purchases worker uses `price`, which was announced: nothing expires. */
async function all_pay(port, goodsid, price) {
    await until(`every purchase is made at ${price}`, async () => {
        const prices = await prices_now(port, goodsid);
        return prices.every((each) => each === price);
    });
}

/**
 * Adds a product and waits until its changes are announced to every purchases worker: each of them
 * is then connected to each goods worker.
 */
async function announced_product(port) {
    const id = await add(port);
    let price = 1;
    let in_a_row = 0;
    await until('five changes in a row reach all workers', async () => {
        await prices_now(port, id);
        await reprice(port, id, ++price);
        const prices = await prices_now(port, id);
        in_a_row = prices.every((each) => each === price) ? in_a_row + 1 : 0;
        return in_a_row === 5;
    });
    return id;
}

test('a change is announced only to peers that asked for announcements', async (world) => {
    const up = await world.up();
    const hello = (more) => ({ hello: { proto: 2, name: 'test', worker: 0, ...more } });
    const subscribed = await world.packets(up.port('goods'));
    const plain = await world.packets(up.port('goods'));
    const foreign = await world.packets(up.port('goods'));
    subscribed.send(hello({ changes: true }));
    plain.send(hello({}));
    for (const client of [subscribed, plain, foreign]) {
        assert.equal((await client.request('GET', '/goods')).errorcode, 1);
    }
    const id = await add(up.port('gateway'));
    const announced = (client) => client.packets.filter(({ changed }) => changed);
    await until('the change is announced', () => announced(subscribed).length === 1);
    const changed = { what: 'goods', ids: [id], untold: true }; // there is no shared cache
    assert.deepEqual(announced(subscribed), [{ changed }]);
    // The peer that makes the change gets the announcement before the reply.
    const made = await subscribed.request('PUT', '/goods', { id, ...pencil });
    assert.equal(made.errorcode, 0);
    assert.equal(announced(subscribed).length, 2);
    await subscribed.request('PUT', '/goods', { id: id + 1, ...pencil });
    assert.equal(announced(subscribed).length, 2, 'no product was changed');
    await subscribed.request('DELETE', '/goods', { id });
    assert.equal(announced(subscribed).length, 3);
    for (const client of [plain, foreign]) {
        await client.request('GET', '/goods');
        assert.deepEqual(announced(client), []);
    }
});

test('malformed announcements of changes are ignored', async (world) => {
    const distributor = (await world.role('distributor')).port('distributor');
    const gateway = await world.role('gateway', { distributor });
    const purchases = await world.role('purchases', { distributor });
    // A service that claims to be msd and sends malformed announcements before each reply.
    const lies = ['{"changed":{}}', '{"changed":{"what":"goods","ids":["x"]}}',
        '{"changed":{"what":"members","ids":[7]}}', '{"changed":{"what":"goods","ids":[]}}'];
    await scripted_service(world, {
        distributor,
        name: 'goods',
        urls: ['GET/goods'],
        extra: { proto: 2 },
        on_request: (packet, reply, socket) => {
            if (packet.hello) {
                socket.write('{"hello":{"slot":0,"workers":1,"generation":1}}¶');
                return;
            }
            socket.write(lies.map((lie) => `${lie}¶`).join(''));
            reply({ status: 200, results: [{ id: packet.params?.id, price: 5 }] });
        },
    });
    const port = gateway.port('gateway');
    await world.routed(port, ['/goods', '/purchases']);
    assert.deepEqual(await prices_now(port, 7), Array(8).fill(5));
    assert.deepEqual(await prices_now(port, 8), Array(8).fill(5));
    purchases.assert_same_workers();
});

test('all workers use a new price as soon as the change is acknowledged', async (world) => {
    const up = await world.up({ workers: 2, config: never_expires });
    const port = up.port('gateway');
    const id = await announced_product(port);
    for (const price of [8.25, 899999999999999.9, 0.0001, 3]) {
        await reprice(port, id, price);
        await all_pay(port, id, price);
    }
    await http(port, 'DELETE', `/goods/${id}`);
    await until('no worker sells the deleted product', async () => {
        const replies = await Promise.all(Array.from({ length: 8 }, () => buy(port, 1, id)));
        return replies.every(({ status }) => status === 422);
    });
});

test('a product that was looked up too early can be bought once it is added', async (world) => {
    const up = await world.up({ workers: 2, config: never_expires });
    const port = up.port('gateway');
    const next = await announced_product(port) + 1;
    await Promise.all(Array.from({ length: 16 }, async () => {
        const reply = await buy(port, 1, next);
        assert.equal(reply.status, 422, reply.text);
    }));
    assert.equal(await add(port, { price: 2.5 }), next);
    await until('the product can be bought through every worker', async () => {
        const replies = await Promise.all(Array.from({ length: 8 }, () => buy(port, 2, next)));
        return replies.every(({ status }) => status === 200);
    });
});

test('while goods hangs, cached products can be bought and others get 503', async (world) => {
    const up = await world.up({ config: never_expires });
    const port = up.port('gateway');
    const id = await announced_product(port);
    const other = await add(port);
    const hung = up.workers('goods').map(({ pid }) => pid);
    hung.forEach((pid) => process.kill(pid, 'SIGSTOP'));
    world.on_close(() => hung.forEach((pid) => process.kill(pid, 'SIGCONT')));
    const userid = ++last_member;
    const waiting = buy(port, userid, other);
    for (let n = 0; n < 20; ++n) {
        const reply = await buy(port, userid, id);
        assert.equal(reply.status, 200, reply.text);
        const list = await http(port, 'GET', `/purchases?userid=${userid}`);
        assert.equal(list.status, 200, list.text);
    }
    const refused = await waiting;
    assert.equal(refused.status, 503, refused.text);
    assert.equal(refused.json.errormessage, 'goods unavailable');
    assert.equal((await paid(port, userid)).length, 20, 'the refused purchase is not stored');
    hung.forEach((pid) => process.kill(pid, 'SIGCONT'));
    await until('the other product can be bought', async () =>
        (await buy(port, 1, other)).status === 200);
});

test('a price of a foreign goods service is cached for memory_ttl_ms at most', async (world) => {
    const distributor = (await world.role('distributor')).port('distributor');
    const gateway = await world.role('gateway', { distributor });
    const ttl = 1000;
    await world.role('purchases', { distributor, config: { 'cache.memory_ttl_ms': ttl } });
    let price = 1;
    const goods = await scripted_service(world, {
        distributor,
        name: 'goods',
        urls: ['GET/goods'],
        on_request: (_packet, reply) => reply({ results: [{ id: 7, price }, { id: 8 }] }),
    });
    const port = gateway.port('gateway');
    await world.routed(port, ['/goods', '/purchases']);
    let stale = 0;
    for (price = 2; price < 5; ++price) {
        const changed = performance.now();
        for (;;) {
            const begun = performance.now();
            const prices = new Set(await prices_now(port, 7, 4));
            if (prices.size === 1 && prices.has(price)) {
                break;
            }
            stale += 1;
            assert.ok(begun - changed <= ttl, `${[...prices]} used after ${begun - changed} ms`);
        }
    }
    assert.ok(stale > 0, 'the price was cached');
    const asked = goods.requests.length;
    await prices_now(port, 7, 50);
    assert.ok(goods.requests.length - asked < 10, 'one request to goods serves several purchases');
    const unknown = await buy(port, 1, 9);
    assert.equal(unknown.status, 422, unknown.text);
});

test('msd ctl status shows the figures of the cache', async (world) => {
    const up = await world.up({ config: never_expires });
    const port = up.port('gateway');
    const id = await announced_product(port);
    await prices_now(port, id, 20);
    await until('the figures are shown', async () => {
        const shown = await world.command(['ctl', 'status', '--json', ...world.own_dirs()]);
        const [instance] = JSON.parse(shown.output).instances;
        const { slots } = instance.pools.find(({ name }) => name === 'purchases');
        const { goods } = slots[0].stats;
        return goods.memory.hits >= 20 && goods.asked >= 1 && goods.changes >= 1 &&
            goods.memory.entries >= 1;
    });
});
