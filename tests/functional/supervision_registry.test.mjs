// SPDX-License-Identifier: Apache-2.0
// Rolls of the distributor with foreign and msd nodes: no connection ends, no list without a change
// is sent, the epoch stays and the revision continues. A new worker that fails during the takeover
// changes nothing.

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';

import { control } from './harness/control.mjs';
import { process_state } from './harness/proc.mjs';
import { repeated } from './harness/scale.mjs';
import { test } from './harness/test.mjs';
import { patience, until } from './harness/until.mjs';

const count = 40;

/** A distributor with foreign nodes, a watcher that speaks section 4, and msd's goods. */
async function platform(world, soak_ms) {
    const config = {
        'supervision.soak_ms': soak_ms,
        // So long that a worker that is stopped during its soak does not count as hung.
        'supervision.heartbeat_every_ms': 15_000,
        'supervision.heartbeat_timeout_ms': 60_000,
    };
    const distributor = await world.role('distributor', { config });
    distributor.expect_deaths();
    const port = distributor.port('distributor');
    const goods = await world.role('goods', { distributor: port });
    const members = await world.foreign('members', { distributor: port });
    const nodes = [];
    for (let n = 0; n < count; ++n) {
        const node = await world.packets(port);
        node.register({ port: 10_000 + n, name: `n${n}`, urls: [`GET/n${n}`] });
        nodes.push(node);
    }
    for (const node of nodes) {
        await node.list('all nodes', (list) => list.length === count + 2);
    }
    const watcher = await world.packets(port);
    const self = { port: 1, name: 'watcher', urls: [], proto: 2 };
    watcher.register(self);
    await watcher.packet('its epoch', ({ epoch }) => epoch !== undefined);
    watcher.register({ ...self, have: { epoch: 0, rev: 0 } });
    await watcher.packet('the snapshot', ({ part }) => part !== undefined);
    const sign_of_life = setInterval(() => watcher.write('¶'), 500); // in place of replies to pings
    world.on_close(() => clearInterval(sign_of_life));
    for (const node of nodes) {
        await node.list('the watcher', (list) => list.length === count + 3);
    }
    const master = new control(world.path('run'), distributor);
    return { distributor, master, port, goods, members, nodes, watcher };
}

const lists_sent_to = ({ packets }) => packets.filter(({ uri }) => uri === '/distributes');

/** Asserts that no node got a list since the counts `before` and that every node gets replies. */
async function assert_unnoticed({ nodes, watcher, goods, members }, before) {
    for (const node of [...nodes, watcher]) {
        assert.equal((await node.request('GET', '/ping')).errorcode, 0);
        assert.ok(!node.is_closed && !node.saw_end);
        assert.deepEqual(node.malformed, []);
    }
    assert.deepEqual([...nodes, watcher].map((node) => lists_sent_to(node).length), before);
    assert.doesNotMatch(goods.log, /connection to the registry .* ended/);
    assert.equal(members.ended, undefined);
}

/** Adds one more node; every node must get it as the next revision of the same epoch. */
async function assert_goes_on(world, { port, nodes, watcher }, known, before) {
    const last = lists_sent_to(watcher).at(-1);
    const late = await world.packets(port);
    late.register({ port: 2, name: 'late', urls: [] });
    for (const node of nodes) {
        await node.list('the late one', (list) => list.length === known + 1);
    }
    const change = await until('the change', () =>
        lists_sent_to(watcher).find(({ changes, rev }) => changes && rev > last.rev));
    assert.equal(change.epoch, last.epoch);
    assert.equal(change.rev, last.rev + 1);
    assert.equal(change.since, last.rev);
    assert.deepEqual(change.changes.add.map(({ name }) => name), ['late']);
    assert.deepEqual(
        nodes.map((node) => lists_sent_to(node).length),
        before.slice(0, -1).map((n) => n + 1),
    );
}

test('rolls of the distributor affect no node', async (world, context) => {
    const all = await platform(world, 0);
    const before = [...all.nodes, all.watcher].map((node) => lists_sent_to(node).length);
    const half = '{"uri":"/ping","method":"GET",';
    all.nodes[0].write(half); // the rolls happen in the middle of this packet
    await all.master.rolls(repeated(8, 50));
    all.nodes[0].write('"key":"cut"}¶');
    await all.nodes[0].reply('cut');
    await assert_unnoticed(all, before);
    await assert_goes_on(world, all, count + 3, before);
    const handovers = [...all.distributor.log.matchAll(/took over .* in (\d+) ms/g)];
    const times = handovers.map(([, ms]) => Number(ms));
    assert.equal(times.length, repeated(8, 50));
    times.sort((a, b) => a - b);
    context.diagnostic(`the handovers took ${times.join(' ')} ms`);
    // Ten times the promised 50 ms, because other tests run on the machine.
    assert.ok(times[times.length >> 1] <= 500);
});

async function roll_that_fails(master, spoil) {
    const [old] = await master.pids('distributor');
    const { roll } = await master.ask({ command: 'roll' });
    const fresh = await until('the new worker is ready', async () => {
        const slots = await master.slots('distributor');
        return slots.find(({ pid, state }) => pid !== old && state === 'ready')?.pid;
    });
    await spoil(fresh, old);
    const { state, reason } = await until('the roll is over', async () => {
        const now = (await master.status()).roll;
        return now.id === roll && now.state === 'aborted' && now;
    }, 60_000);
    assert.equal(state, 'aborted');
    assert.deepEqual(await master.pids('distributor'), [old], 'the old worker keeps running');
    return reason;
}

test('a new distributor worker that fails during the takeover affects no node', async (world) => {
    const all = await platform(world, 1500 * patience);
    const { master, distributor } = all;
    const before = [...all.nodes, all.watcher].map((node) => lists_sent_to(node).length);

    const no_room = await roll_that_fails(master, (fresh) => {
        execFileSync('prlimit', ['--pid', String(fresh), '--nofile=24:24']);
    });
    assert.match(no_room, /no free file descriptors/);
    await assert_unnoticed(all, before);

    const hung = await roll_that_fails(master, async (fresh) => {
        process.kill(fresh, 'SIGSTOP');
        await until('the new worker is stopped', () => process_state(fresh)?.state === 'T');
    });
    assert.match(hung, /took too long/);
    await assert_unnoticed(all, before);

    const killed = await roll_that_fails(master, async (fresh) => {
        process.kill(fresh, 'SIGSTOP'); // the handover cannot finish
        await until('the old worker hands over', async () =>
            (await master.status()).roll.phase === 'retiring');
        process.kill(fresh, 'SIGKILL');
    });
    assert.match(killed, /has ended|signal 9/);
    await assert_unnoticed(all, before);

    await master.roll();
    await assert_unnoticed(all, before);
    await assert_goes_on(world, all, count + 3, before);
    assert.match(distributor.log, /the state was not handed over/);
});
