// SPDX-License-Identifier: Apache-2.0
// `msd check`: what it reports about the stores of a configuration and their problems.

import assert from 'node:assert/strict';
import fs from 'node:fs';

import { mariadb_password } from './harness/mariadb.mjs';
import { test } from './harness/test.mjs';

const password = { MSD_STORE_PASSWORD: mariadb_password };

async function check(world, keys, { args = ['--json'], env = password } = {}) {
    const [, file] = world.config({ data_dir: world.path('data'), ...keys });
    return world.command(['check', file, ...args], { env });
}

async function store_of(world, keys) {
    const { code, output, log } = await check(world, keys);
    assert.equal(code, 0, log);
    return JSON.parse(output).store;
}

test('msd check reports the embedded store before and after its first use', async (world) => {
    const before = await store_of(world, {});
    assert.equal(before.kind, 'SQLite');
    assert.deepEqual(before.schemas.map(({ found }) => found), [0, 0, 0, 0]);
    assert.ok(!fs.existsSync(world.path('data')), 'a check creates nothing');
    await world.up();
    const after = await store_of(world, {});
    assert.ok(after.schemas.every(({ found, wanted }) => found === wanted && found > 0));
    assert.deepEqual(after.advice, []);
    fs.chmodSync(world.path('data'), 0o755);
    assert.match((await store_of(world, {})).advice[0], /chmod 700/);
    fs.chmodSync(world.path('data'), 0o700);
});

test('msd check reports version, latency, schema and encryption of a server', async (world) => {
    const server = await world.mariadb({ tls: true, connections_max: 10 });
    const keys = { 'store.url': server.url };
    const open = await store_of(world, keys);
    assert.equal(open.kind, 'MariaDB');
    assert.match(open.version, /^\d+\.\d+/);
    assert.ok(open.latency_ms > 0);
    assert.match(open.where, new RegExp(`127\\.0\\.0\\.1:${server.port}/msd$`));
    assert.match(open.advice.join('\n'), /verify/);
    assert.match(open.advice.join('\n'), /10 connections/);
    const verified = { ...keys, 'store.tls': 'verify', 'store.tls_ca': server.ca_file };
    const closed = await store_of(world, verified);
    assert.notEqual(closed.tls, '');
    assert.doesNotMatch(closed.advice.join('\n'), /verify/);
    await server.query('CREATE TABLE goods(id INT PRIMARY KEY)');
    assert.match((await store_of(world, keys)).advice.join('\n'), /existing deployment/);
    const { output } = await check(world, keys, { args: [] });
    assert.match(output, /^store: MariaDB \S+ at 127/m);
    assert.match(output, /schema versions: goods 0 \(becomes \d\)/);
});

test('msd check says what is wrong and what to do, without the password', async (world) => {
    const server = await world.mariadb();
    const refused = async (keys, code, expected, env = password) => {
        const ended = await check(world, keys, { env });
        assert.equal(ended.code, code, ended.log);
        assert.match(ended.log, expected);
        assert.match(JSON.parse(ended.output).store.error, expected);
        assert.equal(JSON.parse(ended.output).good, false);
        assert.doesNotMatch(ended.log + ended.output, /geheim|open-sesame/);
    };
    const keys = { 'store.url': server.url };
    await refused(keys, 78, /denies access.*user, password/, { MSD_STORE_PASSWORD: 'geheim' });
    await refused({ ...keys, 'store.tls': 'verify' }, 1, /certificate.*store\.tls_ca/);
    await refused({ 'store.url': server.url.replace(/\/msd$/, '/other') }, 78, /database/);
    await server.stop();
    await refused(keys, 1, /check that a server runs at 127/);
    const for_people = await check(world, keys, { args: [] });
    assert.equal(for_people.code, 1);
    assert.equal(for_people.output, '', 'no success is reported');
    await server.start();
});
