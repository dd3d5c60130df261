// SPDX-License-Identifier: Apache-2.0
// A registry whose list is filled and changed without pause: gateways and services follow it, and
// none of their event loops stands still.

import assert from 'node:assert/strict';
import net from 'node:net';

import { encode, strict_reader } from './foreign/framing.mjs';
import { http } from './harness/http_client.mjs';
import { test } from './harness/test.mjs';
import { pause, until } from './harness/until.mjs';

// A worker that does not return to its event loop for two seconds is killed.
const config = {
    'supervision.heartbeat_every_ms': 100,
    'supervision.heartbeat_timeout_ms': 2000,
};

function urls(prefix, count = 1000) {
    return Array.from({ length: count }, (_, index) => `GET/${prefix}${index}`);
}

/** Registers `params` again every 12 ms, each time with one more url, until it is stopped. */
function change_without_pause(node, params) {
    let stopped = false;
    let changes = 0;
    const changing = (async () => {
        while (!stopped) {
            const more = [...params.urls.slice(1), `GET/change${++changes}`];
            node.register({ ...params, urls: more });
            await pause(12);
        }
    })();
    return {
        changes: () => changes,
        stop: () => {
            stopped = true;
            return changing;
        },
    };
}

/** Waits until the gateway routes `target`, to a node that nobody can connect to. */
async function routed_nowhere(port, target) {
    await until(`the gateway routes ${target}`, async () =>
        (await http(port, 'GET', target)).status === 502);
}

/** Requests GET /goods until `enough`; every answer must be 200. */
async function keeps_answering(port, enough) {
    let answers = 0;
    const slowest = { ms: 0 };
    while (!enough(answers)) {
        const began = performance.now();
        const { status } = await http(port, 'GET', '/goods');
        slowest.ms = Math.max(slowest.ms, performance.now() - began);
        assert.equal(status, 200, `answer ${answers}`);
        answers += 1;
    }
    return { answers, slowest_ms: Math.round(slowest.ms) };
}

test('no worker ends when connections fill the list of nodes and change it without pause',
    async (world, context) => {
        // More than the distributor passes on by default.
        const unlimited = {
            'registry.changes_per_s_max': 10_000,
            'registry.routes_max': 200_000,
            'registry.routes_per_address_max': 200_000,
        };
        const up = await world.up({ config: { ...config, ...unlimited } });
        const port = up.port('gateway');
        const registry = up.port('distributor');
        const last = { proto: 2, port: 2, name: 'changing', urls: urls('changing/') };
        const changing = change_without_pause(await world.packets(registry), last);
        await routed_nowhere(port, '/changing/999');
        const other = await world.packets(registry);
        other.register({ proto: 2, port: 3, name: 'other', urls: ['GET/before'] });
        await routed_nowhere(port, '/before');
        for (let number = 0; number < 100; ++number) {
            const node = await world.packets(registry);
            const name = `flood${number}`;
            node.register({ proto: 2, port: 1, name, urls: urls(`${name}/`) });
        }
        const end = performance.now() + 2500; // longer than the heartbeat timeout
        const seen = await keeps_answering(port, (answers) =>
            answers >= 50 && changing.changes() >= 100 && performance.now() > end);
        other.close(); // the registry may have closed it: it answers no pings
        const again = await world.packets(registry);
        again.register({ proto: 2, port: 3, name: 'other', urls: ['GET/after'] });
        await routed_nowhere(port, '/after');
        await changing.stop();
        context.diagnostic(`${JSON.stringify(seen)}, ${changing.changes()} changes`);
        up.assert_same_workers();
    });

/** A distributor that sends what a test wants; `entries` are JSON texts. */
class scripted_distributor {
    constructor() {
        this.connections = [];
        this.rev = 0;
        this.server = net.createServer((socket) => this.serve(socket));
    }

    async listen() {
        await new Promise((resolve) => this.server.listen(0, '127.0.0.1', resolve));
        return this.server.address().port;
    }

