// SPDX-License-Identifier: Apache-2.0
// Workers that are killed under load: only the requests in flight on these workers fail.

import assert from 'node:assert/strict';

import { kill_workers } from './harness/worker_kills.mjs';
import { chosen_of } from './harness/chance.mjs';
import { get_goods, load, post_goods, stored_goods } from './harness/load.mjs';
import { sanitized, scaled } from './harness/scale.mjs';
import { serving } from './harness/serving.mjs';
import { test } from './harness/test.mjs';
import { pause, until } from './harness/until.mjs';

// Killed workers are replaced without back-off.
const config = {
    'supervision.early_ms': 0,
    ...(sanitized && { 'upstream.connect_timeout_ms': 2000 }), // workers answer hello late
};

// The eight kills may fail 17 requests: at most 13 in flight at the killed gateway worker, and at
// most two POST at each of two killed goods workers. That is 0.1 % of 17,000 requests.
const answers_for_a_kill = 2200;

// The kinds of failure of a request whose connection ends.
const ends = ['reset', 'unanswered', 'truncated'];

/** Asserts that requests failed only on connections of `held`, and only because these ended. */
function assert_only_held(seen, held) {
    const innocent = seen.failures.filter(({ local_port, kind }) =>
        !held.has(local_port) || !ends.includes(kind));
    assert.deepEqual(innocent.slice(0, 5), [], 'requests failed that were not on a killed worker');
}

function of_gateway(expect) {
    return {
        fresh: get_goods({ mode: 'fresh', clients: 4, pause_ms: 5, expect }),
        kept: get_goods({ mode: 'kept', clients: 4, pause_ms: 5, expect }),
        pipelined: get_goods({ mode: 'pipelined', depth: 3, clients: 1, pause_ms: 5, expect }),
    };
}

test('only requests in flight fail when a gateway worker is killed', async (world, context) => {
    const { master, port, expect } = await serving(world, { config });
    const running = new load(world, port, of_gateway(expect));
    const held = new Set();
    for (let round = 0; round < 8; ++round) {
        await running.answers(50);
        const [first] = await master.pids('gateway');
        for (const each of await kill_workers([first], port)) {
            held.add(each);
        }
    }
    await running.answers(50);
    const seen = await running.stop();
    context.diagnostic(seen.text);
    assert_only_held(seen, held);
});

test('no connection is refused when all gateway workers are killed', async (world, context) => {
    const { master, port, expect } = await serving(world, { config });
    const running = new load(world, port, of_gateway(expect));
    const held = new Set();
    for (let round = 0; round < 8; ++round) {
        await running.answers(50);
        for (const each of await kill_workers(await master.pids('gateway'), port)) {
            held.add(each);
        }
    }
    await running.answers(50);
    const seen = await running.stop();
    context.diagnostic(seen.text);
    assert.equal(seen.kinds().refused, undefined);
    assert_only_held(seen, held);
});

test('no GET fails and no POST is lost or executed twice when service workers are killed',
    async (world, context) => {
        const { up, master, port, expect } = await serving(world, { config });
        const posts = 4;
        const running = new load(world, port, {
            fresh: get_goods({ mode: 'fresh', clients: 4, pause_ms: 5, expect }),
            kept: get_goods({ mode: 'kept', clients: 4, pause_ms: 5, expect }),
            posts: post_goods({ mode: 'kept', clients: posts, pause_ms: 5 }),
        });
        const rounds = 10;
        for (let round = 0; round < rounds; ++round) {
            await running.answers(50);
            const pids = await master.pids('goods');
            process.kill(pids[round % pids.length], 'SIGKILL');
        }
        await running.answers(50);
        const seen = await running.stop();
        context.diagnostic(seen.text);
        seen.assert_clean(['fresh', 'kept']);
        // A write in flight may have been executed or not: its client gets 502.
        const statuses = new Set(seen.failures.map(({ kind, detail }) => `${kind} ${detail}`));
        statuses.delete('wrong_status 502');
        assert.deepEqual([...statuses], []);
        assert.ok(seen.failed <= rounds * posts, `${seen.failed} failed`);
        seen.assert_written('posts', await stored_goods(up));
    });

test('99.9 % of the requests succeed while random workers are killed',
    { limit_ms: 280_000 }, async (world, context) => {
        const { up, master, port, expect } = await serving(world, { config });
        const gets = of_gateway(expect);
        const posts = post_goods({ mode: 'kept', clients: 2, pause_ms: 20 });
        const running = new load(world, port, { ...gets, posts });
        await running.answers(200);
        const killed = [];
        const held = new Set(); // ports of the clients of killed workers
        for (let second = 0; second < scaled(8, 60); ++second) {
            // A slow machine answers few requests a second; then the kills are further apart.
            await Promise.all([pause(1000), running.answers(sanitized ? 100 : answers_for_a_kill)]);
            const { pools } = await until('all workers are ready', async () => {
                const now = await master.status();
                return now.state === 'ready' && now;
            });
            const all = pools.flatMap(({ name, slots }) =>
                slots.filter(({ state }) => state === 'ready').map(({ pid }) => ({ name, pid })));
            // From the pools with the fewest kills, so that a short run covers all pools.
            const deaths = ({ name }) => killed.filter((each) => each === name).length;
            const least = Math.min(...all.map(deaths));
            const next = all.filter((each) => deaths(each) === least);
            const victim = chosen_of(next);
            for (const each of await kill_workers([victim.pid], port)) {
                held.add(each);
            }
            killed.push(victim.name);
        }
        await running.answers(200);
        const seen = await running.stop();
        context.diagnostic(`killed ${killed}; ${seen.text}`);
        const of = (name) => killed.filter((each) => each === name).length;
        const in_flight = Object.values(gets).reduce(
            (sum, { clients, depth = 1 }) => sum + clients * depth, 0);
        const lost = seen.failures.filter(({ group }) => group !== 'posts');
        assert_only_held({ failures: lost }, held);
        assert.ok(lost.length <= of('gateway') * in_flight, `${lost.length} of GET failed`);
        const lost_posts = seen.failures.length - lost.length;
        assert.ok(lost_posts <= (of('gateway') + of('goods')) * posts.clients, `${lost_posts}`);
        // A run with sanitizers answers too few requests for this rate.
        if (!sanitized) {
            assert.ok(seen.availability >= 0.999, `${seen.availability * 100} %`);
        }
        seen.assert_written('posts', await stored_goods(up));
    });
