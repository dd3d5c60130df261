// SPDX-License-Identifier: Apache-2.0
// How connections spread over the workers that accept from one socket.

import assert from 'node:assert/strict';

import { load } from './harness/load.mjs';
import { clients_of } from './harness/proc.mjs';
import { test } from './harness/test.mjs';
import { until } from './harness/until.mjs';

const count = 1000;

/** How many of a thousand held connections, made `every_us`, each of four workers has. */
async function spread(world, every_us) {
    const gateway = await world.role('gateway', { workers: 4, distributor: 1 });
    const port = gateway.port('gateway');
    const holding = new load(world, port, { held: { mode: 'held', clients: count, every_us } });
    await until('all are connected', async () => (await holding.look()).open === count);
    const pids = gateway.workers('gateway').map(({ pid }) => pid);
    return until('all are accepted', () => {
        const each = pids.map((pid) => clients_of(pid, port).length);
        return each.reduce((sum, one) => sum + one, 0) === count && each;
    }, 8000); // a silent client is closed after ten seconds
}

/**
 * The first good spread of ten: a worker that has no processor for some milliseconds misses its
 * turns, and on a machine of two, one of which the client has, every second attempt is such.
 */
async function assert_spread(world, context, every_us, is_good) {
    let each = [];
    for (let attempt = 0; attempt < 10; ++attempt) {
        each = await spread(world, every_us);
        context.diagnostic(String(each));
        if (each.every(is_good)) {
            return;
        }
    }
    assert.fail(String(each));
}

test('a thousand connections, one each half millisecond: 250 ± 15 a worker', (world, context) =>
    assert_spread(world, context, 500, (one) => Math.abs(one - count / 4) <= 15));

test('a thousand connections at once: no worker has more than 300', (world, context) =>
    assert_spread(world, context, 0, (one) => one <= 300));
