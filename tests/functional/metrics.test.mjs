// SPDX-License-Identifier: Apache-2.0
// The admin worker: metrics of all workers for Prometheus, health, readiness.

import assert from 'node:assert/strict';
import fs from 'node:fs';
import net from 'node:net';

import { control } from './harness/control.mjs';
import { http } from './harness/http_client.mjs';
import { free_port } from './harness/ports.mjs';
import { read_metrics, start_prometheus } from './harness/prometheus.mjs';
import { toml_text } from './harness/proxy.mjs';
import { start_origin, answer } from './harness/raw_origin.mjs';
import { test } from './harness/test.mjs';
import { until } from './harness/until.mjs';

const with_admin = { MSD_ADMIN_ENABLED: 'true' };
const goods_requests = 'msd_http_requests_total{route="/goods",method="GET",code="200"}';

async function scrape(program) {
    const reply = await http(program.port('admin'), 'GET', '/metrics');
    assert.equal(reply.status, 200);
    assert.equal(reply.headers.get('content-type'), 'text/plain; version=0.0.4; charset=utf-8');
    return read_metrics(reply.text);
}

async function ready(program) {
    const { status, text } = await http(program.port('admin'), 'GET', '/readyz');
    return { status, ...JSON.parse(text) };
}

async function is_counted(what, program, condition) {
    return until(what, async () => {
        const samples = await scrape(program);
        return condition(samples) && samples;
    });
}

test('prometheus sees the sum over workers, which no crash lowers', async (world) => {
    const up = await world.up({
        args: ['--admin-port', '0', '--gateway-workers', '3'],
        env: with_admin,
    });
    await up.ready('admin');
    const before = (await scrape(up))[goods_requests];
    const requests = 60;
    for (let count = 0; count < requests; ++count) {
        await up.http('GET', '/goods');
    }
    const prometheus = await start_prometheus(world, up.port('admin'));
    const total = `sum(msd_http_requests_total{route="/goods",method="GET",code="200"})`;
    await until('prometheus has all requests', async () =>
        (await prometheus.query(total))[0] === before + requests);

    up.expect_deaths();
    for (const { pid } of up.workers('gateway').slice(0, 2)) {
        process.kill(pid, 'SIGKILL');
    }
    const master = new control(world.path('run'), up);
    await master.pids('gateway');
    await up.http('GET', '/goods');
    await until('the new workers add to what the dead ones have counted', async () =>
        (await prometheus.query(total))[0] === before + requests + 1);
    await until('the restarts are counted', async () => (await prometheus.query(
        'msd_worker_restarts_total{role="gateway",reason="signal"}'))[0] === 2);
    assert.deepEqual(await prometheus.query(`resets(${total.slice(4, -1)}[5m])`), [0]);
    const [p99] = await prometheus.query('histogram_quantile(0.99, '
        + 'sum by (le) (msd_http_request_duration_seconds_bucket{route="/goods"}))');
    assert.ok(p99 > 0 && p99 <= 10, `p99 is ${p99}`);
    const metadata = await prometheus.ask('metadata?metric=msd_http_requests_total');
    assert.equal(metadata.msd_http_requests_total[0].type, 'counter');
});

