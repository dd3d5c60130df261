// SPDX-License-Identifier: Apache-2.0
// In-place upgrades of the master under load keep its pid and its workers and fail no request. An
// upgrade to a program that cannot take over is refused and changes nothing.

import assert from 'node:assert/strict';
import fs from 'node:fs';

import { bad_build, installed_msd } from './harness/builds.mjs';
import { get_goods, load, post_goods, stored_goods } from './harness/load.mjs';
import { descriptors } from './harness/proc.mjs';
import { repeated } from './harness/scale.mjs';
import { serving } from './harness/serving.mjs';
import { test } from './harness/test.mjs';
import { until } from './harness/until.mjs';
import { msd_binary } from './harness/world.mjs';

const upgrade_timeout = { 'supervision.upgrade_timeout_ms': 1000 };

function mixed(expect) {
    return {
        fresh: get_goods({ mode: 'fresh', clients: 4, pause_ms: 5, expect }),
        kept: get_goods({ mode: 'kept', clients: 4, pause_ms: 5, expect }),
        posts: post_goods({ mode: 'kept', clients: 2, pause_ms: 20 }),
    };
}

const upgrade = (world, master) =>
    world.command(['ctl', 'upgrade', '--wait', '--runtime-dir', master.directory]);

async function all_pids(master) {
    const { pid, pools } = await master.status();
    return [pid, ...pools.flatMap(({ slots }) => slots.map((each) => each.pid))];
}

test('upgrades under load keep pid and workers and fail no request', { limit_ms: 280_000 },
    async (world, context) => {
        const at = new installed_msd(world);
        const { up, master, port, expect } = await serving(world, { binary: at.path });
        const pids = await all_pids(master);
        const held = descriptors(up.pid);
        const running = new load(world, port, mixed(expect));
        await running.answers(200);
        for (let n = 0; n < repeated(20, 120); ++n) {
            at.put(msd_binary); // a new file, as after an update
            const { code, log } = await upgrade(world, master);
            assert.equal(code, 0, log);
        }
        await running.answers(200);
        const seen = await running.stop();
        context.diagnostic(seen.text);
        seen.assert_clean();
        assert.deepEqual(await all_pids(master), pids);
        seen.assert_written('posts', await stored_goods(up));
        // The upgraded master supervises the workers: it replaces a killed worker and rolls all.
        const [victim] = await master.pids('goods');
        process.kill(victim, 'SIGKILL');
        await until('the worker is replaced', async () =>
            !(await master.pids('goods')).includes(victim));
        await master.roll();
        await until('all workers are replaced', async () =>
            (await all_pids(master)).filter((pid) => pids.includes(pid)).join() === `${up.pid}`);
        await until('no descriptor is leaked', () => descriptors(up.pid) <= held);
    });

test('an upgrade to an unusable program is refused and fails no request', async (world) => {
    const at = new installed_msd(world);
    const config = upgrade_timeout;
    const { master, port, expect } = await serving(world, { binary: at.path, config });
    const pids = await all_pids(master);
    const running = new load(world, port, mixed(expect));
    await running.answers(50);
    const bad = [
        () => at.put(bad_build('exits')),
        () => at.put(bad_build('hangs')),
        () => at.put('/bin/true'),
        () => at.write('no program\n'),
        () => at.write('x', 0o644),
        () => fs.rmSync(at.path),
    ];
    for (const put of bad) {
        put();
        const { code, output, log } = await upgrade(world, master);
        assert.equal(code, 1, `${put}: ${output}${log}`);
        assert.match(log, /refused: \S+/);
        assert.deepEqual(await all_pids(master), pids);
    }
    await running.answers(50);
    (await running.stop()).assert_clean();
});
