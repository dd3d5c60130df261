// SPDX-License-Identifier: Apache-2.0
// `msd check` with the Redis server of a configuration file, and the sources of its password.

import assert from 'node:assert/strict';
import fs from 'node:fs';

import { redis_server } from './harness/redis.mjs';
import { test } from './harness/test.mjs';

const password = 'correct horse battery';

async function check(world, keys, env) {
    const [, file] = world.config({ data_dir: world.path('data'), ...keys });
    return world.command(['check', file], { env });
}

test('msd check reports a working Redis', async (world) => {
    const server = await redis_server.start(world, {
        password,
        lines: ['maxmemory 64mb', 'maxmemory-policy allkeys-lru'],
    });
    const file = world.path('password');
    fs.writeFileSync(file, `${password}\n`, { mode: 0o600 });
    const keys = { 'cache.url': server.url, 'cache.password_file': file };
    const seen = await check(world, { ...keys, 'cache.timeout_ms': 5000 });
    assert.equal(seen.code, 0, seen.output + seen.log);
    assert.match(seen.output, /cache: works at redis:\/\/127\.0\.0\.1:\d+/);
    assert.match(seen.output, /version +\d+\./);
    assert.match(seen.output, /latency +[\d.]+ ms/);
    assert.match(seen.output, /maxmemory +64\.00M, allkeys-lru/);
    const by_variable = await check(
        world,
        { 'cache.url': server.url, 'cache.timeout_ms': 5000 },
        { MSD_CACHE_PASSWORD: password },
    );
    assert.equal(by_variable.code, 0, by_variable.output + by_variable.log);
});

test('msd check reports problems of a Redis and never prints the password', async (world) => {
    const server = await redis_server.start(world, { password: 'another' });
    const seen = await check(
        world,
        { 'cache.url': server.url, 'cache.timeout_ms': 5000 },
        { MSD_CACHE_PASSWORD: password },
    );
    assert.equal(seen.code, 1);
    assert.equal(seen.output, '', 'no success is reported');
    assert.match(seen.log, /cannot be used/);
    assert.match(seen.log, /WRONGPASS.*check cache\.password_file/);
    assert.doesNotMatch(seen.output + seen.log, /horse/);
    await server.kill();
    const gone = await check(world, { 'cache.url': server.url });
    assert.equal(gone.code, 1);
    assert.equal(gone.output, '');
    assert.match(gone.log, /check that Redis runs there/);
});

test('a password file that other users can read is refused', async (world) => {
    const file = world.path('password');
    fs.writeFileSync(file, password);
    fs.chmodSync(file, 0o644);
    const keys = { 'cache.url': 'redis://127.0.0.1:1', 'cache.password_file': file };
    const seen = await check(world, keys);
    assert.equal(seen.code, 78);
    assert.match(seen.log, /other users can read/);
    const started = await world.command(['service', 'goods', ...world.config(keys)]);
    assert.equal(started.code, 78);
});

test('a password on the command line is refused and not repeated', async (world) => {
    const seen = await world.command(['up', '--cache', 'redis://user:horse@127.0.0.1']);
    assert.equal(seen.code, 2);
    assert.match(seen.log, /--cache: .*password/);
    assert.doesNotMatch(seen.log + seen.output, /horse/);
});
