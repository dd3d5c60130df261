// SPDX-License-Identifier: Apache-2.0
// Active checks: an endpoint that is dead or sick is known before a request of a client meets it.
// Weights and zones of nodes in the registry.

import assert from 'node:assert/strict';
import fs from 'node:fs';

import { strict_reader } from './foreign/framing.mjs';
import { http } from './harness/http_client.mjs';
import { toml_text, start_proxy } from './harness/proxy.mjs';
import { plain_reply, start_origin } from './harness/raw_origin.mjs';
import { scripted_service } from './harness/scripted.mjs';
import { free_port } from './harness/ports.mjs';
import { test } from './harness/test.mjs';
import { until } from './harness/until.mjs';

const named = (name) => async (peer, head) => {
    await peer.with_body(head);
    peer.write(plain_reply(name));
};
const refuses = (status) => async (peer, head) => {
    await peer.with_body(head);
    peer.write(plain_reply('no', { status }));
};
const fast = { 'check.every_ms': 100 };
const by_path = { ...fast, 'check.path': '/healthz' };

async function origins_of(world, count) {
    const origins = [];
    for (let index = 0; index < count; ++index) {
        const name = String.fromCharCode('a'.charCodeAt(0) + index);
        origins.push(await start_origin(world, { default: named(name), healthz: named('fine') }));
    }
    return origins;
}

const settings_of = (origins, of) => ({
    routes: [{ path: '/', service: 'app' }],
    upstreams: {
        app: {
            addresses: origins.map(({ address }) => address),
            balance: 'round-robin', slow_start_ms: 0, ...of,
        },
    },
});

const front = (world, origins, of, options) =>
    start_proxy(world, settings_of(origins, of), options);

const says = (proxy, pattern) =>
    until(`the log has ${pattern}`, () => pattern.test(proxy.gateway.log));

async function bodies(port, count = 8) {
    const seen = new Set();
    for (let sent = 0; sent < count; ++sent) {
        const reply = await http(port, 'GET', '/x');
        assert.equal(reply.status, 200);
        seen.add(reply.text);
    }
    return [...seen].sort().join('');
}

test('a dead address is known without a request', async (world) => {
    const origins = await origins_of(world, 2);
    const port = await free_port();
    const dead = { address: `127.0.0.1:${port}` };
    const proxy = await front(world, [...origins, dead], fast, { workers: 2 });
    await says(proxy, new RegExp(`app: 127.0.0.1:${port} is unhealthy: .*Connection refused`));
    assert.equal(await bodies(proxy.port), 'ab');
    assert.equal(proxy.gateway.log.match(/is unhealthy/g).length, 1, 'one line for a change');
    assert.equal(origins[0].requests.length + origins[1].requests.length, 8);
    // A check connects and sends nothing.
    await until('others are checked, too', () => origins.every(({ accepted }) => accepted > 6));
});

test('an endpoint is unhealthy by its status, and healthy again', async (world) => {
    const origins = await origins_of(world, 2);
    const proxy = await front(world, origins, { ...by_path, 'check.host': 'shop.example' });
    await until('both are asked', () => origins.every((each) => each.seen('healthz').length > 1));
    const [head] = origins[1].seen('healthz');
    assert.equal(head.method, 'GET');
    assert.equal(head.fields.get('host'), 'shop.example');
    assert.equal(await bodies(proxy.port), 'ab');
    origins[1].scripts.healthz = refuses('500 Sick');
    await says(proxy, new RegExp(`${origins[1].address} is unhealthy: status 500`));
    assert.equal(await bodies(proxy.port), 'a');
    origins[1].scripts.healthz = named('fine');
    await says(proxy, new RegExp(`${origins[1].address} is healthy again`));
    assert.equal(await bodies(proxy.port), 'ab');
    assert.equal(proxy.gateway.log.match(/is unhealthy/g).length, 1);
});

