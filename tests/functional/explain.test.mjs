// SPDX-License-Identifier: Apache-2.0
// `msd explain`: what the gateway would do with a request, without doing it.

import assert from 'node:assert/strict';
import fs from 'node:fs';

import { control } from './harness/control.mjs';
import { free_port } from './harness/ports.mjs';
import { toml_text } from './harness/proxy.mjs';
import { answer, start_origin } from './harness/raw_origin.mjs';
import { test } from './harness/test.mjs';
import { until } from './harness/until.mjs';
import { exchange } from './harness/wire_http.mjs';

const run_dir = (world) => ['--runtime-dir', world.path('run')];

async function explained(world, ...args) {
    const { code, output, log } =
        await world.command(['explain', ...args, '--json', ...run_dir(world)]);
    assert.equal(code, 0, log);
    return JSON.parse(output);
}

test('route, policies and candidates of a request are shown, and nothing is changed',
    async (world) => {
        const origin = await start_origin(world, { default: answer });
        const good = `127.0.0.1:${origin.port}`;
        const dead = `127.0.0.1:${await free_port()}`;
        const file = world.path('explain.toml');
        fs.writeFileSync(file, toml_text({
            keys: {},
            routes: [
                {
                    name: 'api', path: '/api/', service: 'api', timeout_ms: 3000,
                    limit: { rate: '1/h', burst: 4, key: 'header:X-Api-Key' },
                    fallback: { status: 200, body: 'spare' }, body_bytes_max: 1000,
                },
                { path: '/old', redirect: { status: 308, location: 'https://shop.example/' } },
            ],
            upstreams: { api: { addresses: [good, dead], balance: 'round-robin' } },
        }));
        const up = await world.up({ args: ['--config', file] });
        const port = up.port('gateway');
        for (let count = 0; count < 4; ++count) {
            assert.equal((await exchange(world, port, 'GET', '/api/x')).status, 200);
        }
        const requests = origin.seen('x').length;

        const key = ['--header', 'X-Api-Key: k1'];
        const first = await explained(world, 'GET', '/api/x?token=abc', ...key);
        assert.deepEqual(first.request, {
            method: 'GET', target: '/api/x?token=***', host: 'localhost', client: '127.0.0.1',
        });
        assert.equal(first.route.name, 'api');
        assert.deepEqual([first.route.path, first.route.fits_as, first.route.from],
            ['/api/', 'prefix', 'configuration']);
        assert.match(first.route.source, /explain\.toml:\d+/);
        assert.deepEqual([first.service, first.protocol, first.balance],
            ['api', 'http', 'round-robin']);
        const { policies } = first;
        assert.ok(policies.timeout_ms.connect > 0);
        assert.ok(policies.timeout_ms.request <= 3000 && policies.timeout_ms.request > 2000);
        assert.deepEqual([policies.retry.tries, policies.retry.is_repeatable], [2, true]);
        assert.ok(policies.retry.budget_left > 0);
        assert.deepEqual([policies.breaker.mode, policies.breaker.state], ['enforce', 'closed']);
        assert.ok(policies.breaker.requests <= 4); // of the last 10 s
        assert.deepEqual([policies.bulkhead.running, policies.bulkhead.per_endpoint_max], [0, 128]);
        assert.deepEqual(
            [policies.limit.of, policies.limit.rate, policies.limit.key, policies.limit.left],
            ['api', '1/h', 'header x-api-key: ***', 5],
        );
        assert.deepEqual(policies.fallback, { status: 200 });
        assert.equal(policies.body_bytes_max, 1000);
        const by_address = new Map(first.candidates.map((each) => [each.address, each]));
        assert.equal(by_address.get(good).state, 'healthy');
        assert.ok(by_address.get(good).latency_us > 0);
        assert.equal(by_address.get(dead).state, 'refuses connections');
        assert.equal(by_address.get(dead).takes_requests, false);
        assert.equal(first.chosen, good);
        assert.match(first.outcome, /would be sent to/);

        // Nothing was taken and nobody was called.
        const again = await explained(world, 'GET', '/api/x?token=abc', ...key);
        assert.equal(again.policies.limit.left, 5);
        assert.ok(again.policies.breaker.requests <= policies.breaker.requests);
        assert.equal(origin.seen('x').length, requests);
        await exchange(world, port, 'GET', '/api/x', { fields: { 'X-Api-Key': 'k1' } });
        const after = await explained(world, 'GET', '/api/x', ...key);
        assert.equal(after.policies.limit.left, 4);

        // A packet service.
        const goods = await explained(world, 'GET', '/goods?id=1');
        assert.deepEqual([goods.route.path, goods.route.from, goods.service, goods.protocol],
            ['/goods', 'registry', 'goods', 'packets']);
        assert.equal(goods.chosen, `127.0.0.1:${up.port('goods')}`);
        assert.equal(goods.candidates[0].connection, 'open');
        assert.equal(goods.policies.limit, null);
        assert.equal(goods.policies.bulkhead.requests_max, null);
        const redirect = await explained(world, 'GET', '/old');
        assert.match(redirect.outcome, /^308/);

        const fault = await world.command(
            ['fault', 'add', 'goods', '--delay', '200ms', ...run_dir(world)]);
        assert.equal(fault.code, 0);
        const faulty = await explained(world, 'GET', '/goods');
        assert.match(faulty.policies.faults[0], /200 ms/);

        const { output } = await world.command(['explain', 'GET', '/api/x', ...run_dir(world)]);
        for (const part of [
            /GET \/api\/x of 127\.0\.0\.1/, /route +\/api\/, prefix of the configuration/,
            /service +api, reached by http/, /outcome +the request would be sent to/,
            /^breaker +enforce/m, /^limit +1\/h/m, /^fallback +a fixed reply, 200/m,
            new RegExp(`^${good} +healthy.* now$`, 'm'),
            new RegExp(`^${dead} +refuses connections`, 'm'),
        ]) {
            assert.match(output, part);
        }
    });

