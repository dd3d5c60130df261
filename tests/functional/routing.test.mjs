// SPDX-License-Identifier: Apache-2.0
// The choice of the node for a request: every node gets requests, except dead or hung nodes; a GET
// is retried when the worker that has it is killed.

import assert from 'node:assert/strict';

import { http } from './harness/http_client.mjs';
import { clients_of } from './harness/proc.mjs';
import { scripted_service } from './harness/scripted.mjs';
import { test } from './harness/test.mjs';
import { until } from './harness/until.mjs';

async function front(world, config) {
    const distributor = (await world.role('distributor')).port('distributor');
    const gateway = await world.role('gateway', { distributor, config });
    return { distributor, port: gateway.port('gateway') };
}

function labelled(world, distributor, label, on_request) {
    return scripted_service(world, {
        distributor,
        name: 'where',
        urls: ['GET/where', 'POST/where'],
        on_request: on_request ?? ((_packet, reply) => reply({ label })),
    });
}

async function labels(port, count) {
    const connection_labels = [];
    for (let n = 0; n < count; ++n) {
        const response = await http(port, 'GET', '/where');
        connection_labels.push(response.status === 200 ? response.json.label : response.status);
    }
    return connection_labels;
}

test('with round-robin, nodes of one route get requests in turn', async (world) => {
    const turns = {
        'upstream.default.balance': 'round-robin',
        'upstream.default.slow_start_ms': 0,
    };
    const { distributor, port } = await front(world, turns);
    for (const label of ['a', 'b', 'c']) {
        await labelled(world, distributor, label);
    }
    await until('all nodes get requests', async () => new Set(await labels(port, 6)).size === 3);
    const seen = await labels(port, 30);
    for (const label of ['a', 'b', 'c']) {
        const share = seen.filter((each) => each === label).length;
        assert.equal(share, 10, `${label} got ${share} of 30: ${seen.join('')}`);
    }
});

test('a node gets requests while it is registered', async (world) => {
    const { distributor, port } = await front(world);
    await labelled(world, distributor, 'first');
    await world.routed(port, ['/where']);
    const second = await labelled(world, distributor, 'second');
    await until('the second node gets requests', async () =>
        (await labels(port, 2)).includes('second'));
    second.close();
    second.registration.close();
    await until('only the first node gets requests', async () =>
        (await labels(port, 4)).every((label) => label === 'first'));
    assert.deepEqual(new Set(await labels(port, 20)), new Set(['first']));
});

test('a route whose only node is dead gets 502 at once until a node registers', async (world) => {
    const { distributor, port } = await front(world);
    const only = await labelled(world, distributor, 'only');
    await world.routed(port, ['/where']);
    only.close(); // still registered, because the registration is a connection of its own
    for (let n = 0; n < 5; ++n) {
        const response = await http(port, 'GET', '/where');
        assert.equal(response.status, 502, response.text);
        assert.equal(response.json.errorcode, 502);
    }
    only.registration.close();
    await labelled(world, distributor, 'next');
    await until('the next node answers', async () => (await labels(port, 1))[0] === 'next');
});

test('a route whose services said goodbye gets 503 (msd) or 404 (foreign)', async (world) => {
    const { distributor, port } = await front(world, { 'upstream.forget_absent_ms': 500 });
    const goods = await world.role('goods', { distributor });
    await world.routed(port, ['/goods']);
    await goods.stop('SIGTERM');
    await until('the route of an msd service gets 503', async () => {
        const { status } = await http(port, 'GET', '/goods');
        return status === 503;
    });
    assert.ok((await http(port, 'GET', '/goods')).headers.has('retry-after'));
    const foreign = await labelled(world, distributor, 'foreign');
    await world.routed(port, ['/where']);
    foreign.registration.send({ uri: '/distributes', method: 'DELETE', key: 1, params: {} });
    await until('the route of a foreign service gets 404', async () =>
        (await http(port, 'GET', '/where')).status === 404);
});

test('a route of several services goes to the first name; msd routes shows it', async (world) => {
    const registry = await world.role('distributor', {
        config: { 'distributor.critical_for_ms': 500 },
    });
    const distributor = registry.port('distributor');
    const gateway = await world.role('gateway', {
        distributor, workers: 2, config: { 'upstream.forget_absent_ms': 500 },
    });
    const port = gateway.port('gateway');
    const claim = (name) => scripted_service(world, {
        distributor,
        name,
        urls: ['GET/where', `GET/${name}`],
        on_request: (_packet, reply) => reply({ label: name }),
    });
    await claim('b');
    await world.routed(port, ['/where']);
    const first = await claim('a'); // registered later, but its name comes first
    await claim('c');
    await world.routed(port, ['/a', '/c']);
    await until('only a gets requests', async () =>
        (await labels(port, 8)).every((label) => label === 'a'));
    const at = ['--distributor', `127.0.0.1:${distributor}`];
    const routes = JSON.parse((await world.command(['routes', '--json', ...at])).output);
    const contested = routes.find(({ path }) => path === '/where');
    assert.deepEqual([contested.service, contested.also_claimed_by], ['a', ['b', 'c']]);
    assert.deepEqual(routes.find(({ path }) => path === '/a').also_claimed_by, []);
    const { output } = await world.command(['routes', ...at]);
    assert.match(output, /ALSO CLAIMED BY/);
    assert.match(output, /GET +\/where +a +1 +b, c/);
    first.close();
    first.registration.close();
    await until('only b gets requests', async () =>
        (await labels(port, 8)).every((label) => label === 'b'));
    const lines = gateway.log.split('\n').filter((line) => line.includes('claim the route'));
    const claims = lines.map((line) => line.slice(line.indexOf('GET ')));
    assert.equal(new Set(claims).size, claims.length, `logged once:\n${lines.join('\n')}`);
    assert.ok(claims.some((line) => line.includes('a gets all its requests, and b, c none')));
});

