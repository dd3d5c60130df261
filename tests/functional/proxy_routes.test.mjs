// SPDX-License-Identifier: Apache-2.0
// Which program a request reaches: by host, path, method and share; redirects and fixed replies;
// programs in the registry; what the program learns of the client, and what is put right in its
// reply.

import assert from 'node:assert/strict';
import fs from 'node:fs';

import { is_reference, shared_cases, start_proxy, toml_text } from './harness/proxy.mjs';
import { chunked, plain_reply, start_origin } from './harness/raw_origin.mjs';
import { test } from './harness/test.mjs';
import { until } from './harness/until.mjs';
import { connect, exchange, request_bytes } from './harness/wire_http.mjs';

const skip = is_reference && 'about routes of msd';

/** A program whose replies name it, the request, and the request's headers. */
async function named_program(world, name) {
    return start_origin(world, {
        default: async (peer, head) => {
            const { body } = await peer.with_body(head);
            const { method, target, fields } = head;
            const said = { name, method, target, fields: fields.lines, body: body.toString() };
            peer.write(plain_reply(JSON.stringify(said)));
        },
    });
}

class route_test {
    constructor(world, port) {
        Object.assign(this, { world, port });
    }

    exchange(method, target, options) {
        return exchange(this.world, this.port, method, target, options);
    }

    /** What the program was sent: { name, method, target, fields, body, header(name) }. */
    async seen(method, target, options) {
        const reply = await this.exchange(method, target, options);
        assert.equal(reply.status, 200, `${method} ${target}: ${reply.text}`);
        const said = JSON.parse(reply.text);
        const all = (name) => said.fields.filter(([each]) => each.toLowerCase() === name);
        said.header = (name) => all(name).map(([, value]) => value).join(' | ');
        return said;
    }

    async name(target, Host = 'test', method = 'GET') {
        return (await this.seen(method, target, { fields: { Host } })).name;
    }
}

const services = ['base', 'api', 'exact', 'pattern', 'shop', 'wild', 'getter', 'next'];

async function choice_cases(cases, routes) {
    await cases.run('the more precise path of two is used', async () => {
        const expected = {
            '/': 'base', '/other': 'base', '/api': 'base', '/api/': 'api', '/api/a/b': 'api',
            '/api/exact': 'exact', '/api/exact/more': 'api', '/api/7/parts': 'pattern',
            '/api/7/parts/1': 'api', '/apis/x': 'base',
        };
        for (const [target, name] of Object.entries(expected)) {
            assert.equal(await routes.name(target), name, target);
        }
    });
    await cases.run('hosts are compared without case and port, the exact one first', async () => {
        const expected = {
            'shop.example': 'shop', 'SHOP.example:8000': 'shop', 'a.shop.example': 'wild',
            'a.b.shop.example': 'wild', 'other.example': 'base',
        };
        for (const [host, name] of Object.entries(expected)) {
            assert.equal(await routes.name('/', host), name, host);
        }
    });
    await cases.run('no spelling of a path leaves its prefix at the program', async () => {
        for (const target of ['/api/../other', '/api/%2e%2e/other', '/api/..%2fother',
            '/api//..//x', '/api/.%2E/x']) {
            const reply = await routes.exchange('GET', target);
            if (reply.status === 200) {
                const { name, target: seen } = JSON.parse(reply.text);
                const climbs = /(^|\/)(\.|%2e){2}(\/|%2f|$)/i.test(seen);
                assert.ok(!climbs || name === 'base', `${target} reached ${name} as ${seen}`);
            } else {
                assert.ok([400, 404].includes(reply.status), `${target}: ${reply.status}`);
            }
        }
    });
    await cases.run('a route for a method leaves others to less precise routes', async () => {
        assert.equal(await routes.name('/get'), 'getter');
        assert.equal(await routes.name('/get', 'test', 'POST'), 'base');
        assert.equal((await routes.seen('PROPFIND', '/dav')).method, 'PROPFIND');
        for (const method of ['CONNECT', 'TRACE']) {
            const { status } = await routes.exchange(method, '/');
            assert.ok([400, 405, 501].includes(status), `${method}: ${status}`);
        }
        const { fields } = await routes.exchange('TRACE', '/');
        assert.match(fields.get('allow'), /^GET, HEAD, .*OPTIONS$/);
    });
    await cases.run('a request goes to the program byte by byte', async () => {
        for (const target of ['/a%20b/%C3%A9?x=%2F&y', '/a?', '/a;b=c/d', '/a?b=c?d=/e',
            "/~!$&'()*+,="]) {
            const { target: seen } = await routes.seen('GET', target);
            assert.equal(seen, target);
        }
        const { body } = await routes.seen('POST', '/binary', { body: 'not { json' });
        assert.equal(body, 'not { json');
    });
}