test('every figure of the status is a metric, whatever requests contain', async (world) => {
    const origin = await start_origin(world, { default: answer });
    const file = world.path('access.log');
    const up = await world.up({
        args: ['--admin-port', '0', '--route', `/web/=${origin.address}`,
            '--route', `/gone/=127.0.0.1:${await free_port()}`],
        config: { 'gateway.access_log': 'json', 'gateway.access_log_file': file },
        env: with_admin,
    });
    await up.ready('admin');
    const port = up.port('gateway');
    await http(port, 'GET', '/goods?id=1');
    await http(port, 'GET', '/web/x');
    await http(port, 'GET', '/gone/x');
    await http(port, 'BREW', '/goods');
    for (let count = 0; count < 50; ++count) {
        await http(port, 'GET', `/no/such/"path"${count}`);
    }
    const raw = net.connect(port, '127.0.0.1');
    raw.end('GET / HTTP/9.9\r\n\r\n');
    raw.resume();
    const samples = await is_counted('all requests', up, (all) =>
        all['msd_http_requests_total{route="none",method="other",code="505"}'] === 1
        && all['msd_registry_nodes'] >= 5);
    const expected = {
        'msd_http_requests_total{route="none",method="GET",code="404"}': 50,
        'msd_http_requests_total{route="none",method="other",code="501"}': 1,
        'msd_http_requests_total{route="/web/",method="GET",code="200"}': 1,
        'msd_http_requests_total{route="/gone/",method="GET",code="502"}': 1,
        'msd_http_request_duration_seconds_count{route="/web/"}': 1,
        'msd_http_requests_in_flight': 0,
        'msd_pool_slots{role="gateway"}': 1,
        'msd_workers{role="goods",state="ready"}': 1,
    };
    for (const [key, value] of Object.entries(expected)) {
        assert.equal(samples[key], value, key);
    }
    const upstream = Object.entries(samples).filter(([key]) =>
        key.startsWith('msd_upstream_requests_total'));
    const of = (text) => upstream.filter(([key]) => key.includes(text)).map(([, value]) => value);
    assert.deepEqual(of(`instance="${origin.address}",outcome="success"`), [1]);
    assert.deepEqual(of('outcome="connect_failed"'), [1]);
    assert.ok(Object.keys(samples).some((key) =>
        key.startsWith('msd_service_requests_total{service="goods",route="GET/goods",status="')));

    // The status has the same figures: those of the role and the common ones.
    const master = new control(world.path('run'), up);
    await until('the status has figures of all pools', async () =>
        (await master.status()).pools.every(({ slots }) => slots.every(({ stats }) => stats)));
    const { pools } = await master.status();
    const all = await scrape(up);
    for (const { name, slots: [{ stats }] } of pools) {
        for (const [figure, value] of Object.entries(stats)) {
            const key = `msd_worker_figure{role="${name}",figure="${figure}"}`;
            assert.ok(typeof value !== 'number' || key in all, key);
        }
    }

    const flags = fs.readFileSync(file, 'utf8').trim().split('\n').map((line) => JSON.parse(line))
        .map(({ target, flags: said }) => [target, said]);
    assert.deepEqual(flags.find(([target]) => target === '/gone/x'), ['/gone/x', 'UF']);
    assert.deepEqual(flags.find(([target]) => target === '/web/x'), ['/web/x', undefined]);
    assert.equal(flags.find(([target]) => target?.startsWith('/no/such'))[1], 'NR');
});