test('a hung node gets no requests after one timeout until it answers again', async (world) => {
    const { distributor, port } = await front(world, { 'gateway.request_timeout_ms': 500 });
    await labelled(world, distributor, 'healthy');
    let hung = false;
    const silent = [];
    await labelled(world, distributor, 'sick', (packet, reply) => {
        if (hung) {
            silent.push(packet);
        } else {
            reply({ label: 'sick' });
        }
    });
    await until('both nodes get requests', async () => new Set(await labels(port, 4)).size === 2);
    hung = true;
    const seen = await labels(port, 40);
    const late = seen.filter((label) => label !== 'healthy');
    // A TCP connect to a hung foreign node succeeds, so single requests try the node again.
    assert.ok(late.length <= 10, `${late.length} of 40 went to the hung node: ${late}`);
    hung = false;
    await until('the node gets requests again', async () => {
        const both = await labels(port, 10);
        return both.filter((label) => label === 'sick').length >= 4;
    });
});

test('pings detect a stopped msd worker, and the other node gets its requests', async (world) => {
    const { distributor, port } = await front(world);
    await labelled(world, distributor, 'other');
    const goods = await world.role('goods', { distributor });
    const foreign = await world.foreign('goods', { distributor });
    await world.routed(port, ['/goods', '/where']);
    const [{ pid }] = goods.workers('goods');
    process.kill(pid, 'SIGSTOP');
    world.on_close(() => process.kill(pid, 'SIGCONT'));
    await until('the stopped worker gets no requests', async () => {
        for (let n = 0; n < 6; ++n) {
            const { status } = await http(port, 'GET', '/goods');
            if (status !== 200) {
                return false;
            }
        }
        return true;
    });
    process.kill(pid, 'SIGCONT');
    const mine = { name: 'mine', category: 'c', price: 1, description: 'd' };
    const direct = await world.packets(goods.port('goods'));
    await direct.request('POST', '/goods', mine);
    await until('the worker answers through the gateway again', async () => {
        const response = await http(port, 'GET', '/goods');
        return response.json.results?.some(({ name }) => name === 'mine');
    });
    assert.equal(foreign.ended, undefined);
});

test('no GET fails when service workers are killed and replaced', async (world) => {
    const { distributor, port } = await front(world);
    const goods = await world.role('goods', { distributor, workers: 2 });
    goods.expect_deaths();
    const goods_port = goods.port('goods');
    await world.routed(port, ['/goods']);
    await until('the gateway is connected to both workers', () =>
        goods.workers('goods').every(({ pid }) => clients_of(pid, goods_port).length > 0));
    const failed = [];
    let asked = 0;
    let stop = false;
    const clients = Array.from({ length: 8 }, async () => {
        const connection = await world.connection(port);
        while (!stop) {
            const response = await connection.request('GET', '/goods');
            ++asked;
            if (response.status !== 200) {
                failed.push(`${response.status} ${response.text}`);
            }
        }
    });
    for (let round = 0; round < 6; ++round) {
        const now = asked;
        await until('a hundred requests succeed', () => asked > now + 100);
        const [victim] = goods.workers('goods');
        process.kill(victim.pid, 'SIGKILL');
        await until('the worker is replaced', () => {
            const pids = goods.workers('goods').map(({ pid }) => pid);
            return pids.length === 2 && !pids.includes(victim.pid);
        });
        // The gateway must be connected to the new worker before the other worker is killed.
        await until('the gateway is connected to both workers', () =>
            goods.workers('goods').every(({ pid }) => clients_of(pid, goods_port).length > 0));
    }
    stop = true;
    await Promise.all(clients);
    assert.deepEqual(failed, [], `${failed.length} of ${asked} failed`);
});

test('killed gateway workers are replaced on the same port', async (world) => {
    const up = await world.up({ workers: 2 });
    up.expect_deaths();
    for (let round = 0; round < 4; ++round) {
        for (const { pid } of up.workers('gateway')) {
            process.kill(pid, 'SIGKILL');
        }
        await until('the gateway answers', async () => {
            const response = await up.http('GET', '/goods', { limit_ms: 2000 });
            return response.status === 200;
        });
    }
});

test('a POST that may have been executed is not retried', async (world) => {
    const { distributor, port } = await front(world);
    let received = 0;
    const dying = (packet, reply, socket) => {
        if (packet.method === 'POST') {
            ++received;
            socket.destroy();
        } else {
            reply();
        }
    };
    await labelled(world, distributor, 'one', dying);
    await labelled(world, distributor, 'two', dying);
    await world.routed(port, ['/where']);
    const response = await http(port, 'POST', '/where', { body: { a: 1 } });
    assert.equal(response.status, 502);
    assert.equal(received, 1);
});

test('a GET is retried twice, each time at another node', async (world) => {
    const { distributor, port } = await front(world, { 'upstream.default.slow_start_ms': 0 });
    const received = [];
    let broken = false;
    const dying = (label) => (_packet, reply, socket) => {
        if (broken) {
            received.push(label);
            socket.destroy();
        } else {
            reply({ label });
        }
    };
    for (const label of ['one', 'two', 'three']) {
        await labelled(world, distributor, label, dying(label));
    }
    await until('all nodes get requests', async () => new Set(await labels(port, 9)).size === 3);
    broken = true;
    const response = await http(port, 'GET', '/where');
    assert.equal(response.status, 502);
    assert.deepEqual(received.sort(), ['one', 'three', 'two']);
});