async function reply_cases(cases, routes) {
    await cases.run('redirects and fixed replies need no program', async () => {
        const moved = await routes.exchange('GET', '/old/page?a=b');
        assert.equal(moved.status, 308);
        assert.equal(moved.fields.get('location'), 'https://new.example/old/page?a=b');
        const fixed = await routes.exchange('GET', '/robots.txt');
        assert.deepEqual([fixed.status, fixed.text], [200, 'User-agent: *\n']);
        assert.equal(fixed.fields.get('content-type'), 'text/plain');
        const gone = await routes.exchange('DELETE', '/gone');
        assert.deepEqual([gone.status, gone.text], [410, 'gone']);
        const unchanged = await routes.exchange('GET', '/unchanged');
        assert.equal(unchanged.status, 304);
        assert.equal(unchanged.fields.get('content-length'), undefined);
    });
    await cases.run('a body over the limit of its route gets 413', async () => {
        const small = await routes.exchange('POST', '/small/x', { body: 'x'.repeat(100) });
        assert.equal(small.status, 200);
        const large = await routes.exchange('POST', '/small/x', { body: 'x'.repeat(101) });
        assert.equal(large.status, 413);
        const fields = { 'Transfer-Encoding': 'chunked' };
        const body = chunked(['x'.repeat(60), 'x'.repeat(60)]);
        const chunks = await routes.exchange('POST', '/small/x', { fields, body });
        assert.equal(chunks.status, 413);
        const other = await routes.exchange('POST', '/api/x', { body: 'x'.repeat(101) });
        assert.equal(other.status, 200);
    });
}

async function share_cases(cases, routes) {
    await cases.run('shares are kept for a client address', async () => {
        const names = new Map();
        for (let host = 1; host <= 40; ++host) {
            const from = `127.0.1.${host}`;
            for (let n = 0; n < 3; ++n) {
                const { name } = await routes.seen('GET', '/split/client', { from });
                assert.equal(names.get(from) ?? name, name, from);
                names.set(from, name);
            }
        }
        const next = [...names.values()].filter((name) => name === 'next').length;
        assert.ok(next > 0 && next < 40, `${next} of 40`);
    });
    await cases.run('shares are kept by a cookie', async () => {
        const names = new Set();
        for (let n = 0; n < 40; ++n) {
            const first = await routes.exchange('GET', '/split/cookie');
            const [cookie] = first.fields.get('set-cookie').split(';');
            const { name } = JSON.parse(first.text);
            names.add(name);
            const again = await routes.seen('GET', '/split/cookie', { fields: { Cookie: cookie } });
            assert.equal(again.name, name);
            const fields = { Cookie: ['theme=dark', cookie] };
            const apart = await routes.exchange('GET', '/split/cookie', { fields });
            assert.equal(JSON.parse(apart.text).name, name, 'in a field of its own');
            assert.equal(apart.fields.has('set-cookie'), false);
        }
        assert.deepEqual([...names].sort(), ['base', 'next']);
    });
    await cases.run('shares of requests follow the weights', async () => {
        const count = { base: 0, next: 0 };
        for (let n = 0; n < 200; ++n) {
            count[await routes.name('/split/request')] += 1;
        }
        // 150 are expected; eight standard deviations are 49.
        assert.ok(count.base > 100 && count.next > 5, JSON.stringify(count));
        assert.equal(await routes.name('/split/all'), 'next');
    });
}

