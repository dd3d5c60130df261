// SPDX-License-Identifier: Apache-2.0
// `scripts/soak hostile`: every attack of harness/attacks.mjs, in random order and up to three at
// once, on one `msd up` that serves clients. No process is lost, no request of another client
// fails, and the memory of every process stays within the MemoryMax of its unit. ctest does not run
// this: each attack has a test of its own.
//
//   MSD_TEST_HOSTILE_S   duration in seconds, default 3600
//   MSD_TEST_SEED        chooses order and combinations; a run prints it

import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';

import { attacks } from './harness/attacks.mjs';
import { chosen_below, chosen_of } from './harness/chance.mjs';
import { get_goods, load, post_goods, post_purchases } from './harness/load.mjs';
import { children, private_bytes } from './harness/proc.mjs';
import { test } from './harness/test.mjs';
import { until } from './harness/until.mjs';
import { repository, roles } from './harness/world.mjs';

const duration_s = Number(process.env.MSD_TEST_HOSTILE_S ?? 3600);
const attack_s = Math.min(10, duration_s / 4);
const at_once_max = 3;
const mebibyte = 2 ** 20;
const unit_of = { distributor: 'msd-distributor', gateway: 'msd-gateway' };

/** The bytes of MemoryMax= of the unit of a role. */
function budget_of(role) {
    const unit = path.join(repository, 'systemd', `${unit_of[role] ?? 'msd-service@'}.service`);
    const [, number, suffix] = /^MemoryMax=(\d+)([MG])$/m.exec(fs.readFileSync(unit, 'utf8')) ??
        [undefined, 512, 'M'];
    return Number(number) * (suffix === 'G' ? 1024 : 1) * mebibyte;
}

/** The largest private memory of each pool, in bytes, sampled until stop(). */
function watch_memory(up) {
    const most = new Map();
    const note = (name, bytes) => most.set(name, Math.max(most.get(name) ?? 0, bytes));
    const look = () => {
        note('master', private_bytes(up.pid));
        for (const { pid, pool } of up.workers()) {
            note(pool, private_bytes(pid));
        }
    };
    const timer = setInterval(look, 500);
    return { most, stop: () => clearInterval(timer) };
}

function chosen_attacks() {
    const names = Object.keys(attacks);
    const count = 1 + chosen_below(at_once_max);
    return [...new Set(Array.from({ length: count }, () => chosen_of(names)))];
}

const limit_ms = (duration_s + 300) * 1000;

test(`msd serves its clients during ${duration_s} s of attacks`, { limit_ms },
    async (world) => {
        const up = await world.up({ workers: 2 });
        const gateway = up.port('gateway');
        for (const [target, body] of [
            ['/goods', { name: 'pencil', category: 'c', price: 1, description: 'd' }],
            ['/members', { username: 'owner', password: 'secret' }],
        ]) {
            const made = await up.http('POST', target, { body });
            assert.equal(made.status, 200, made.text);
        }
        const processes = children(up.pid).sort();
        const target = { ports: Object.fromEntries(roles.map((role) => [role, up.port(role)])) };
        const memory = watch_memory(up);
        world.on_close(memory.stop);
        const clients = new load(world, gateway, {
            reads: get_goods({ clients: 8, pause_ms: 5 }),
            writes: post_goods({ clients: 2, pause_ms: 20 }),
            purchases: post_purchases({ clients: 2, pause_ms: 20 }),
        });
        const began = performance.now();
        const elapsed_s = () => (performance.now() - began) / 1000;
        for (let round = 1; elapsed_s() < duration_s; ++round) {
            const names = chosen_attacks();
            clients.phase(`${round}`);
            process.stderr.write(`${Math.round(elapsed_s())} s: ${names.join(', ')}\n`);
            await Promise.all(names.map((name) => attacks[name](target, { seconds: attack_s })));
            await until(`msd answers after ${names.join(', ')}`, async () =>
                (await up.http('GET', '/goods/1')).status === 200);
            assert.deepEqual(children(up.pid).sort(), processes, `lost after ${names.join(', ')}`);
            (await clients.look()).assert_clean();
        }
        const report = await clients.stop();
        process.stderr.write(`${report.text}\n`);
        report.assert_clean();
        memory.stop();
        for (const [pool, bytes] of memory.most) {
            const most = pool === 'master' ? 16 * mebibyte : budget_of(pool);
            process.stderr.write(`${pool}: at most ${(bytes / mebibyte).toFixed(1)} MiB\n`);
            assert.ok(bytes <= most, `${pool} used ${bytes} bytes, ${most} are documented`);
        }
    });
