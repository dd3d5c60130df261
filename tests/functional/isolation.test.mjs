// SPDX-License-Identifier: Apache-2.0
// A service without what it depends on answers what it can (README, "What depends on what"), and
// the others do not notice. cache_redis tests the same without Redis, mysql_store without a
// database, registry_outage without the registry.

import assert from 'node:assert/strict';

import { control } from './harness/control.mjs';
import { add_product } from './harness/ledger.mjs';
import { test } from './harness/test.mjs';

const readers = {
    goods: ['GET', '/goods/1'],
    members: ['POST', '/members/login', { username: 'ann', password: 'x' }],
    purchases: ['GET', '/purchases?userid=1'],
    stores: ['GET', '/stores?lat=0&lon=0&radius_m=1'],
    logs: ['POST', '/logs', { line: 'x' }],
};

test('a service that fails affects only what needs it', async (world) => {
    const up = await world.up({
        config: {
            'gateway.request_timeout_ms': 4000,
            'cache.memory_ttl_ms': 60_000, // a known price stays known
        },
    });
    const port = up.port('gateway');
    const known = await add_product(port);
    const unknown = await add_product(port);
    const ask = (method, target, body) => up.http(method, target, { body });
    const buy = (goodsid) => ask('POST', '/purchases', { userid: 1, goodsid, quantity: 1 });
    assert.equal((await ask('POST', '/members', { username: 'ann', password: 'x' })).status, 200);
    assert.equal((await buy(known)).status, 200);
    const master = new control(world.path('run'), up);
    const fault = (service, what) =>
        master.ask({ command: 'fault', do: 'add', service, for_ms: 3_600_000, ...what });
    const clear = () => master.ask({ command: 'fault', do: 'clear' });
    const served = async (but) => {
        for (const [name, [method, target, body]] of Object.entries(readers)) {
            const { status, text } = await ask(method, target, body);
            const usual = name === 'logs' ? 202 : 200;
            assert.equal(status, name === but ? 502 : usual, `${name}: ${text}`);
        }
    };

    await served();
    for (const name of ['goods', 'members', 'purchases', 'stores']) {
        await fault(name, { abort: true });
        await served(name);
        if (name === 'goods') {
            // What is bought needs a price, which purchases may know.
            assert.equal((await buy(known)).status, 200);
            const refused = await buy(unknown);
            assert.deepEqual([refused.status, refused.json.errormessage],
                [503, 'goods unavailable']);
        }
        await clear();
    }
    await fault('logs', { abort: true });
    assert.equal((await ask(...readers.logs)).status, 503);
    assert.equal((await ask(...readers.goods)).status, 200);
    await clear();

    // A service that hangs costs those that ask it a part of their time, and no one else anything.
    await fault('goods', { delay_ms: 600_000 });
    assert.equal((await ask(...readers.goods)).status, 504);
    assert.equal((await ask(...readers.purchases)).status, 200);
    assert.equal((await ask(...readers.members)).status, 200);
    assert.equal((await buy(known)).status, 200);
    assert.equal((await buy(unknown)).status, 503, 'before the gateway gives up');
    await clear();
    assert.equal((await buy(unknown)).status, 200);
    await served();
});