async function field_cases(cases, routes, trusted) {
    const claims = {
        'X-Forwarded-For': '203.0.113.9', 'X-Forwarded-Proto': 'https',
        'X-Forwarded-Host': 'claimed.example', Forwarded: 'for=203.0.113.9;proto=https',
        'X-Request-Id': 'request-1', traceparent: `00-${'a'.repeat(32)}-${'b'.repeat(16)}-01`,
    };
    await cases.run('claims about the client are believed from trusted proxies', async () => {
        const other = await routes.seen('GET', '/', { fields: claims });
        assert.equal(other.header('x-forwarded-for'), '127.0.0.1');
        assert.equal(other.header('x-forwarded-proto'), 'http');
        assert.equal(other.header('x-forwarded-host'), 'test');
        assert.ok(!other.header('forwarded').includes('203.0.113.9'));
        const from = '127.0.0.9';
        const fields = { ...claims, Forwarded: null };
        const believed = await routes.seen('GET', '/', { fields, from });
        assert.equal(believed.header('x-forwarded-for'), '203.0.113.9, 127.0.0.9');
        assert.equal(believed.header('x-forwarded-proto'), 'https');
        assert.equal(believed.header('x-forwarded-host'), 'claimed.example');
        assert.equal(believed.header('x-request-id'), 'request-1');
        assert.match(believed.header('traceparent'), /^00-a{32}-[0-9a-f]{16}-01$/);
    });
    await cases.run('Forwarded is added for a program that wants it', async () => {
        const { header } = await routes.seen('GET', '/forwarded/x');
        assert.match(header('forwarded'), /for="?127\.0\.0\.1"?/i);
        assert.match(header('forwarded'), /proto=http/i);
        assert.equal(header('host'), trusted.forwarded_host);
    });
    await cases.run('fields of a connection are not handed on', async () => {
        const fields = {
            Connection: 'X-Private, keep-alive', 'X-Private': 'a', 'Keep-Alive': 'timeout=5',
            'Proxy-Connection': 'keep-alive', TE: 'gzip', 'X-Public': ['b', 'c'], Cookie: 'd=e',
        };
        const { header } = await routes.seen('GET', '/', { fields });
        for (const name of ['x-private', 'keep-alive', 'proxy-connection', 'te']) {
            assert.equal(header(name), '', name);
        }
        assert.doesNotMatch(header('connection'), /x-private/i);
        assert.match(header('x-public'), /^b( \| |, )c$/);
        assert.equal(header('cookie'), 'd=e');
    });
    await cases.run('a request with two framings reaches no program', async () => {
        const fields = { 'Content-Length': '5', 'Transfer-Encoding': 'chunked' };
        const body = '0\r\n\r\nGET /x';
        const reply = await routes.exchange('POST', '/smuggled', { fields, body });
        assert.equal(reply.status, 400);
    });
}

/** The program of the stripped route, whose replies name itself as it knows itself. */
const stripped_scripts = {
    default: async (peer, head) => peer.write(plain_reply(JSON.stringify({ target: head.target }))),
    moved: async (peer, head) => {
        const location = /\?(.*)$/.exec(head.target)[1];
        const fields = `Location: ${decodeURIComponent(location)}\r\n`;
        peer.write(plain_reply('', { status: '302 Found', fields }));
    },
    cookies: async (peer) => {
        const cookies = ['a=1; Path=/', 'b=2; path=/deep/; HttpOnly', 'c=3'];
        const fields = cookies.map((cookie) => `Set-Cookie: ${cookie}\r\n`).join('');
        const hop = 'Connection: X-Own\r\nX-Own: secret\r\nKeep-Alive: timeout=3\r\n';
        peer.write(plain_reply('', { fields: fields + hop }));
    },
};

async function stripped_cases(cases, routes) {
    await cases.run('a stripped prefix is missing for the program only', async () => {
        for (const [target, seen] of [['/app/', '/'], ['/app/x/y?z=1', '/x/y?z=1']]) {
            const reply = await routes.exchange('GET', target);
            assert.equal(JSON.parse(reply.text).target, seen);
        }
    });
    await cases.run('Location is put right when a prefix was stripped', async () => {
        const expected = {
            '/login': '/app/login', '/': '/app/', 'relative': 'relative',
            'https://other.example/x': 'https://other.example/x', '?q=1': '?q=1',
            '//other.example/x': '//other.example/x',
            'http://test/x': 'http://test/app/x',
        };
        for (const [location, right] of Object.entries(expected)) {
            const query = encodeURIComponent(location);
            const reply = await routes.exchange('GET', `/app/moved?${query}`);
            assert.equal(reply.status, 302);
            assert.equal(reply.fields.get('location'), right, location);
        }
    });
    await cases.run('cookies stay apart and in order, their paths are put right', async () => {
        const reply = await routes.exchange('GET', '/app/cookies');
        const [first, second, third] = reply.fields.all('set-cookie');
        assert.equal(first, 'a=1; Path=/app/');
        assert.match(second, /^b=2; path=\/app\/deep\/; HttpOnly$/i);
        assert.equal(third, 'c=3');
        assert.equal(reply.fields.has('x-own'), false);
        assert.notEqual(reply.fields.get('keep-alive'), 'timeout=3');
    });
}