test('the policies are metrics: breakers, ejections, limits and retries', async (world) => {
    const origin = await start_origin(world, { default: answer });
    const dead = `127.0.0.1:${await free_port()}`;
    const file = world.path('policies.toml');
    fs.writeFileSync(file, toml_text({
        keys: {},
        routes: [
            { name: 'api', path: '/api/', service: 'api', limit: { rate: '1/h', burst: 3 } },
            { path: '/gone/', service: 'gone' },
        ],
        upstreams: { // without checks, which would find the dead address before a request does
            api: {
                addresses: [origin.address, dead], balance: 'round-robin', check: { every_ms: 0 },
            },
            gone: {
                addresses: [dead], breaker: { requests_min: 5 }, check: { every_ms: 0 },
            },
        },
    }));
    const up = await world.up({
        args: ['--admin-port', '0', '--gateway-workers', '3', '--config', file],
        env: with_admin,
    });
    await up.ready('admin');
    const port = up.port('gateway');
    const statuses = [];
    for (let count = 0; count < 6; ++count) {
        statuses.push((await http(port, 'GET', '/api/x')).status);
    }
    assert.deepEqual(statuses, [200, 200, 200, 200, 429, 429]);
    for (let count = 0; count < 30; ++count) {
        await http(port, 'GET', '/gone/x');
    }
    const samples = await is_counted('the state of the policies', up, (all) =>
        all['msd_breaker_state{service="gone",route="/gone/"}'] === 2
        && all[`msd_outlier_ejected{service="api",instance="${dead}"}`] === 1);
    // Three workers share each of these, and each worker has published it.
    assert.equal(samples[`msd_outlier_ejected{service="api",instance="${origin.address}"}`], 0);
    assert.equal(samples['msd_breaker_state{service="api",route="api"}'], 0);
    const opened = 'msd_breaker_transitions_total{service="gone",route="/gone/",to="open"}';
    assert.ok(samples[opened] >= 1);
    const ejections = `msd_outlier_ejections_total{service="api",instance="${dead}",`
        + 'reason="connection_refused"}';
    assert.ok(samples[ejections] >= 1);
    const retries = 'msd_upstream_retries_total{service="api",reason="connection_refused"}';
    assert.ok(samples[retries] >= 1);
    assert.equal(samples['msd_ratelimit_requests_total{limit="api",outcome="allowed"}'], 4);
    assert.equal(samples['msd_ratelimit_requests_total{limit="api",outcome="refused"}'], 2);
    assert.equal(samples['msd_bulkhead_running{service="api"}'], 0);
    const tries = 'msd_upstream_try_duration_seconds_count{service="api",'
        + `instance="${origin.address}"}`;
    assert.equal(samples[tries], 4);
    assert.ok(samples['msd_registry_routes'] > 0);
    assert.ok(samples['msd_registry_registrations_total{outcome="accepted"}'] >= 5);
    assert.equal(samples['msd_registry_registrations_total{outcome="refused"}'], 0);
    // What is gone from the configuration has no state any more.
    fs.writeFileSync(file, toml_text({ keys: {}, routes: [], upstreams: {} }));
    const reload = await world.command(['ctl', 'reload', ...world.own_dirs()]);
    assert.equal(reload.code, 0, reload.log);
    await is_counted('the breaker is gone', up, (all) =>
        all['msd_breaker_state{service="gone",route="/gone/"}'] === 0);
});

test('an instance is ready when every pool has a worker', async (world) => {
    const up = await world.up({
        args: ['--admin-port', '0'],
        env: with_admin,
        config: {
            'supervision.backoff_first_ms': 20_000,
            'supervision.backoff_max_ms': 20_000,
        },
    });
    await up.ready('admin');
    const health = await http(up.port('admin'), 'GET', '/healthz');
    assert.deepEqual([health.status, health.text], [200, 'ok\n']);
    const first = await until('all are ready', async () => {
        const said = await ready(up);
        return said.status === 'ready' && said;
    });
    assert.deepEqual(first.waiting_for, []);
    up.expect_deaths();
    // The second death is early, so the next worker starts after the pause.
    const gone = await until('goods has no worker', async () => {
        up.workers('goods').forEach(({ pid }) => process.kill(pid, 'SIGKILL'));
        const { status, text } = await http(up.port('admin'), 'GET', '/readyz');
        return status === 503 && JSON.parse(text).waiting_for.includes('goods') && text;
    });
    assert.equal(JSON.parse(gone).status, 'not ready');
    assert.equal((await http(up.port('admin'), 'GET', '/healthz')).status, 200);
});

test('a role alone has an admin worker when its port is set', async (world) => {
    const plain = await world.role('distributor', { env: with_admin });
    assert.equal(plain.workers('admin').length, 0);
    const watched = await world.role('distributor', {
        env: with_admin,
        args: ['--admin-port', '0'],
    });
    await watched.ready('admin');
    const port = watched.port('admin');
    const cases = [
        ['GET', '/', 404], ['POST', '/metrics', 405], ['HEAD', '/readyz', 200],
        ['GET', '/metrics?x=y', 200], ['GET', '/..%2fmetrics', 404],
    ];
    for (const [method, target, status] of cases) {
        assert.equal((await http(port, method, target)).status, status, `${method} ${target}`);
    }
    assert.equal((await http(port, 'GET', `/${'x'.repeat(20_000)}`)).status, 414);

    // A port that somebody chose and that is in use is an error; the default port is not.
    const args = ['distributor', '--port', '0', '--admin-port', String(port), ...world.own_dirs()];
    const taken = await world.command(args, { env: with_admin });
    assert.equal(taken.code, 1);
    assert.match(taken.log, new RegExp(`admin: .*port ${port}`));
});
