// SPDX-License-Identifier: Apache-2.0
// `msd up` starts every role on this machine: all calls of the API table, data after a restart, and
// a stop that leaves no process.

import assert from 'node:assert/strict';
import fs from 'node:fs';

import { http } from './harness/http_client.mjs';
import { can_listen, free_port } from './harness/ports.mjs';
import { children, is_alive } from './harness/proc.mjs';
import { scripted_service } from './harness/scripted.mjs';
import { test } from './harness/test.mjs';
import { until } from './harness/until.mjs';
import { roles } from './harness/world.mjs';

const pencil = { name: '연필', category: 'tests', price: 1000, description: 'test' };

test('msd up prints the address of each role and a curl command that works', async (world) => {
    const up = await world.up();
    const port = up.port('gateway');
    await until('the curl example is printed', () =>
        up.output.includes(`curl http://127.0.0.1:${port}/goods`));
    assert.ok(up.output.trim().split('\n').length <= roles.length + 8, 'the output is short');
    for (const role of roles) {
        assert.ok(up.workers(role).length === 1, role);
    }
    const response = await up.http('GET', '/goods');
    assert.equal(response.status, 200);
    assert.equal(response.json.errormessage, 'no data');
});

test('the first reply after a start comes from the service', async (world) => {
    const ports = new Map();
    for (const role of roles) {
        ports.set(role, await free_port());
    }
    const args = roles.flatMap((role) => [`--${role}-port`, String(ports.get(role))]);
    const up = world.spawn_msd('msd up', ['up', ...args, '--workers', '1', ...world.own_dirs()]);
    const first = await until('an answer', async () => {
        const response = await http(ports.get('gateway'), 'GET', '/goods');
        return response.status !== 0 && response;
    });
    assert.equal(first.status, 200, first.text);
    await up.ready('gateway');
    const order = [...up.ready_ports().keys()];
    assert.deepEqual([order[0], order[1], order.at(-1)], ['distributor', 'logs', 'gateway']);
});

test('every call of the API table gets the documented reply', async (world) => {
    const up = await world.up({ workers: 2 });
    const ask = async (method, target, body) => (await up.http(method, target, { body })).json;
    const ok = async (...request) => {
        const reply = await ask(...request);
        assert.equal(reply.errorcode, 0, `${request[0]} ${request[1]}: ${JSON.stringify(reply)}`);
        assert.equal(reply.errormessage, 'success');
        return reply;
    };
    const { id } = await ok('POST', '/goods', pencil);
    assert.deepEqual((await ok('GET', '/goods')).results, [{ id, ...pencil }]);
    const eraser = { ...pencil, name: 'eraser', category: 'other', price: 2.5 };
    const second = (await ok('POST', '/goods', eraser)).id;
    assert.notEqual(second, id);
    const filtered = await ok('GET', '/goods?category=other');
    assert.deepEqual(filtered.results, [{ id: second, ...eraser }]);
    await ok('PUT', `/goods/${second}`, { ...eraser, price: 3 });
    assert.equal((await ok('GET', `/goods/${second}`)).results[0].price, 3);

    const account = { username: 'test_account', password: 'test_password' };
    const { userid } = await ok('POST', '/members', account);
    const login = `/members?${new URLSearchParams(account)}`;
    assert.equal((await ok('GET', login)).userid, userid);
    assert.equal((await ask('POST', '/members', account)).errorcode, 1);
    const wrong = await ask('GET', '/members?username=test_account&password=x');
    assert.deepEqual([wrong.errorcode, wrong.errormessage], [1, 'invalid password']);

    await ok('POST', '/purchases', { userid, goodsid: id });
    await ok('POST', '/purchases', { userid, goodsid: second, quantity: 3 });
    await ok('POST', '/purchases', { userid, goodsid: second, quantity: -1 });
    assert.equal((await ask('POST', '/purchases', { userid, goodsid: 999 })).errorcode, 1);
    const nothing = { userid, goodsid: id, quantity: 0 };
    const zero = await up.http('POST', '/purchases', { body: nothing });
    assert.equal(zero.status, 422);
    const { results } = await ok('GET', `/purchases?userid=${userid}`);
    assert.deepEqual(results.map(({ goodsid }) => goodsid), [id, second, second]);
    assert.deepEqual(results.map(({ quantity }) => quantity), [1, 3, -1]);
    assert.deepEqual(results.map(({ price }) => price), [1000, 3, 3]);
    for (const { date } of results) {
        assert.match(date, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z$/);
        assert.ok(Math.abs(Date.now() - Date.parse(date)) < 600_000, date);
    }
    await ok('DELETE', `/goods?id=${id}`);
    await ok('DELETE', '/members?username=test_account');
    assert.equal((await ask('GET', login)).errormessage, 'invalid password');
    assert.equal((await up.http('POST', '/logs', { body: { any: 'thing' } })).status, 202);
});

test('limit and after page through goods and purchases', async (world) => {
    const up = await world.up();
    const ids = [];
    for (let n = 0; n < 25; ++n) {
        ids.push((await up.http('POST', '/goods', { body: { ...pencil, price: n } })).json.id);
    }
    const body = { userid: 5, goodsid: ids[0] };
    for (let n = 0; n < 12; ++n) {
        assert.equal((await up.http('POST', '/purchases', { body })).status, 200);
    }
    const walk = async (target, limit) => {
        const rows = [];
        let after;
        do {
            const more = after === undefined ? '' : `&after=${after}`;
            const page = (await up.http('GET', `${target}limit=${limit}${more}`)).json;
            const results = page.results ?? [];
            assert.ok(results.length <= limit);
            rows.push(...results);
            after = page.next;
        } while (after !== undefined && after !== null);
        return rows;
    };
    for (const limit of [1, 7, 25, 1000]) {
        assert.deepEqual((await walk('/goods?', limit)).map(({ id }) => id), ids, `limit ${limit}`);
        assert.equal((await walk('/purchases?userid=5&', limit)).length, 12, `limit ${limit}`);
    }
    for (const limit of ['0', '-1', '1001', 'x']) {
        assert.equal((await up.http('GET', `/goods?limit=${limit}`)).status, 422, limit);
    }
});

