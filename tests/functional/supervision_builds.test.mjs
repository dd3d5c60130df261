// SPDX-License-Identifier: Apache-2.0
// Rolls to unusable builds are aborted with the reason and affect no request. The master uses
// little processor time while all workers crash repeatedly.

import assert from 'node:assert/strict';
import fs from 'node:fs';

import { bad_build, installed_msd } from './harness/builds.mjs';
import { control } from './harness/control.mjs';
import { get_goods, load } from './harness/load.mjs';
import { cpu_ms, waits } from './harness/proc.mjs';
import { full, sanitized, scaled } from './harness/scale.mjs';
import { serving } from './harness/serving.mjs';
import { test } from './harness/test.mjs';
import { pause, until } from './harness/until.mjs';
import { msd_binary } from './harness/world.mjs';

const start_limit_ms = sanitized ? 5000 : 1000; // all workers start at once

const bad_builds = [
    ['exits at start', 'exits', /gateway\/0: exit code 3/],
    ['never gets READY', 'hangs', new RegExp(`gateway/0: not ready after ${start_limit_ms} ms`)],
    ['dies in its soak', 'dies', /gateway\/0: ended after it was ready: exit code 3/],
];
const unusable_files = [
    ['a text', (at) => at.write('no program\n'), /cannot execute/],
    ['an empty file', (at) => at.write(''), /cannot execute/],
    ['a file that must not be executed', (at) => at.write('x', 0o644), /cannot execute/],
    ['nothing', (at) => fs.rmSync(at.path), /No such file/],
];

/** Asserts that `msd ctl roll --wait gateway` fails with `reason` and replaces no worker. */
async function assert_refused(world, master, reason) {
    const before = await master.pids('gateway');
    const at = ['--runtime-dir', master.directory];
    const { code, output, log } = await world.command(['ctl', 'roll', 'gateway', '--wait', ...at]);
    assert.equal(code, 1, output + log);
    assert.match(log, reason);
    assert.deepEqual(await master.pids('gateway'), before);
    const { roll } = await master.status();
    assert.equal(roll.state, 'aborted');
    assert.match(roll.reason, reason);
}

test('a roll to an unusable build is aborted and fails no request', async (world) => {
    const at = new installed_msd(world);
    const config = {
        'supervision.soak_ms': 60_000,
        'supervision.start_timeout_ms': start_limit_ms,
    };
    const { master, port, expect } = await serving(world, { binary: at.path, config });
    const running = new load(world, port, {
        fresh: get_goods({ mode: 'fresh', clients: 2, pause_ms: 10, expect }),
        kept: get_goods({ mode: 'kept', clients: 2, pause_ms: 10, expect }),
    });
    for (const [, fault, reason] of bad_builds) {
        at.put(bad_build(fault));
        await assert_refused(world, master, reason);
    }
    for (const [, put, reason] of unusable_files) {
        put(at);
        await assert_refused(world, master, reason);
    }
    // A killed worker is replaced from the running build, not from the file on the disk.
    const [first] = await master.pids('gateway');
    process.kill(first, 'SIGKILL');
    await until('the worker is replaced', async () =>
        !(await master.pids('gateway')).includes(first));
    const seen = await running.stop();
    const ends = seen.failures.filter(({ kind }) => kind !== 'reset' && kind !== 'unanswered');
    assert.deepEqual(ends, [], 'only connections of the killed worker fail');
    assert.ok(seen.failed <= 4, seen.text);
});

test('a roll uses the current target of the link that msd was started through', async (world) => {
    const release = (number) => world.path('releases', String(number));
    const current = world.path('current');
    for (const number of [1, 2]) {
        fs.mkdirSync(release(number), { recursive: true });
        fs.copyFileSync(msd_binary, `${release(number)}/msd`);
    }
    fs.symlinkSync(release(1), current);
    const distributor = await world.role('distributor', {
        config: { 'supervision.soak_ms': 0 },
        through: ['sh', '-c', 'cd "$0" && shift && exec ./msd "$@"', current],
    });
    distributor.expect_deaths();
    const master = new control(world.path('run'), distributor);
    assert.equal((await master.status()).program, `${current}/msd`);
    fs.symlinkSync(release(2), `${current}.new`);
    fs.renameSync(`${current}.new`, current);
    await master.roll();
    const [pid] = await master.pids('distributor');
    assert.equal(fs.readlinkSync(`/proc/${pid}/exe`), `${release(2)}/msd`);
    const { build } = (await master.slots('distributor'))[0];
    const news = `roll 1 done: the workers run version ${build} of ` +
        `${current}/msd (${release(2)}/msd)\n`;
    await until(news, () => distributor.log.includes(news));
});

const minutes = { limit_ms: 150_000 };

test('workers in a crash loop cost the master little time', minutes, async (world, context) => {
    // A tenth of the default back-off: six seconds show what otherwise takes a minute.
    const tenth = {
        'supervision.backoff_first_ms': 10,
        'supervision.backoff_max_ms': 3000,
    };
    const at = new installed_msd(world);
    const config = { 'supervision.soak_ms': 0, ...(full ? {} : tenth) };
    const gateway = await world.role('gateway', {
        workers: 4, config, binary: at.path, distributor: 1,
    });
    gateway.expect_deaths();
    const master = new control(world.path('run'), gateway);
    at.put(bad_build('dies'));
    await master.ask({ command: 'roll' });
    const restarts = async () =>
        (await master.slots('gateway')).reduce((sum, each) => sum + (each.restarts ?? 0), 0);
    await until('all workers run the bad build', async () => {
        const { pools: [pool], roll } = await master.status();
        return roll.state !== 'rolling' && pool.slots.every(({ last_exit }) => last_exit !== null);
    });
    const before = {
        spawns: await restarts(), cpu: cpu_ms(gateway.pid), waits: waits(gateway.pid),
    };
    await pause(scaled(6000, 60_000));
    const total = await restarts();
    const spawns = total - before.spawns;
    const used = cpu_ms(gateway.pid) - before.cpu;
    const waited = waits(gateway.pid) - before.waits;
    context.diagnostic(`${spawns} workers started, master: ${used} ms of the processor, ` +
        `woken up ${waited} times`);
    assert.ok(total > 4, `${total} workers started`); // some during the roll
    assert.ok(spawns <= 44, `${spawns} workers started`);
    // The master wakes up for READY, for the end of a worker and for the next start.
    assert.ok(waited <= 10 * spawns + 100, `woken up ${waited} times for ${spawns} workers`);
    // Other processes on the machine do not increase the processor time of the master.
    assert.ok(used <= 600, `${used} ms: more than 1 % of a minute`);
    assert.equal((await master.status()).state, 'degraded');
    // With a good build the instance becomes ready again.
    at.put(msd_binary);
    await master.roll();
    assert.equal((await master.status()).state, 'ready');
});
