// SPDX-License-Identifier: Apache-2.0
// Tests of the harness that starts the database servers of other tests.

import assert from 'node:assert/strict';

import { is_alive } from './harness/proc.mjs';
import { test } from './harness/test.mjs';
import { until } from './harness/until.mjs';

test('a server keeps port and data after stop, kill and restart', async (world) => {
    const server = await world.mariadb();
    await server.query('CREATE TABLE t (v TEXT) CHARACTER SET utf8mb4');
    await server.query("INSERT INTO t VALUES ('a\tb \\\\ \u{1F58A}\u00b6')");
    await server.restart();
    assert.deepEqual(await server.query('SELECT v FROM t'), [['a\tb \\ \u{1F58A}\u00b6']]);
    await server.kill();
    assert.ok(!is_alive(server.pid));
    await server.start();
    await server.freeze();
    server.thaw();
    assert.deepEqual(await server.query('SELECT COUNT(*), @@port FROM t'), [
        ['1', String(server.port)],
    ]);
});

test('a replica follows its primary', async (world) => {
    const primary = await world.mariadb({ server_id: 1, durable: true });
    const replica = await world.mariadb({ server_id: 2, read_only: true });
    await replica.replicate(primary);
    await primary.query('CREATE TABLE t (v INT); INSERT INTO t VALUES (7)');
    await until('the row is on the replica', async () => {
        const [[value]] = await replica.query('SELECT v FROM t');
        return value === '7';
    });
});

test('a server that cannot start reports the reason', async (world) => {
    await assert.rejects(world.mariadb({ options: ['--no-such-option'] }), /no-such-option/);
});
