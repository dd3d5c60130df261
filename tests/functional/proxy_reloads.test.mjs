// SPDX-License-Identifier: Apache-2.0
// Routes to web programs while the gateway changes under load: rolls, and reloads of a file with
// 10,000 routes that keep every connection. No request fails.

import assert from 'node:assert/strict';

import { load } from './harness/load.mjs';
import { start_nginx } from './harness/nginx.mjs';
import { is_reference, start_proxy } from './harness/proxy.mjs';
import { repeated, sanitized, scaled } from './harness/scale.mjs';
import { test } from './harness/test.mjs';
import { pause, until } from './harness/until.mjs';
import { connect, exchange, request_bytes } from './harness/wire_http.mjs';

const skip = is_reference && 'about reloads and rolls of msd';
const routes_count = sanitized ? 1000 : 10_000;

/** An nginx as the program behind: `text` for every request. */
async function start_program(world, text) {
    const nginx = await start_nginx(world.path(`origin-${text.replaceAll(' ', '-')}`), {
        http: (port) => `keepalive_requests 100000000; server { listen 127.0.0.1:${port};
            location / { return 200 '${text}'; } }`,
    });
    world.track(nginx.program);
    return `127.0.0.1:${nginx.port}`;
}

const requests = (expect, more = {}) => ({
    fresh: { method: 'GET', target: '/f?{c}-{n}', mode: 'fresh', clients: 3, pause_ms: 10, expect },
    kept: { method: 'GET', target: '/k?{c}-{n}', mode: 'kept', clients: 12, pause_ms: 30, expect },
    pipelined: {
        method: 'GET', target: '/p', mode: 'pipelined', depth: 4, clients: 2, pause_ms: 30, expect,
    },
    posts: {
        method: 'POST', target: '/u', body: 'of {c} number {n}', mode: 'kept', clients: 4,
        pause_ms: 30, expect,
    },
    ...more,
});

test('rolls of the gateway fail no request to a web program', { skip, limit_ms: 250_000 },
    async (world, context) => {
        const address = await start_program(world, 'hello');
        const proxy = await start_proxy(world, {
            keys: { 'supervision.soak_ms': 0 },
            routes: [{ path: '/', service: 'program' }],
            upstreams: { program: { addresses: [address] } },
        }, { workers: 2 });
        proxy.gateway.expect_deaths();
        const running = new load(world, proxy.port, requests('hello'));
        await running.answers(100);
        await proxy.master.rolls(repeated(15, 50), {
            pools: ['gateway'], every_ms: scaled(100, 1000),
        });
        const seen = await running.stop();
        context.diagnostic(seen.text);
        seen.assert_clean();
    });

/** Routes of which only the last matches the requests of the load. */
function many_routes(address, last_service) {
    const routes = Array.from({ length: routes_count }, (_, n) =>
        ({ path: n % 2 === 0 ? `/exact/${n}` : `/prefix/${n}/`, service: 'other' }));
    return {
        routes: [...routes, { path: '/', service: last_service }],
        upstreams: {
            first: { addresses: [address.first] }, second: { addresses: [address.second] },
            other: { addresses: [address.first] },
        },
    };
}

test('reloads of 10,000 routes under load fail no request and close no connection',
    { skip, limit_ms: 250_000 }, async (world, context) => {
        const address = {
            first: await start_program(world, 'answer of the first'),
            second: await start_program(world, 'answer of the other'),
        };
        const proxy = await start_proxy(world, many_routes(address, 'first'), { workers: 2 });
        const kept = await connect(world, proxy.port);
        const ask = async (peer, target) => {
            peer.write(request_bytes('GET', target));
            return (await peer.reply()).text;
        };
        assert.equal(await ask(kept, '/exact/0'), 'answer of the first');
        // The program changes with each reload, so that only the beginning is the same.
        const all = requests(undefined);
        for (const group of Object.values(all)) {
            delete group.expect;
            group.contains = 'answer of the';
        }
        const running = new load(world, proxy.port, all);
        await running.answers(100);
        for (let n = 0; n < repeated(5, 60); ++n) {
            const [service, text] = n % 2 === 0 ? ['second', 'answer of the other']
                : ['first', 'answer of the first'];
            const began = performance.now();
            proxy.write(many_routes(address, service));
            const { code, output, log } = await proxy.ctl('reload');
            assert.equal(code, 0, `${output}${log}`);
            // `ctl reload` answers when all workers have the new routes.
            for (let k = 0; k < 4; ++k) {
                assert.equal((await exchange(world, proxy.port, 'GET', '/new')).text, text);
            }
            assert.equal(await ask(kept, '/kept'), text);
            await pause(Math.max(0, scaled(300, 1000) - (performance.now() - began)));
        }
        const seen = await running.stop();
        context.diagnostic(seen.text);
        seen.assert_clean();
        proxy.gateway.assert_same_workers();
    });

test('HUP applies routes, and a mistake in the file changes nothing', { skip }, async (world) => {
    const address = await start_program(world, 'the program');
    const good = {
        routes: [{ path: '/', service: 'program' }],
        upstreams: { program: { addresses: [address] } },
    };
    const proxy = await start_proxy(world, good);
    const text = async (target) => (await exchange(world, proxy.port, 'GET', target)).text;
    const reply = { path: '/made', respond: { status: 200, body: 'made here' } };
    assert.equal(await text('/made'), 'the program');

    proxy.write({ ...good, routes: [...good.routes, reply] });
    proxy.gateway.signal('SIGHUP');
    await until('the new route is used', async () => (await text('/made')) === 'made here');

    // The key with the mistake is in line 6 of the file.
    proxy.write({ ...good, routes: [{ path: '/', service: 'program', strip_prefixes: true }] });
    const { code, output, log } = await proxy.ctl('reload');
    assert.notEqual(code, 0);
    assert.match(output + log, /proxy\.toml:6.*strip_prefixes.*strip_prefix/s);
    assert.equal(await text('/made'), 'made here');
    const checked = await world.command(['check', proxy.file]);
    assert.notEqual(checked.code, 0);
    assert.match(checked.output + checked.log, /proxy\.toml:6.*strip_prefix/s);

    proxy.write({ ...good, routes: [...good.routes, ...good.routes] });
    assert.notEqual((await proxy.ctl('reload')).code, 0, 'two equal routes');
    assert.equal(await text('/made'), 'made here');
    proxy.gateway.assert_same_workers();
});