    serve(socket) {
        this.connections.push(socket);
        socket.on('error', () => {});
        const reader = new strict_reader((packet) => this.answer(socket, packet), () => {});
        socket.on('data', (chunk) => reader.feed(chunk));
        socket.write('{"uri":"/distributes","method":"GET","key":0,"params":[]}¶');
    }

    answer(socket, packet) {
        if (packet.uri === '/ping' || packet.method === 'DELETE') {
            socket.write(encode({ key: packet.key, errorcode: 0, errormessage: 'success' }));
        }
    }

    /** The whole list, as existing distributors send it. */
    send_list(entries) {
        this.send(`{"uri":"/distributes","method":"GET","key":0,"params":[${entries.join()}]}¶`);
    }

    send(text) {
        for (const socket of this.connections) {
            socket.write(text);
        }
    }

    close() {
        this.server.close();
        this.connections.forEach((socket) => socket.destroy());
    }
}

function entry(fields) {
    return JSON.stringify({ host: '127.0.0.1', ...fields });
}

test('a distributor that sends lists of 15 MiB holds up neither gateway nor services',
    async (world, context) => {
        const distributor = new scripted_distributor();
        world.on_close(() => distributor.close());
        const registry = await distributor.listen();
        const goods = await world.role('goods', { distributor: registry, config });
        const gateway = await world.role('gateway', { distributor: registry, config });
        const port = gateway.port('gateway');
        const legitimate = entry({ port: goods.port('goods'), name: 'goods', proto: 2,
            urls: ['GET/goods'] });
        const entries = [legitimate];
        for (let number = 0; number < 200; ++number) {
            const name = `flood${number}`;
            entries.push(entry({ port: 1, name, urls: urls(`${'x'.repeat(48)}${name}/`) }));
        }
        distributor.send_list(entries);
        await world.routed(port, ['/goods']);
        let lists = 1;
        const seen = await keeps_answering(port, (answers) => {
            if (answers % 50 === 0 && lists < 4) {
                entries.push(entry({ port: 3, name: `late${lists}`, urls: [`GET/late${lists}`] }));
                entries.splice(1, 1); // one of the others leaves
                distributor.send_list(entries);
                lists += 1;
            }
            return answers >= 200;
        });
        context.diagnostic(JSON.stringify(seen));
        await routed_nowhere(port, '/late3');
        gateway.assert_same_workers();
        goods.assert_same_workers();
    });

test('a node that a full registry refuses registers when there is room', async (world) => {
    const distributor = new scripted_distributor();
    world.on_close(() => distributor.close());
    const registry = await distributor.listen();
    let attempts = 0;
    distributor.answer = (socket, packet) => {
        if (packet.method === 'POST' && ++attempts === 1) {
            socket.write('{"key":0,"errorcode":1,"errormessage":"the registry is full"}¶');
        } else if (packet.method === 'DELETE') {
            socket.write(encode({ key: packet.key, errorcode: 0, errormessage: 'success' }));
        }
    };
    const goods = await world.role('goods', { distributor: registry });
    await until('the node has registered again', () => attempts === 2);
    await until('the node is registered', () => goods.log.includes('registered again'));
    assert.equal(goods.log.split('the registry refuses this node').length, 2, 'one line');
});

test('callers connect to no link-local, multicast or unspecified host of a list', async (world) => {
    const distributor = new scripted_distributor();
    world.on_close(() => distributor.close());
    const gateway = await world.role('gateway', { distributor: await distributor.listen() });
    const port = gateway.port('gateway');
    const hosts = ['169.254.169.254', '::ffff:169.254.169.254', 'fe80::1', '224.0.0.1', '0.0.0.0'];
    distributor.send_list([
        ...hosts.map((host, index) =>
            entry({ host, port: 80, name: `s${index}`, urls: [`GET/s${index}`] })),
        entry({ port: 1, name: 'other', urls: ['GET/other'] }),
    ]);
    await routed_nowhere(port, '/other');
    for (let index = 0; index < hosts.length; ++index) {
        assert.equal((await http(port, 'GET', `/s${index}`)).status, 404, hosts[index]);
    }
    assert.match(gateway.log, /is never called: host '169\.254\.169\.254' is link-local/);
});
