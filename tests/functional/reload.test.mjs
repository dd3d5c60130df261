// SPDX-License-Identifier: Apache-2.0
// HUP with a valid new configuration: keys that can change at run time change under load without a
// failed request; keys that need a restart keep their values.

import assert from 'node:assert/strict';
import fs from 'node:fs';

import { get_goods, load, post_goods, stored_goods } from './harness/load.mjs';
import { serving } from './harness/serving.mjs';
import { test } from './harness/test.mjs';
import { until } from './harness/until.mjs';

const toml = (keys) =>
    Object.entries(keys).map(([key, value]) => `${key} = ${JSON.stringify(value)}\n`).join('');

test('HUP applies the keys that can change and fails no request', async (world) => {
    const before = {
        data_dir: world.path('data'),
        'supervision.soak_ms': 1000, // so the last worker is replaced long after the HUP
        'supervision.heartbeat_every_ms': 5000,
        'supervision.heartbeat_timeout_ms': 15_000,
    };
    // Flags override the file, so the directory is set in the file only.
    world.own_dirs = () => ['--runtime-dir', world.path('run')];
    const { up, master, port, expect } = await serving(world, { config: before });
    const file = world.path('1.toml');
    const workers = await master.pids('goods');
    const running = new load(world, port, {
        kept: get_goods({ mode: 'kept', clients: 4, pause_ms: 20, expect }),
        posts: post_goods({ mode: 'kept', clients: 2, pause_ms: 40 }),
    });
    await running.answers(50);

    const after = {
        ...before,
        data_dir: world.path('elsewhere'),
        'gateway.body_bytes_max': 2000,
        // Workers that are not replaced yet keep the old period and do not count as hung.
        'supervision.heartbeat_every_ms': 1000,
        'supervision.heartbeat_timeout_ms': 4000,
    };
    fs.writeFileSync(file, toml(after));
    up.signal('SIGHUP');
    await until('all workers are replaced', async () =>
        (await master.slots('goods')).every(({ pid }) => !workers.includes(pid)), 60_000);
    await master.pids('goods');
    await master.roll(); // after the roll in progress
    const seen = await running.stop();
    seen.assert_clean();
    seen.assert_written('posts', await stored_goods(up));

    const body = { name: 'n', category: 'c', price: 1, description: 'd'.repeat(3000) };
    assert.equal((await up.http('POST', '/goods', { body })).status, 413);
    assert.match(up.log, /needs a restart to take effect: data_dir/);
    assert.ok(!fs.existsSync(world.path('elsewhere')), 'no worker uses the new directory');
    const { pools } = await master.status();
    for (const { name, slots } of pools) {
        for (const { slot, restarts, last_exit } of slots) {
            assert.equal(restarts, 0, `${name}/${slot}: ${last_exit}`);
        }
    }

    up.signal('SIGHUP');
    const warnings = () => up.log.match(/needs a restart to take effect: data_dir/g).length;
    await until('the warning is logged again', () => warnings() === 2);
});
