// SPDX-License-Identifier: Apache-2.0
// Any mix and start order of foreign and msd nodes gives a client the same replies. Foreign nodes
// run as separate processes: when msd makes one fail it exits, and the test fails.

import assert from 'node:assert/strict';

import { http } from './harness/http_client.mjs';
import { free_port } from './harness/ports.mjs';
import { sanitized } from './harness/scale.mjs';
import { test } from './harness/test.mjs';
import { until } from './harness/until.mjs';

const kinds = ['msd', 'strict', 'legacy'];
const services = ['goods', 'members', 'purchases'];

// The start orders. Nodes must find each other in every order, so a node may get the address of a
// distributor that does not listen yet.
const orders = [
    ['distributor', 'gateway', 'services'],
    ['distributor', 'services', 'gateway'],
    ['services', 'gateway', 'distributor'],
    ['gateway', 'distributor', 'services'],
    ['services', 'distributor', 'gateway'],
    ['gateway', 'services', 'distributor'],
];

async function start(world, role, kind, { distributor, port }) {
    if (kind === 'msd') {
        // The retry interval of nodes whose distributor is not started yet; short for the test.
        const config = { 'registry.reconnect_ms': 100 };
        return world.role(role, { distributor, port, config });
    }
    const args = role === 'goods' && kind === 'legacy' ? ['--text-port'] : [];
    return world.foreign(role, { kind, distributor, port, args });
}

/** Starts the three parts in `order`; returns the port of the gateway. */
async function start_all(world, mix, order) {
    const distributor = await free_port();
    let gateway;
    for (const part of order) {
        if (part === 'services') {
            for (const name of services) {
                await start(world, name, mix.services, { distributor });
            }
        } else if (part === 'gateway') {
            gateway = await start(world, 'gateway', mix.gateway, { distributor });
        } else {
            await start(world, 'distributor', mix.distributor, { port: distributor });
        }
    }
    return gateway.ready_ports().get('gateway');
}

/** The members of a reply that an existing client reads: those that existing services send. */
function as_known(reply) {
    const { errorcode, errormessage, results } = reply;
    const fields = ['id', 'name', 'category', 'price', 'description', 'goodsid'];
    const rows = results?.map((row) =>
        Object.fromEntries(fields.filter((name) => name in row).map((name) => [name, row[name]])),
    );
    return { errorcode, errormessage, results: rows };
}

async function converse(port) {
    const ask = async (method, target, body) => {
        const response = await http(port, method, target, { body });
        assert.match(response.headers.get('content-type'), /^application\/json/, target);
        return response.json;
    };
    const replies = [];
    const note = async (...request) => replies.push(as_known(await ask(...request)));
    const failed = async (...request) => replies.push((await ask(...request)).errorcode);

    await note('GET', '/goods');
    const pencil = { name: '연필', category: 'tests', price: 1000, description: 'test' };
    await note('POST', '/goods', pencil);
    await note('POST', '/goods', { ...pencil, name: 'Übergröße', price: 250 });
    await note('GET', '/goods');
    await failed('POST', '/goods', { name: 'half' });
    const account = { username: 'test_account', password: 'test_password' };
    await note('POST', '/members', account);
    await failed('POST', '/members', account);
    const login = '/members?username=test_account&password=';
    const { userid } = await ask('GET', `${login}test_password`);
    assert.ok(Number.isInteger(userid), 'a login returns the userid');
    await note('GET', `${login}wrong`);
    await note('POST', '/purchases', { userid, goodsid: 1 });
    const { results } = await ask('GET', `/purchases?userid=${userid}`);
    assert.equal(results.length, 1);
    assert.match(results[0].date, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z$/);
    replies.push(results[0].goodsid);
    await note('DELETE', '/goods?id=2');
    await note('GET', '/goods');
    await note('DELETE', '/members?username=test_account');
    await failed('GET', `${login}test_password`);
    return replies;
}

