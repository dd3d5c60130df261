// SPDX-License-Identifier: Apache-2.0
// Attackers who do not hold the cluster secret: at a registry, at a service, and in the place of a
// service.

import assert from 'node:assert/strict';

import { encode, strict_reader } from './foreign/framing.mjs';
import { http } from './harness/http_client.mjs';
import { private_bytes } from './harness/proc.mjs';
import {
    challenge, next_auth, nodes, opening, prove, required, some_secret, start_with_secret,
} from './harness/proof.mjs';
import { full, sanitized } from './harness/scale.mjs';
import { scripted_distributor } from './harness/scripted.mjs';
import { test } from './harness/test.mjs';
import { until } from './harness/until.mjs';

// Each attacker gets a connection, and at most a secret that was recorded but is of no use.
const attacks = {
    'no proof, a request': async ({ client }) => {
        client.send({ uri: '/ping', method: 'GET', key: 5, params: {} });
        assert.match((await client.reply(5)).errormessage, required);
    },
    'no proof, a registration': async ({ client }) => {
        client.register({ port: 9010, name: 'goods', urls: ['GET/goods'] });
        assert.match((await client.reply(0)).errormessage, required);
    },
    'no proof, a hello': async ({ client }) => {
        client.send({ hello: { proto: 2, name: 'gate', worker: 0 } });
        assert.match((await next_auth(client)).refused, required);
    },
    'a wrong secret': async ({ client, to }) => {
        await prove(client, some_secret(), { to });
        assert.match((await next_auth(client, 1)).refused, /does not hold the cluster secret/);
    },
    'a request after the opening': async ({ client, to }) => {
        client.send({ auth: opening({ to }) });
        await next_auth(client);
        client.send({ uri: '/ping', method: 'GET', key: 5, params: {} });
        assert.match((await client.reply(5)).errormessage, required);
    },
    'a proof without an opening': async ({ client }) => {
        client.send({ auth: { proof: challenge() } });
        assert.match((await next_auth(client)).refused, /out of turn/);
    },
    'a replayed conversation': async ({ client, recorded }) => {
        client.send({ auth: recorded.opened });
        await next_auth(client);
        client.send({ auth: { proof: recorded.proof } });
        assert.match((await next_auth(client, 1)).refused, /does not hold the cluster secret/);
    },
    'the proof of the other side, reflected': async ({ client, to }) => {
        client.send({ auth: opening({ to }) });
        const { proofs } = await next_auth(client);
        client.send({ auth: { proof: proofs[0] } });
        assert.match((await next_auth(client, 1)).refused, /does not hold the cluster secret/);
    },
    'a proof meant for another node': async ({ client, to }) => {
        client.send({ auth: opening({ to: to ? undefined : { name: 'goods', port: 9010 } }) });
        assert.match((await next_auth(client)).refused, /meant for/);
    },
    'an older version': async ({ client, to }) => {
        client.send({ auth: { ...opening({ to }), version: 0 } });
        assert.match((await next_auth(client)).refused, /version 0, not 1/);
    },
    'a truncated opening': async ({ client, to }) => {
        const { version, challenge: first } = opening({ to });
        client.send({ auth: { version, challenge: first } });
        assert.match((await next_auth(client)).refused, /no usable challenge/);
    },
    'too many bytes': async ({ client }) => {
        client.write(`{"auth":{"version":1,"challenge":"${'a'.repeat(5000)}`);
        assert.match((await next_auth(client)).refused, /too many bytes/);
    },
};

test('attackers without the secret are told nothing and disconnected', async (world) => {
    const { port, secret, service, distributor } = await start_with_secret(world, { goods: true });
    const goods = { name: 'goods', port: service.port('goods') };
    for (const [peer, to] of [[port, undefined], [goods.port, goods]]) {
        const recorder = await world.packets(peer);
        const recorded = await prove(recorder, secret, { to });
        for (const [name, attack] of Object.entries(attacks)) {
            const client = await world.packets(peer);
            await attack({ client, to, recorded });
            await until(`${name}: port ${peer} closes the connection`, () => client.saw_end);
            const known = client.packets.filter((packet) => packet.params !== undefined);
            assert.deepEqual(known, [], `${name}: nothing is told`);
            client.close();
        }
        // The same connection is of use with the secret.
        recorder.send({ uri: '/ping', method: 'GET', key: 5, params: {} });
        assert.equal((await recorder.reply(5)).errorcode, 0);
    }
    assert.ok(distributor.log.split('\n').length < 40, 'the log is limited');
});

