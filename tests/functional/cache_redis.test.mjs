// SPDX-License-Identifier: Apache-2.0
// The shared cache of products while Redis is down, hangs, is flushed, is full or holds invalid
// entries: purchases succeed, and no worker uses an old price longer than cache.memory_ttl_ms.

import assert from 'node:assert/strict';

import { control } from './harness/control.mjs';
import { http } from './harness/http_client.mjs';
import { redis_server } from './harness/redis.mjs';
import { test } from './harness/test.mjs';
import { pause, until } from './harness/until.mjs';

const pencil = { name: 'pencil', category: 'c', price: 1, description: 'd' };

async function add(port, fields = {}) {
    const reply = await http(port, 'POST', '/goods', { body: { ...pencil, ...fields } });
    assert.equal(reply.status, 200, reply.text);
    return reply.json.id;
}

function buy(port, userid, goodsid) {
    return http(port, 'POST', '/purchases', { body: { userid, goodsid } });
}

async function purchases_figures(world) {
    const shown = await world.command(['ctl', 'status', '--json', ...world.own_dirs()]);
    const [instance] = JSON.parse(shown.output).instances;
    return instance.pools.find(({ name }) => name === 'purchases').slots
        .map(({ stats }) => stats?.goods?.cache);
}

/** The successive prices of one product, and the time at which each of them was replaced. */
class price_list {
    constructor(port, id) {
        this.port = port;
        this.id = id;
        this.over = []; // at price: a time by which that price had certainly been replaced
        this.last = 1;
        this.sent = 0; // changes whose request was sent
    }

    // A change whose request failed may have been stored: the price that is stored then counts.
    async change() {
        const price = this.last + 1;
        const body = { ...pencil, price };
        const put_sent = http(this.port, 'PUT', `/goods/${this.id}`, { body });
        this.sent += 1;
        const put = await put_sent;
        let seen = put.status === 200 ? price : 0;
        if (seen === 0) {
            const got = await http(this.port, 'GET', `/goods/${this.id}`);
            seen = got.status === 200 ? got.json.results[0].price : 0;
        }
        if (seen === price) {
            for (let each = this.last; each >= 1 && this.over[each] === undefined; --each) {
                this.over[each] = performance.now();
            }
            this.last = price;
        }
    }
}

/** Buys until `is_over()`; records failures and the time at which each purchase began. */
async function buyer(port, userid, list, seen, is_over) {
    while (!is_over()) {
        const begun = performance.now();
        const reply = await buy(port, userid, list.id);
        if (reply.status === 200) {
            seen.begun.set(reply.json.id, begun);
            seen.last_begun.set(userid, begun);
        } else {
            seen.failed.push(`${reply.status} ${reply.text}`);
        }
        seen.slowest = Math.max(seen.slowest, performance.now() - begun);
    }
}

async function paid(port, userid) {
    const found = [];
    for (let after = 0; ;) {
        const { json } = await http(port, 'GET', `/purchases?userid=${userid}&after=${after}`);
        found.push(...(json.results ?? []));
        if (json.next === undefined) {
            return found;
        }
        after = json.next;
    }
}

/**
 * Runs `disturb` while four members buy and the price changes; then checks every purchase.
 * `disturb(list, expired)`: `expired()` waits until the price has changed and each member has made
 * a purchase that began more than `ttl` after that change. A worker that uses the old price for
 * too long has sold at that price by then.
 */
async function under_load(port, ttl, disturb) {
    const list = new price_list(port, await add(port));
    const members = [1, 2, 3, 4];
    const last_begun = new Map(members.map((userid) => [userid, 0]));
    const seen = { begun: new Map(), last_begun, failed: [], slowest: 0 };
    let is_over = false;
    const expired = async () => {
        const price = list.last;
        await until(`price ${price} has expired in every worker`, () =>
            list.over[price] !== undefined &&
            Math.min(...last_begun.values()) > list.over[price] + ttl);
    };
    // The pause leaves time for purchases at each price.
    const changing = (async () => {
        while (!is_over) {
            await list.change();
            await pause(60);
        }
    })();
    const buying = members.map((userid) =>
        buyer(port, userid, list, seen, () => is_over));
    try {
        await disturb(list, expired);
    } finally {
        is_over = true;
        await Promise.all([changing, ...buying]);
    }
    const bought = (await Promise.all(members.map((userid) => paid(port, userid)))).flat();
    assert.equal(new Set(bought.map(({ id }) => id)).size, bought.length);
    let checked = 0;
    for (const { id, price } of bought) {
        const begun = seen.begun.get(id);
        if (begun !== undefined && list.over[price] !== undefined) {
            const late = begun - list.over[price];
            assert.ok(late <= ttl,
                `price ${price} was used ${late.toFixed()} ms after it was replaced`);
            checked += 1;
        }
    }
    assert.ok(list.last > 10, `${list.last} prices`);
    assert.ok(checked > 100, `${checked} purchases checked`);
    return { ...seen, count: seen.begun.size };
}

/** Waits until the workers read from Redis, `count` times after this call. */
async function is_read(redis, count = 10) {
    const before = await redis.calls('get');
    await until('redis is read again', async () => await redis.calls('get') >= before + count);
}

