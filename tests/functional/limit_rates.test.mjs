// SPDX-License-Identifier: Apache-2.0
// Limits as rates over half a minute: of one gateway, of two with a Redis, and of these without it.
// A soak only, because it takes its time; limits.test.mjs counts the same requests of a burst.

import assert from 'node:assert/strict';
import fs from 'node:fs';

import { start_proxy, toml_text } from './harness/proxy.mjs';
import { redis_server } from './harness/redis.mjs';
import { full } from './harness/scale.mjs';
import { test } from './harness/test.mjs';
import { pause, until } from './harness/until.mjs';
import { connect, exchange, request_bytes } from './harness/wire_http.mjs';

const skip = !full && 'needs MSD_TEST_FULL';
const seconds = 30;
const clients = 4; // of each gateway

const routes = [{
    path: '/', respond: { status: 200, body: 'own' }, limit: { rate: '100/s', burst: 1 },
}];

/** Requests to a gateway without a pause that were accepted in each second, after the first. */
async function accepted_per_second(world, port) {
    const begun = performance.now() + 1000;
    const end = begun + seconds * 1000;
    let accepted = 0;
    const request = request_bytes('GET', '/');
    const send = async () => {
        const peer = await connect(world, port);
        while (performance.now() < end) {
            peer.write(request);
            const { status } = await peer.reply();
            const is_counted = performance.now() >= begun && performance.now() < end;
            accepted += status === 200 && is_counted ? 1 : 0;
            if (status === 429) {
                await pause(2);
            }
        }
        peer.close();
    };
    await Promise.all(Array.from({ length: clients }, send));
    return accepted / seconds;
}

function assert_near(rate, expected, most) {
    process.stdout.write(`# ${rate.toFixed(1)} a second, expected ${expected} ± ${most}\n`);
    assert.ok(Math.abs(rate - expected) <= most, `${rate} is not ${expected} ± ${most}`);
}

test('four workers accept 100 requests a second together', { skip }, async (world) => {
    const proxy = await start_proxy(world, { routes }, { workers: 4 });
    assert_near(await accepted_per_second(world, proxy.port), 100, 3);
});

test('two gateways accept as many, and half of it each without Redis', { skip }, async (world) => {
    const redis = await redis_server.start(world);
    const distributor = await world.role('distributor');
    const file = world.path('redis.toml');
    fs.writeFileSync(file, toml_text({
        keys: { 'gateway.limit_store': 'redis', 'cache.url': redis.url }, routes,
    }));
    const ports = [];
    for (const n of [1, 2]) {
        const gateway = await world.role('gateway', {
            distributor: distributor.port('distributor'), workers: 2,
            args: ['--config', file, '--runtime-dir', world.path(`run${n}`)],
        });
        ports.push(gateway.port('gateway'));
    }
    const measure = () => Promise.all(ports.map((port) => accepted_per_second(world, port)));
    const has_window = async (time) => {
        const replies = await Promise.all(ports.flatMap((port) =>
            Array.from({ length: 10 }, () => exchange(world, port, 'GET', '/'))));
        return replies.every(({ fields }) =>
            fields.get('ratelimit-policy').endsWith(`;w=${time}`));
    };
    await until('all workers are connected to Redis', async () =>
        (await redis.reply_to(['CLIENT', 'LIST'])).match(/ name=msd/g)?.length >= 4);
    await until('all workers use it', () => has_window(1));
    const [first, second] = await measure();
    assert_near(first + second, 100, 5);
    redis.kill();
    await until('each gateway has its share', () => has_window(2));
    for (const rate of await measure()) {
        assert_near(rate, 50, 5);
    }
});