test('a request without a route, or that is none, is an error that helps', async (world) => {
    const up = await world.up();
    await until('the routes are known', async () =>
        (await exchange(world, up.port('gateway'), 'GET', '/goods')).status === 200);
    const cases = [
        [['GET', '/gods'], 1, /404: no service offers this path; near are .*\/goods/],
        [['PATCH', '/goods'], 1, /405: .*supports .*GET/],
        [['G ET', '/goods'], 2, /is no method/],
        [['GET', 'goods'], 2, /is no path/],
        [['GET', '/a b'], 2, /400/],
        [['GET', '/goods', '--header', 'X-Token'], 2, /NAME:VALUE/],
        [['GET', '/goods', '--header', 'A: b\r\nC: d'], 2, /line end/],
        [['GET', `/goods?x=${'y'.repeat(5000)}`], 2, /too long/],
        [['GET', '/goods', '-i', 'none'], 1, /no instance none runs/],
        [['GET'], 2, /TARGET is required/],
    ];
    for (const [args, code, text] of cases) {
        const ended = await world.command(['explain', ...args, ...run_dir(world)]);
        assert.equal(ended.code, code, `${args}: ${ended.log}`);
        assert.match(ended.log, text);
    }
});

test('an instance without a gateway says so', async (world) => {
    await world.role('distributor');
    const ended = await world.command(['explain', 'GET', '/', ...run_dir(world)]);
    assert.equal(ended.code, 1);
    assert.match(ended.log, /this instance has no gateway/);
});

test('another worker answers for one that hangs, and the master waits for none', async (world) => {
    const up = await world.up({
        args: ['--gateway-workers', '2'],
        config: { 'supervision.heartbeat_timeout_ms': 600_000 },
    });
    const workers = up.workers('gateway').map(({ pid }) => pid);
    workers.forEach((pid) => world.on_close(() => process.kill(pid, 'SIGCONT')));
    for (const pid of workers) {
        process.kill(pid, 'SIGSTOP');
        const { service } = await explained(world, 'GET', '/goods');
        assert.equal(service, 'goods');
        process.kill(pid, 'SIGCONT');
    }
    workers.forEach((pid) => process.kill(pid, 'SIGSTOP'));
    const asked = world.command(['explain', 'GET', '/goods', ...run_dir(world)]);
    const master = new control(world.path('run'), up);
    assert.equal((await master.status()).pid, up.pid); // meanwhile
    const ended = await asked;
    assert.equal(ended.code, 1);
    assert.match(ended.log, /no worker of gateway answers/);
    workers.forEach((pid) => process.kill(pid, 'SIGCONT'));
    await until('they answer again', async () =>
        (await world.command(['explain', 'GET', '/goods', ...run_dir(world)])).code === 0);
});

test('questions at the same time are all answered', async (world) => {
    await world.up();
    const command = ['explain', 'GET', '/goods', '--json', ...run_dir(world)];
    for (let round = 0; round < 3; ++round) {
        const all = await Promise.all(Array.from({ length: 4 }, () => world.command(command)));
        for (const { code, output, log } of all) {
            assert.equal(code, 0, log);
            assert.equal(JSON.parse(output).service, 'goods');
        }
    }
});