test('a proof is bound to the node that it names', async (world) => {
    const { port, secret } = await start_with_secret(world);
    const client = await world.packets(port);
    await prove(client, secret, { from: { name: 'x', port: 1234 } });
    client.register({ port: 4321, name: 'x', urls: [], proto: 2 });
    assert.match((await client.reply(0)).errormessage, /another node than the proof/);
    client.register({ port: 1234, name: 'x', urls: [], proto: 2 });
    await client.packet('the registration', (packet) => packet.epoch !== undefined);
});

test('a listed service that does not prove the secret is sent no request', async (world) => {
    const { port, secret, keys } = await start_with_secret(world);
    const config = { ...keys, 'gateway.request_timeout_ms': 300 };
    const gateway = await world.role('gateway', { distributor: port, config });
    const zeros = '0'.repeat(64);
    const answers = {
        hello: () => ({ hello: { slot: 0, workers: 1, generation: 1 } }),
        guess: () => ({ auth: { version: 1, challenge: zeros, proofs: [zeros] } }),
        reflection: (packet) => packet,
        reply: () => ({ key: 1, errorcode: 0, errormessage: 'success' }),
        silence: () => undefined,
    };
    const received = [];
    for (const [name, answer] of Object.entries(answers)) {
        // Something else listens now where a node that held the secret was registered.
        const impostor = await scripted_distributor(world, {
            on_accept: (socket) => {
                const reader = new strict_reader((packet) => {
                    received.push(packet);
                    const said = packet.auth?.challenge && answer(packet);
                    if (said) {
                        socket.write(encode(said));
                    }
                });
                socket.on('data', (chunk) => reader.feed(chunk));
            },
        });
        const node = { name, port: impostor.port };
        const client = await world.packets(port);
        await prove(client, secret, { from: node });
        const have = { epoch: 0, rev: 0 };
        client.register({ ...node, urls: [`GET/${name}`], proto: 2, have });
    }
    for (const name of Object.keys(answers)) {
        const target = `/${name}`;
        await until(`the gateway knows ${target}`, async () => {
            const { status } = await http(gateway.port('gateway'), 'GET', target);
            return status >= 500;
        }, 60_000);
    }
    assert.ok(received.length >= Object.keys(answers).length);
    assert.deepEqual(received.filter((packet) => packet.auth === undefined), []);
    assert.match(gateway.log, /guess at 127\.0\.0\.1:\d+: it does not hold the cluster secret/);
    assert.match(gateway.log, /hello at .*: it does not prove the cluster secret/);
});

test('many attempts cost bounded memory and no service', async (world) => {
    const { distributor, port, secret, file, keys } = await start_with_secret(world);
    const gateway = await world.role('gateway', { distributor: port, config: keys });
    await world.role('goods', { distributor: port, config: keys });
    const front = gateway.port('gateway');
    await world.routed(front, ['/goods']);
    const attempts = full ? 1_000_000 : sanitized ? 500 : 10_000;
    const at_once = 200;
    const kinds = [
        async (client) => client.register({ port: 1, name: 'x', urls: ['GET/goods'] }),
        async (client) => client.write('{"auth":{"version":1,"challenge":"'),
        async (client) => prove(client, 'x'.repeat(40)),
        async () => {}, // keeps its connection and sends nothing
    ];
    const [{ pid }] = distributor.workers();
    const round = async () => {
        const clients = await Promise.all(Array.from({ length: at_once }, async (_, n) => {
            const client = await world.packets(port);
            await kinds[n % kinds.length](client);
            return client;
        }));
        assert.equal((await http(front, 'GET', '/goods')).status, 200);
        clients.forEach((client, n) => n % 2 === 0 && client.close());
        return clients;
    };
    await round();
    const before = private_bytes(pid);
    for (let done = at_once; done < attempts; done += at_once) {
        await round();
    }
    const grown = private_bytes(pid) - before;
    assert.ok(sanitized || grown < 24 << 20, `${attempts} attempts cost ${grown} bytes`);
    const names = await nodes(world, port, '--secret-file', file);
    assert.deepEqual(names.sort(), ['gateway', 'goods']);
    const client = await world.packets(port);
    await prove(client, secret, { from: { name: 'late', port: 1 } });
    client.register({ port: 1, name: 'late', urls: [], proto: 2 });
    await client.packet('the registration', (packet) => packet.epoch !== undefined);
});