function settings(address, stripped) {
    const split = (path, shares, by) => ({ path, split: shares, split_by: by });
    return {
        keys: { 'gateway.trusted_proxies': ['127.0.0.9'] },
        routes: [
            { path: '/', service: 'base' },
            { path: '/api/', service: 'api' },
            { path: '/api/exact', service: 'exact' },
            { path: '/api/{id}/parts', service: 'pattern' },
            { path: '/', hosts: ['shop.example'], service: 'shop' },
            { path: '/', hosts: ['*.shop.example'], service: 'wild' },
            { path: '/get', methods: ['GET'], service: 'getter' },
            {
                path: '/old/',
                redirect: { status: 308, location: 'https://new.example{path}{query}' },
            },
            { path: '/robots.txt', respond: { type: 'text/plain', body: 'User-agent: *\n' } },
            { path: '/gone', respond: { status: 410, body: 'gone' } },
            { path: '/unchanged', respond: { status: 304 } },
            { path: '/small/', service: 'base', body_bytes_max: 100 },
            split('/split/client', { base: 50, next: 50 }, 'client'),
            split('/split/cookie', { base: 50, next: 50 }, 'cookie'),
            split('/split/request', { base: 75, next: 25 }, 'request'),
            split('/split/all', { base: 0, next: 1 }, 'request'),
            { path: '/app/', service: 'stripped', strip_prefix: true },
            { path: '/forwarded/', service: 'forwarded' },
        ],
        upstreams: {
            ...Object.fromEntries(services.map((name) => [name, { addresses: [address[name]] }])),
            stripped: { addresses: [stripped] },
            forwarded: { addresses: [address.base], forwarded: true, host: 'upstream' },
        },
    };
}

test('routes of a file lead to programs', { skip }, async (world, context) => {
    const address = {};
    for (const name of services) {
        address[name] = (await named_program(world, name)).address;
    }
    const stripped = await start_origin(world, stripped_scripts);
    const proxy = await start_proxy(world, settings(address, stripped.address));
    const routes = new route_test(world, proxy.port);
    const cases = new shared_cases(context);
    await choice_cases(cases, routes);
    await reply_cases(cases, routes);
    await share_cases(cases, routes);
    await field_cases(cases, routes, { forwarded_host: address.base });
    await stripped_cases(cases, routes);
    await cases.run('msd routes lists them with their source', async () => {
        const { code, output, log } = await world.command(['routes', '--config', proxy.file]);
        assert.equal(code, 0, log);
        assert.match(output, /\/api\/\{id\}\/parts.*pattern.*proxy\.toml:\d+/);
    });
    cases.finish();
});

test('an HTTP program in the registry is served until it leaves', { skip }, async (world) => {
    const program = await named_program(world, 'registered');
    const distributor = await world.role('distributor');
    const file = world.path('own.toml');
    const own = { path: '/own', methods: ['GET'], respond: { body: 'own' } };
    const absent = { path: '/absent/', service: 'absent' };
    fs.writeFileSync(file, toml_text({ routes: [own, absent] }));
    const gateway = await world.role('gateway', {
        distributor: distributor.port('distributor'), args: ['--config', file],
    });
    const routes = new route_test(world, gateway.port('gateway'));
    const node = await world.packets(distributor.port('distributor'));
    const params = {
        port: program.port, name: 'shop', urls: [], proto: 2, protocol: 'http',
        routes: [{ path: '/shop/', strip: true }],
    };
    node.send({ uri: '/distributes', method: 'POST', key: 1, params });
    await until('the route is there', async () =>
        (await routes.exchange('GET', '/shop/x')).status === 200);
    const { name, target } = await routes.seen('GET', '/shop/x?y=z');
    assert.deepEqual([name, target], ['registered', '/x?y=z']);
    assert.equal((await routes.exchange('GET', '/own')).text, 'own');
    const wrong = await routes.exchange('POST', '/own', { body: 'x' });
    assert.equal(wrong.status, 405);
    assert.match(wrong.fields.get('allow'), /GET/);
    const without_instance = await routes.exchange('GET', '/absent/x');
    assert.equal(without_instance.status, 502, 'the route is there, its service is not');
    assert.match(without_instance.text, /"service":"absent"/);
    const kept = await connect(world, routes.port);
    kept.write(request_bytes('GET', '/shop/kept'));
    assert.equal((await kept.reply()).status, 200);
    node.close();
    await until('the route is gone', async () =>
        [404, 502, 503].includes((await routes.exchange('GET', '/shop/x')).status));
    kept.write(request_bytes('GET', '/shop/kept'));
    assert.ok([404, 502, 503].includes((await kept.reply()).status));
});
