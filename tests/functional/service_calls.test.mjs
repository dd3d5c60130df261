// SPDX-License-Identifier: Apache-2.0
// Calls of a service to another one: the policies of [upstream.NAME] apply to them.

import assert from 'node:assert/strict';
import fs from 'node:fs';

import { scripted_service } from './harness/scripted.mjs';
import { test } from './harness/test.mjs';
import { until } from './harness/until.mjs';

test('the policies apply to the calls of a service to another one, also live', async (world) => {
    const distributor = (await world.role('distributor')).port('distributor');
    const file = world.path('calls.toml');
    const allow = (tries) =>
        fs.writeFileSync(file, `[upstream.goods]\nretry = { tries = ${tries} }\n`);
    allow(0);
    let asked = 0;
    for (let instance = 0; instance < 2; ++instance) {
        await scripted_service(world, {
            distributor, name: 'goods', urls: ['GET/goods'], extra: { proto: 2 },
            on_request: (packet, reply, socket) => {
                if (packet.hello) {
                    socket.write('{"hello":{"slot":0,"workers":1,"generation":1}}¶');
                } else if (packet.uri === '/goods') {
                    ++asked;
                    reply({ status: 503, errorcode: 503, errormessage: 'busy' });
                } else {
                    reply();
                }
            },
        });
    }
    const purchases = await world.role('purchases', { distributor, args: ['--config', file] });
    const port = purchases.port('purchases');
    const client = await world.packets(port);
    const buys = async () => {
        const before = asked;
        const params = { userid: 1, goodsid: 1, quantity: 1 };
        assert.notEqual((await client.request('POST', '/purchases', params)).errorcode, 0);
        return asked - before;
    };
    await until('the instances are known', async () => (await buys()) > 0);
    assert.equal(await buys(), 1);
    allow(1);
    const instance = ['--runtime-dir', world.path('run'), '-i', `purchases-${port}`];
    assert.equal((await world.command(['ctl', ...instance, 'reload'])).code, 0);
    assert.equal(await buys(), 2);
});