test('purchases succeed at current prices while redis fails in any way', async (world) => {
    const redis = await redis_server.start(world);
    const ttl = 200;
    const up = await world.up({
        workers: 2,
        config: { 'cache.url': redis.url, 'cache.memory_ttl_ms': ttl },
    });
    const port = up.port('gateway');
    const seen = await under_load(port, ttl, async (list, expired) => {
        const key = `msd:goods:${list.id}`;
        for (let round = 0; round < 3; ++round) {
            await is_read(redis);
            redis.freeze();
            await expired();
            redis.thaw();
            await is_read(redis); // prices that were replaced meanwhile have expired
            await redis.ask('FLUSHALL');
            await redis.ask('SET', key, '={"id":');
            await redis.ask('CONFIG', 'SET', 'maxmemory', '1');
            await expired();
            await redis.ask('CONFIG', 'SET', 'maxmemory', '0');
            await redis.ask('DEL', key);
            await redis.ask('LPUSH', key, 'not ours');
            await expired();
            await redis.kill();
            await expired();
            await redis.start();
        }
        await is_read(redis);
        await expired();
    });
    assert.deepEqual(seen.failed, []);
    await until('all workers use redis again', async () =>
        (await purchases_figures(world)).every(({ usable, untold }) => usable && untold === 0));
    const lost = up.log.match(/cache: .*not answer in time/g) ?? [];
    assert.ok(lost.length <= 3 * 4, 'each worker logs an outage once, not for each request');
});

test('killing goods workers during price changes leaves no old price in the cache',
    async (world) => {
        const redis = await redis_server.start(world);
        const ttl = 200;
        const config = {
            'cache.url': redis.url,
            'cache.memory_ttl_ms': ttl,
            'supervision.early_ms': 1, // a killed worker is replaced without back-off
        };
        const up = await world.up({ workers: 2, config });
        up.expect_deaths();
        const port = up.port('gateway');
        const master = new control(world.path('run'), up);
        await under_load(port, ttl, async (list, expired) => {
            for (let round = 0; round < 15; ++round) {
                const pids = await master.pids('goods');
                const { sent } = list;
                await until('the next price change is sent', () => list.sent > sent);
                // Spreads the kills over the stages of the change.
                await pause(round % 5);
                process.kill(pids[round % 2], 'SIGKILL');
                if (round % 3 === 2) {
                    await expired();
                }
            }
        });
    });

test('while goods hangs, products in redis can be bought', async (world) => {
    const redis = await redis_server.start(world);
    const up = await world.up({
        config: { 'cache.url': redis.url, 'cache.memory_ttl_ms': 0, 'cache.timeout_ms': 2000 },
    });
    const port = up.port('gateway');
    const id = await add(port, { price: 899999999999999.9 });
    const other = await add(port);
    // The creation of the product left a tombstone, which would live for ten seconds.
    assert.equal(await redis.ask('DEL', `msd:goods:${id}`), ':1');
    await until('the product is in redis', async () => {
        assert.equal((await buy(port, 1, id)).status, 200);
        const length = await redis.ask('STRLEN', `msd:goods:${id}`); // of a tombstone: 1
        return Number(length.slice(1)) > 1;
    });
    const hung = up.workers('goods').map(({ pid }) => pid);
    const wake = () => hung.forEach((pid) => process.kill(pid, 'SIGCONT'));
    hung.forEach((pid) => process.kill(pid, 'SIGSTOP'));
    world.on_close(wake);
    const refused = buy(port, 3, other);
    for (let n = 0; n < 20; ++n) {
        const reply = await buy(port, 2, id);
        assert.equal(reply.status, 200, reply.text);
    }
    const prices = (await paid(port, 2)).map(({ price }) => price);
    assert.deepEqual(prices, Array(20).fill(899999999999999.9));
    assert.equal((await refused).status, 503);
    redis.freeze();
    assert.equal((await buy(port, 2, id)).status, 503, 'neither redis nor goods answers');
    redis.thaw();
    await until('the product in redis can be bought again', async () =>
        (await buy(port, 2, id)).status === 200);
    wake();
    await until('the other product can be bought', async () =>
        (await buy(port, 3, other)).status === 200);
    await until('the purchases worker counts hits, timeouts and failures', async () => {
        const [figures] = await purchases_figures(world);
        return figures.hits >= 20 && figures.timeouts >= 1 && figures.failures >= 1;
    });
});

test('msd starts and purchases succeed while the configured redis is down', async (world) => {
    const redis = await redis_server.start(world);
    await redis.kill();
    const up = await world.up({ config: { 'cache.url': redis.url } });
    const port = up.port('gateway');
    const id = await add(port);
    for (let n = 0; n < 20; ++n) {
        assert.equal((await buy(port, 1, id)).status, 200);
    }
    const put = await http(port, 'PUT', `/goods/${id}`, { body: { ...pencil, price: 2 } });
    assert.equal(put.status, 200, put.text);
    await redis.start();
    await until('purchases connects to redis', async () =>
        (await purchases_figures(world))[0].usable);
});

test('redis is not read while a foreign instance of goods is listed', async (world) => {
    const redis = await redis_server.start(world);
    const distributor = (await world.role('distributor')).port('distributor');
    const gateway = await world.role('gateway', { distributor });
    const config = { 'cache.url': redis.url, 'cache.memory_ttl_ms': 0 };
    await world.role('purchases', { distributor, config });
    await world.foreign('goods', { distributor });
    const port = gateway.port('gateway');
    await world.routed(port, ['/goods', '/purchases']);
    await redis.ask('SET', 'msd:goods:1', '={"id":1,"price":77}');
    const made = await http(port, 'POST', '/goods', { body: { ...pencil, price: 3 } });
    assert.equal(made.status, 200, made.text);
    assert.equal((await buy(port, 1, 1)).status, 200);
    assert.equal((await paid(port, 1))[0].price, 3);
    assert.equal(await redis.ask('GET', 'msd:goods:1'), '$20', 'purchases does not write either');
});