test('an endpoint that does not reply to a check is unhealthy', async (world) => {
    const origins = await origins_of(world, 2);
    const silent = async (peer) => peer.closed(280_000);
    const broken = async (peer) => {
        peer.write('HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc');
        peer.end();
    };
    const proxy = await front(world, origins, { ...by_path, 'check.timeout_ms': 200 });
    origins[0].scripts.healthz = silent;
    await says(proxy, new RegExp(`${origins[0].address} is unhealthy: no reply in 200 ms`));
    assert.equal(await bodies(proxy.port), 'b');
    // All are unhealthy: then all get requests.
    origins[1].scripts.healthz = broken;
    await says(proxy, new RegExp(`${origins[1].address} is unhealthy`));
    assert.equal(await bodies(proxy.port), 'ab');
});

test('four workers make the checks of one', async (world) => {
    const [origin] = await origins_of(world, 1);
    await front(world, [origin], { ...by_path, 'check.every_ms': 400 }, { workers: 4 });
    await until('it is asked', () => origin.seen('healthz').length > 0);
    const times = [];
    origin.scripts.healthz = async (peer, head) => {
        times.push(performance.now());
        await named('fine')(peer, head);
    };
    await until('ten checks', () => times.length >= 10);
    // 360 ms or more lie between two checks, so ten take 3.2 s; those of four workers take less.
    assert.ok(times.at(9) - times[0] > 1600, `${times.at(9) - times[0]} ms for ten checks`);
});

test('another worker goes on with the checks when one is killed', async (world) => {
    const [origin] = await origins_of(world, 1);
    const proxy = await front(world, [origin], by_path, { workers: 2 });
    proxy.gateway.expect_deaths();
    for (let turn = 0; turn < 3; ++turn) {
        const before = origin.seen('healthz').length;
        process.kill(proxy.workers()[0], 'SIGKILL');
        await until('it is asked again', () => origin.seen('healthz').length > before + 3);
    }
});

test('a reload changes the checks', async (world) => {
    const origins = await origins_of(world, 2);
    const proxy = await front(world, origins, fast, { workers: 2 });
    await until('it connects', () => origins.every(({ accepted }) => accepted > 2));
    assert.equal(origins[1].seen('healthz').length, 0);
    origins[1].scripts.healthz = refuses('404 Nothing');
    proxy.write(settings_of(origins, by_path));
    assert.equal((await proxy.ctl('reload')).code, 0);
    await says(proxy, new RegExp(`${origins[1].address} is unhealthy: status 404`));
    assert.equal(await bodies(proxy.port), 'a');
    proxy.write(settings_of(origins, { ...by_path, 'check.status': ['200', '400-499'] }));
    assert.equal((await proxy.ctl('reload')).code, 0);
    await says(proxy, new RegExp(`${origins[1].address} is healthy again`));
    origins[1].scripts.healthz = refuses('500 Sick');
    await until('it is unhealthy', () => proxy.gateway.log.includes('status 500'));
    proxy.write(settings_of(origins, { 'check.every_ms': 0 }));
    assert.equal((await proxy.ctl('reload')).code, 0);
    await until('what was checked before does not count', async () =>
        (await bodies(proxy.port)) === 'ab');
});

test('wrong keys of checks are refused', async (world) => {
    const file = world.path('wrong.toml');
    const wrong = [
        [{ 'check.path': 'healthz' }, 'check.path'],
        [{ 'check.path': '/a b' }, 'check.path'],
        [{ 'check.host': 'a/b' }, 'check.host'],
        [{ 'check.status': ['2xx'] }, 'check.status'],
        [{ 'check.status': ['399-200'] }, 'check.status'],
        [{ 'check.fall': 0 }, 'check.fall'],
        [{ 'check.every_ms': -1 }, 'check.every_ms'],
    ];
    for (const [of, key] of wrong) {
        fs.writeFileSync(file, toml_text({ upstreams: { app: of } }));
        const checked = await world.command(['check', file]);
        assert.equal(checked.code, 78, checked.log);
        assert.ok(checked.log.includes(key), checked.log);
    }
});