const pencil_row = { id: 1, name: '연필', category: 'tests', price: 1000, description: 'test' };
const size_row = { ...pencil_row, id: 2, name: 'Übergröße', price: 250 };
const success = { errorcode: 0, errormessage: 'success', results: undefined };
const expected = [
    { errorcode: 1, errormessage: 'no data', results: undefined },
    success,
    success,
    { ...success, results: [pencil_row, size_row] },
    1,
    success,
    1,
    { errorcode: 1, errormessage: 'invalid password', results: undefined },
    success,
    1,
    success,
    { ...success, results: [pencil_row] },
    success,
    1,
];

/** An empty list has `results: []` (msd) or no `results` (existing services). */
function without_empty_results(replies) {
    return replies.map((each) =>
        Array.isArray(each?.results) && each.results.length === 0
            ? { ...each, results: undefined }
            : each,
    );
}

let turn = 0;
for (const distributor of kinds) {
    for (const gateway of kinds) {
        for (const service of kinds) {
            const mix = { distributor, gateway, services: service };
            const order = orders[turn++ % orders.length];
            // Under sanitizers nine of 27 mixes run: each two kinds meet in each two roles.
            const sum = [distributor, gateway, service].reduce(
                (all, kind) => all + kinds.indexOf(kind), 0);
            if (sanitized && sum % kinds.length !== 0) {
                continue;
            }
            const name = `distributor ${distributor}, gateway ${gateway}, services ${service}; ` +
                `started: ${order.join(', ')}`;
            test(name, async (world) => {
                const port = await start_all(world, mix, order);
                await world.routed(port, ['/goods', '/members', '/purchases'].map(
                    (target) => `${target}?username=a&password=b&userid=1`,
                ));
                assert.deepEqual(without_empty_results(await converse(port)), expected);
                const unknown = await http(port, 'GET', '/nothing-here');
                assert.equal(unknown.status, 404);
            });
        }
    }
}

test('one gateway serves three kinds of services at the same time', async (world) => {
    const distributor = (await world.role('distributor')).port('distributor');
    await world.role('goods', { distributor });
    await world.foreign('members', { kind: 'legacy', distributor });
    await world.foreign('purchases', { kind: 'strict', distributor });
    const gateway = (await world.role('gateway', { distributor })).port('gateway');
    await world.routed(gateway);
    assert.deepEqual(without_empty_results(await converse(gateway)), expected);
});

test('msd finds the product of a purchase in the list of foreign goods', async (world) => {
    const distributor = (await world.foreign('distributor')).ready_ports().get('distributor');
    await world.foreign('goods', { kind: 'legacy', distributor });
    await world.role('purchases', { distributor });
    const gateway = (await world.role('gateway', { distributor })).port('gateway');
    await world.routed(gateway, ['/goods', '/purchases']);
    for (const name of ['one', 'two']) {
        const body = { name, category: 'c', price: 1, description: 'd' };
        await http(gateway, 'POST', '/goods', { body });
    }
    const known = await until('purchases reaches goods', async () => {
        const body = { userid: 7, goodsid: 2 };
        const response = await http(gateway, 'POST', '/purchases', { body });
        return response.status !== 503 && response;
    });
    assert.equal(known.status, 200, known.text);
    const unknown = await http(gateway, 'POST', '/purchases', { body: { userid: 7, goodsid: 3 } });
    assert.equal(unknown.status, 422);
    assert.equal(unknown.json.errorcode, 1);
    const { results } = (await http(gateway, 'GET', '/purchases?userid=7')).json;
    assert.deepEqual(results.map(({ goodsid }) => goodsid), [2]);
});

for (const kind of ['strict', 'legacy']) {
    test(`log lines of msd reach a ${kind} logs service`, async (world) => {
        const distributor = (await world.role('distributor')).port('distributor');
        const logs = await world.foreign('logs', { kind, distributor });
        const goods = await world.role('goods', { distributor });
        const gateway = (await world.role('gateway', { distributor })).port('gateway');
        await world.routed(gateway, ['/goods']);
        await until('a line of msd at the foreign logs service', () => /^LOG /m.test(logs.output));
        assert.ok(goods.ended === undefined);
    });
}