test('data is kept over a restart on the same ports', async (world) => {
    const first = await world.up({ comes_back: true });
    const { id } = (await first.http('POST', '/goods', { body: pencil })).json;
    const account = { username: 'ann', password: 'secret of ann' };
    const { userid } = (await first.http('POST', '/members', { body: account })).json;
    await first.http('POST', '/purchases', { body: { userid, goodsid: id } });
    const gateway = first.port('gateway');
    const ended = await first.stop('SIGINT');
    assert.deepEqual(ended, { code: 0, signal: null });

    await world.up({ at: first });
    const goods = (await http(gateway, 'GET', '/goods')).json;
    assert.deepEqual(goods.results, [{ id, ...pencil }]);
    const login = await http(gateway, 'GET', `/members?${new URLSearchParams(account)}`);
    assert.equal(login.json.userid, userid);
    const purchases = (await http(gateway, 'GET', `/purchases?userid=${userid}`)).json;
    assert.deepEqual(purchases.results.map(({ goodsid }) => goodsid), [id]);
});

for (const signal of ['SIGINT', 'SIGTERM']) {
    test(`one ${signal} stops all roles with exit code 0 and leaves no process`, async (world) => {
        const up = await world.up({ workers: 2 });
        const pids = up.workers().map(({ pid }) => pid);
        assert.equal(pids.length, 15);
        const idle = await world.connection(up.port('gateway'));
        await idle.request('GET', '/goods');
        const in_flight = Array.from({ length: 20 }, (_, n) =>
            up.http('POST', '/goods', { body: { ...pencil, price: n } }));
        // All requests were sent; some are still in flight after the first reply.
        await in_flight[0];
        const ended = await up.stop(signal, 45_000);
        assert.deepEqual(ended, { code: 0, signal: null });
        assert.deepEqual(pids.filter(is_alive), []);
        assert.deepEqual(children(up.pid), []);
        for (const response of await Promise.allSettled(in_flight)) {
            const status = response.value?.status ?? 0;
            assert.ok([0, 200, 502, 503].includes(status), `status ${status}`);
        }
        assert.doesNotMatch(up.log, /\berror\b/i, 'a stop logs no error');
    });
}

test('after SIGTERM requests in flight get replies, new connections are refused', async (world) => {
    const distributor = (await world.role('distributor')).port('distributor');
    const gateway = await world.role('gateway', { distributor });
    const port = gateway.port('gateway');
    let holds = false;
    let answer;
    await scripted_service(world, {
        distributor,
        name: 'slow',
        urls: ['GET/slow'],
        on_request: (_packet, reply) => {
            if (holds) {
                answer = reply;
            } else {
                reply();
            }
        },
    });
    await world.routed(port, ['/slow']);
    holds = true;
    const asked = http(port, 'GET', '/slow');
    await until('the service has the request', () => answer);
    gateway.end_expected = true;
    process.kill(gateway.pid, 'SIGTERM');
    await until('the gateway has stopped listening', () => can_listen(port));
    assert.equal(gateway.ended, undefined);
    answer({ label: 'in time' });
    const { status, json } = await asked;
    assert.deepEqual([status, json?.label], [200, 'in time']);
    await until('the gateway has exited', () => gateway.ended);
    assert.equal(gateway.ended.code, 0);
});

test('the workers of a killed master exit, and a new master starts', async (world) => {
    const up = await world.up({ comes_back: true });
    const pids = up.workers().map(({ pid }) => pid);
    up.end_expected = true;
    process.kill(up.pid, 'SIGKILL');
    await until('no worker is left', () => !pids.some(is_alive));
    const again = await world.up({ at: up });
    assert.equal(again.port('gateway'), up.port('gateway'));
});

test('only the owner can read the data files', async (world) => {
    await world.up();
    assert.equal(fs.statSync(world.path('data')).mode & 0o777, 0o700);
    const files = fs.readdirSync(world.path('data'), { withFileTypes: true });
    assert.ok(files.some(({ name }) => name === 'goods.db'));
    for (const file of files.filter((each) => each.isFile())) {
        const { mode } = fs.statSync(world.path('data', file.name));
        assert.equal(mode & 0o077, 0, `${file.name} has mode ${(mode & 0o777).toString(8)}`);
    }
});

test('a gateway without a list of nodes answers 503 with Retry-After', async (world) => {
    const distributor = await free_port(); // nothing listens on this port
    const config = { 'registry.reconnect_ms': 100 };
    const gateway = (await world.role('gateway', { distributor, config })).port('gateway');
    const early = await http(gateway, 'GET', '/goods');
    assert.equal(early.status, 503);
    assert.equal(early.headers.get('retry-after'), '1');
    assert.match(early.json.detail, /registry/);
    await world.role('distributor', { port: distributor });
    await until('the gateway answers 404 once it has a list', async () =>
        (await http(gateway, 'GET', '/goods')).status === 404);
});

test('a service that starts later is routed when it is ready', async (world) => {
    const distributor = (await world.role('distributor')).port('distributor');
    const gateway = (await world.role('gateway', { distributor })).port('gateway');
    assert.equal((await http(gateway, 'GET', '/goods')).status, 404);
    await world.role('goods', { distributor });
    await world.routed(gateway, ['/goods']);
});
