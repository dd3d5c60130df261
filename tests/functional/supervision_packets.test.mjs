// SPDX-License-Identifier: Apache-2.0
// Rolls of a service whose callers keep their packet connections: no reply is lost. Callers that
// speak section 4 of the protocol reconnect after a goaway; for callers that know only section 2
// the connection ends after the replies to their requests.

import assert from 'node:assert/strict';

import { encode } from './foreign/framing.mjs';
import { packet_client } from './harness/packet_client.mjs';
import { repeated } from './harness/scale.mjs';
import { serving } from './harness/serving.mjs';
import { test } from './harness/test.mjs';
import { pause, until, within } from './harness/until.mjs';

/** Keeps `at_once` requests in flight on one connection; a goaway makes it open another. */
class kept_caller {
    constructor(port) {
        Object.assign(this, { port, answered: 0, moves: 0, lost: [], stopping: false });
    }

    async run(at_once) {
        this.present = this.connect();
        const lines = Array.from({ length: at_once }, () => this.ask_on());
        await Promise.all(lines);
        (await this.present).close();
    }

    async connect() {
        const client = await packet_client.open(this.port);
        client.waiting = new Map();
        client.send({ hello: { proto: 2, name: 'tests', worker: 0 } });
        await client.packet('the answer to hello', ({ hello }) => hello !== undefined);
        this.read(client);
        return client;
    }

    // Handles each packet when it arrives instead of searching all packets received so far.
    read(client) {
        const before = client.packets.filter(({ hello }) => hello === undefined);
        client.packets = { push: (packet) => this.hear(client, packet) };
        before.forEach((packet) => this.hear(client, packet));
        client.closed.then(() => {
            for (const answer of client.waiting.values()) {
                answer(undefined);
            }
        });
    }

    hear(client, packet) {
        if (packet.goaway !== undefined) {
            client.leaving = true;
            ++this.moves;
            this.present = this.connect(); // later requests wait for this connection
            this.close_if_done(client);
            return;
        }
        if (packet.uri === '/ping') {
            client.send({ key: packet.key, errorcode: 0 });
            return;
        }
        const answer = client.waiting.get(packet.key);
        client.waiting.delete(packet.key);
        answer?.(packet);
        this.close_if_done(client);
    }

    close_if_done(client) {
        if (client.leaving && client.waiting.size === 0) {
            client.close();
        }
    }

    async ask_on() {
        while (!this.stopping) {
            const client = await this.present;
            if (client.leaving) {
                await pause(0);
                continue;
            }
            const key = client.next_key++;
            const reply = new Promise((resolve) => client.waiting.set(key, resolve));
            client.send({ uri: '/goods', method: 'GET', key, params: { id: 1 } });
            const packet = await within(`a reply to ${key}`, reply);
            if (packet?.errorcode === 0 && packet.results?.[0]?.id === 1) {
                ++this.answered;
            } else {
                this.lost.push({ key, packet });
            }
        }
    }
}

test('rolls lose no reply of callers that stay connected', async (world, context) => {
    const { up, master } = await serving(world);
    const callers = Array.from({ length: 6 }, () => new kept_caller(up.port('goods')));
    const running = callers.map((each) => each.run(4));
    const answered = () => callers.reduce((sum, each) => sum + each.answered, 0);
    await until('requests succeed', () => answered() > 200);
    await master.rolls(repeated(15, 50), { pools: ['goods'] });
    const before = answered();
    await until('requests still succeed', () => answered() > before + 200);
    callers.forEach((each) => { each.stopping = true; });
    await Promise.all(running);
    const moves = callers.reduce((sum, each) => sum + each.moves, 0);
    context.diagnostic(`${answered()} answered, ${moves} goaways`);
    assert.ok(callers.every((each) => each.moves > 0));
    assert.deepEqual(callers.flatMap(({ lost }) => lost), []);
});

test('rolls lose no reply to requests in flight of protocol 1 callers', async (world) => {
    const { up, master } = await serving(world);
    const port = up.port('members');
    for (let round = 0; round < repeated(5, 20); ++round) {
        const clients = await Promise.all(Array.from({ length: 4 }, () => world.packets(port)));
        // A reply shows that a worker has accepted the connection before the roll.
        await Promise.all(clients.map((client) => client.request('GET', '/ping')));
        // Each request computes a slow password hash, so it is in flight when the roll begins.
        clients.forEach((client, n) => client.send({
            uri: '/members', method: 'POST', key: 7,
            params: { username: `member ${round} ${n}`, password: 'x' },
        }));
        const rolled = master.roll('members');
        for (const client of clients) {
            assert.equal((await client.reply(7)).errorcode, 0);
            await within('the old worker ends the connection', client.closed);
        }
        await rolled;
    }
});

test('a protocol 1 request that is half received before a roll gets its reply', async (world) => {
    const { up, master } = await serving(world, { workers: 1 });
    const port = up.port('goods');
    const [client, idle] = [await world.packets(port), await world.packets(port)];
    await idle.request('GET', '/ping');
    const request = encode({ uri: '/goods/1', method: 'GET', key: 7, params: {} });
    const ping = encode({ uri: '/ping', method: 'GET', key: 8, params: {} });
    client.write(Buffer.concat([ping, request.subarray(0, 20)]));
    await client.reply(8); // so the first part of the other request has arrived
    const rolled = master.roll('goods');
    await within('the worker closes the idle connection', idle.closed);
    client.write(request.subarray(20));
    assert.equal((await client.reply(7)).errorcode, 0);
    await within('the worker ends the connection', client.closed);
    await rolled;
});
