// SPDX-License-Identifier: Apache-2.0
// Private memory of a release build, at rest and per idle connection. The tests are skipped for
// other builds, whose figures mean nothing.

import assert from 'node:assert/strict';
import fs from 'node:fs';

import { private_bytes } from './harness/proc.mjs';
import { sanitized } from './harness/scale.mjs';
import { test } from './harness/test.mjs';

const kib = 1024;

async function is_release(world, context) {
    const { output } = await world.command(['version']);
    const release = /Release|RelWithDebInfo/.test(output) && !sanitized;
    if (!release) {
        context.skip(`not a release build: ${output.trim().split('\n').at(-1)}`);
    }
    return release;
}

async function hold(world, port, count) {
    const held = [];
    while (held.length < count) {
        const batch = Array.from({ length: 50 }, () => world.connection(port));
        held.push(...(await Promise.all(batch)));
    }
    const asked = held.map((connection) => connection.request('GET', '/goods'));
    const replies = await Promise.all(asked);
    assert.ok(replies.every(({ status }) => status === 200));
    return held;
}

test('an idle kept-alive connection costs at most 8 KiB', async (world, context) => {
    if (!(await is_release(world, context))) {
        return;
    }
    const up = await world.up();
    const port = up.port('gateway');
    const [{ pid }] = up.workers('gateway');
    // The first connections allocate memory once; it is not counted per connection.
    (await hold(world, port, 50)).forEach((connection) => connection.close());
    const before = private_bytes(pid);
    const held = await hold(world, port, 1000);
    const each = (private_bytes(pid) - before) / held.length;
    context.diagnostic(`${Math.round(each)} bytes a connection`);
    assert.ok(each <= 8 * kib, `${Math.round(each)} bytes`);
});

test('an idle gateway worker uses at most 6 MiB, a master 2 MiB', async (world, context) => {
    if (!(await is_release(world, context))) {
        return;
    }
    const up = await world.up();
    await up.http('GET', '/goods');
    const [{ pid }] = up.workers('gateway');
    const figures = { master: private_bytes(up.pid), gateway: private_bytes(pid) };
    context.diagnostic(`master ${figures.master / kib} KiB, gateway ${figures.gateway / kib} KiB`);
    assert.ok(figures.master <= 2048 * kib);
    assert.ok(figures.gateway <= 6144 * kib);
});

test('10,000 requests on kept and new connections keep memory constant', async (world, context) => {
    if (!(await is_release(world, context))) {
        return;
    }
    const up = await world.up();
    const [{ pid }] = up.workers('gateway');
    const round = async (requests) => {
        const clients = Array.from({ length: 20 }, async () => {
            const kept = await world.connection(up.port('gateway'));
            for (let n = 0; n < requests / 40; ++n) {
                await kept.request('GET', '/goods?category=%EC%97%B0');
                await up.http('POST', '/goods', { body: { name: 'half' } });
            }
            kept.close();
        });
        await Promise.all(clients);
    };
    await round(2000);
    const before = private_bytes(pid);
    await round(8000);
    const grown = private_bytes(pid) - before;
    assert.ok(grown < 1024 * kib, `${Math.round(grown / kib)} KiB more`);
});

test('processes that do not use OpenSSL and the MySQL driver do not load them', async (world) => {
    const up = await world.up();
    assert.equal((await up.http('GET', '/goods')).status, 200);
    for (const pid of [up.pid, ...up.workers('gateway').map((each) => each.pid)]) {
        const mapped = fs.readFileSync(`/proc/${pid}/maps`, 'utf8');
        assert.match(mapped, /libstdc\+\+/);
        assert.doesNotMatch(mapped, /libssl|libcrypto|libmysqlcppconn|libmariadb/);
    }
});
