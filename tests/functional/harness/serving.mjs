// SPDX-License-Identifier: Apache-2.0
// What most tests of supervision begin with: `msd up` that has something to answer, and its master.

import assert from 'node:assert/strict';

import { control } from './control.mjs';

const pencil = { name: 'pencil', category: 'first', price: 1.25, description: 'the one all read' };

/**
 * { up, master, port, expect }: the program, its control socket, the gateway's port, and the body
 * that GET /goods/1 has to have. Workers may come and go. `config` is added to a soak of 0.
 */
export async function serving(world, { workers = 2, config = {}, ...options } = {}) {
    const all = { 'supervision.soak_ms': 0, ...config };
    const up = await world.up({ workers, config: all, ...options });
    up.expect_deaths();
    assert.equal((await up.http('POST', '/goods', { body: pencil })).json.id, 1);
    const expect = (await up.http('GET', '/goods/1')).text;
    return { up, master: new control(world.path('run'), up), port: up.port('gateway'), expect };
}