test('an instance of a packet service that is gone is known without a request', async (world) => {
    const distributor = (await world.role('distributor')).port('distributor');
    const config = world.path('checks.toml');
    fs.writeFileSync(config, '[upstream.default]\ncheck = { every_ms = 100 }\n');
    const gateway = await world.role('gateway', { distributor, args: ['--config', config] });
    const service = await scripted_service(world, {
        distributor, name: 'where', urls: ['GET/x'], on_request: (_packet, reply) => reply(),
    });
    const registration = await world.packets(distributor);
    const dead = await free_port();
    registration.register({ port: dead, name: 'where', urls: ['GET/x'] });
    await world.routed(gateway.port('gateway'), ['/x']);
    await until('the dead one is known', () =>
        new RegExp(`where: 127.0.0.1:${dead} is unhealthy: .*refused`).test(gateway.log));
    service.close();
    await until('the other one as well', () =>
        gateway.log.includes(`where: 127.0.0.1:${service.port} is unhealthy`));
});

/** A node of protocol 2 that does not answer the pings of its registry is removed. */
function answer_pings(registration) {
    const reader = new strict_reader(({ uri, key }) => {
        if (uri === '/ping') {
            registration.send({ key, errorcode: 0, errormessage: 'success' });
        }
    });
    registration.socket.on('data', (chunk) => reader.feed(chunk));
}

test('weights and zones of nodes divide the requests of their callers', async (world) => {
    const distributor = (await world.role('distributor')).port('distributor');
    const config = world.path('zone.toml');
    fs.writeFileSync(config, [
        'registry.zone = "east"',
        '[upstream.default]',
        'slow_start_ms = 0',
        'balance = "round-robin"',
    ].join('\n'));
    const gateway = await world.role('gateway', { distributor, args: ['--config', config] });
    const port = gateway.port('gateway');
    const nodes = {};
    const asked = { a: 0, b: 0, c: 0 };
    const described = { proto: 2, routes: [{ method: 'GET', path: '/x' }] };
    const register = (label, extra) =>
        nodes[label].registration.register({
            port: nodes[label].port, name: 'where', urls: ['GET/x'], ...described, ...extra,
        });
    for (const label of Object.keys(asked)) {
        nodes[label] = await scripted_service(world, {
            distributor, name: 'where', urls: ['GET/x'],
            extra: { ...described, zone: label === 'c' ? 'west' : 'east' },
            on_request: (packet, reply, socket) => {
                if (packet.hello) {
                    socket.write('{"hello":{"slot":0,"workers":1,"generation":1}}¶');
                    return;
                }
                asked[label] += packet.uri === '/x' ? 1 : 0;
                reply();
            },
        });
        answer_pings(nodes[label].registration);
    }
    await world.routed(port, ['/x']);
    const counts = async (count = 40) => {
        Object.assign(asked, { a: 0, b: 0, c: 0 });
        for (let sent = 0; sent < count; ++sent) {
            assert.equal((await http(port, 'GET', '/x')).status, 200);
        }
        return { ...asked };
    };
    await until('those of the own zone get all requests', async () => {
        const { a, b, c } = await counts();
        return a === 20 && b === 20 && c === 0;
    });
    register('a', { zone: 'east', weight: 3 });
    await until('the weights count', async () => {
        const { a, b, c } = await counts();
        return a === 30 && b === 10 && c === 0;
    });
    register('a', { zone: 'west' });
    register('b', { zone: 'west' });
    await until('there is no node in the own zone', async () =>
        Object.values(await counts(30)).every((each) => each === 10));
    const before = nodes.a.registration;
    before.register({ port: nodes.a.port, name: 'where', urls: [], proto: 2, weight: 2000 });
    const refused = await before.reply(0);
    assert.match(refused.errormessage, /weight must be an integer from 0 to 1000/);
});
