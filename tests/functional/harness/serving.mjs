// SPDX-License-Identifier: Apache-2.0
// The start of most supervision tests: `msd up` with one product, and its master.

import assert from 'node:assert/strict';

import { control } from './control.mjs';

const pencil = { name: 'pencil', category: 'first', price: 1.25, description: 'the one all read' };

/**
 * { up, master, port, expect }: the program, its control socket, the gateway's port, and the
 * expected body of GET /goods/1. Workers may be replaced. `config` is added to soak_ms = 0.
 */
export async function serving(world, { workers = 2, config = {}, ...options } = {}) {
    const all = { 'supervision.soak_ms': 0, ...config };
    const up = await world.up({ workers, config: all, ...options });
    up.expect_deaths();
    assert.equal((await up.http('POST', '/goods', { body: pencil })).json.id, 1);
    const expect = (await up.http('GET', '/goods/1')).text;
    return { up, master: new control(world.path('run'), up), port: up.port('gateway'), expect };
}
