// SPDX-License-Identifier: Apache-2.0
// Endpoints that fail, and what the policies of [upstream.NAME] spare the clients: retries,
// ejection, breaker, bulkhead and balancing, for web programs and for packet services.

import assert from 'node:assert/strict';
import net from 'node:net';

import { http, http_connection } from './harness/http_client.mjs';
import { toml_text } from './harness/proxy.mjs';
import { answer, plain_reply } from './harness/raw_origin.mjs';
import { scripted_service } from './harness/scripted.mjs';
import { free_port } from './harness/ports.mjs';
import {
    closes, front, hangs, named, refuses, sends, statuses, three,
} from './harness/three_programs.mjs';
import { test } from './harness/test.mjs';
import { pause, until } from './harness/until.mjs';

const upgrade = 'Upgrade: raw\r\nConnection: Upgrade\r\n';

test('a GET meets no dead, refusing or closing endpoint', async (world) => {
    const origins = await three(world);
    const dead = { address: `127.0.0.1:${await free_port()}` };
    const { port } = await front(world, [...origins, dead]);
    assert.deepEqual(statuses(await sends(port, 80)), [200]);
    for (const failing of [refuses('503 Busy'), refuses('502 Bad'), closes]) {
        origins[0].scripts.default = failing;
        assert.deepEqual(statuses(await sends(port, 40)), [200]);
    }
});

test('a silent endpoint costs a try and not the request', async (world) => {
    const origins = await three(world);
    const { port } = await front(world, origins);
    assert.deepEqual(statuses(await sends(port, 200)), [200]); // the usual latency is known now
    origins[1].scripts.default = hangs;
    const replies = await sends(port, 60);
    assert.deepEqual(statuses(replies), [200]);
    const asked = origins[1].requests.length;
    await sends(port, 30);
    assert.ok(origins[1].requests.length <= asked + 10, 'it is ejected, and only probed');
});

test('an endpoint that answers again gets requests again', async (world) => {
    const origins = await three(world);
    const { port } = await front(world, origins, {
        'outlier.eject_ms': 100, slow_start_ms: 0, balance: 'round-robin',
    });
    await sends(port, 6);
    origins[2].scripts.default = closes;
    assert.deepEqual(statuses(await sends(port, 60)), [200]);
    origins[2].scripts.default = named('c');
    await until('the healed endpoint has its share', async () => {
        const bodies = (await sends(port, 6)).map(({ text }) => text);
        return bodies.filter((each) => each === 'c').length === 2;
    });
});

test('a POST is never executed twice', async (world) => {
    const origins = await three(world);
    const { port } = await front(world, origins, {
        'outlier.consecutive': 0, 'breaker.mode': 'off',
    });
    let executed = 0;
    const counts = (then) => async (peer, head) => {
        await peer.with_body(head);
        ++executed;
        await then(peer, head);
    };
    origins.forEach((each) => (each.scripts.default = counts(async (peer) => peer.end())));
    assert.deepEqual(statuses(await sends(port, 10, 'POST', { body: '{}' })), [502]);
    assert.equal(executed, 10);
    executed = 0;
    origins.forEach((each) => (each.scripts.default = counts(async (peer) =>
        peer.write(plain_reply('no', { status: '503 Busy' })))));
    assert.deepEqual(statuses(await sends(port, 10, 'POST', { body: '{}' })), [503]);
    assert.equal(executed, 10);
    // A refused connection executes nothing.
    origins[0].close();
    executed = 0;
    await sends(port, 10, 'POST', { body: '{}' });
    assert.equal(executed, 10);
});

test('methods that the configuration allows are tried again', async (world) => {
    const origins = await three(world);
    const { port } = await front(world, origins, { 'retry.methods': ['POST'] });
    origins[0].scripts.default = closes;
    assert.deepEqual(statuses(await sends(port, 20, 'POST', { body: '{}' })), [200]);
});

test('the breaker of a route opens, says when to come again, and closes', async (world) => {
    const origins = await three(world);
    const { port } = await front(world, origins, {
        'breaker.requests_min': 5, 'breaker.open_ms': 200, 'outlier.consecutive': 0,
    }, { workers: 2 });
    origins.forEach((each) => (each.scripts.default = refuses('503 Busy')));
    const open = await until('the gateway answers itself', async () => {
        const [reply] = await sends(port, 1);
        return reply.text.includes('breaker is open') && reply;
    });
    assert.equal(open.status, 503);
    assert.match(open.headers.get('retry-after'), /^[1-9][0-9]*$/);
    origins.forEach((each) => (each.scripts.default = answer));
    await until('the breaker is closed', async () =>
        statuses(await sends(port, 5)).join() === '200');
});

test('a breaker that observes refuses nothing', async (world) => {
    const origins = await three(world);
    const { port } = await front(world, origins, {
        'breaker.mode': 'observe', 'breaker.requests_min': 5, 'outlier.consecutive': 0,
    });
    origins.forEach((each) => (each.scripts.default = refuses('500 Broken')));
    const replies = await sends(port, 40);
    assert.deepEqual(statuses(replies), [500]);
    assert.ok(replies.every(({ text }) => text === 'no'));
});

test('requests beyond the bulkhead wait, and too many are refused', async (world) => {
    const [origin] = await three(world);
    let release;
    const gate = new Promise((resolve) => (release = resolve));
    origin.scripts.default = async (peer, head) => {
        await gate;
        await named('late')(peer, head);
    };
    const { port } = await front(world, [origin], {
        'bulkhead.requests': 3, 'bulkhead.queue': 2, 'bulkhead.queue_ms': 60_000,
    }, { workers: 2, route: { timeout_ms: 600_000 } });
    const pending = Array.from({ length: 3 }, () => http(port, 'GET', '/x'));
    await until('three are in flight', () => origin.requests.length === 3);
    let refused;
    await until('the queue is full', async () => {
        const next = http(port, 'GET', '/x');
        const first = await Promise.race([next, new Promise((go) => setTimeout(go, 300))]);
        pending.push(next);
        refused = first;
        return first !== undefined;
    });
    assert.equal(refused.status, 503);
    assert.match(refused.headers.get('retry-after'), /^[1-9][0-9]*$/);
    assert.equal(origin.requests.length, 3);
    release();
    const replies = await Promise.all(pending);
    assert.equal(replies.filter(({ status }) => status === 200).length, 5);
});

test('a place in the bulkhead is free again when its worker was killed', async (world) => {
    const [origin] = await three(world);
    origin.scripts.default = hangs;
    const proxy = await front(world, [origin], {
        'bulkhead.requests': 2, 'bulkhead.queue': 0, 'breaker.mode': 'off',
    }, { workers: 1 });
    const lost = [1, 2].map(() => http(proxy.port, 'GET', '/x'));
    await until('both places are taken', () => origin.requests.length === 2);
    const [busy] = await sends(proxy.port, 1);
    assert.equal(busy.status, 503);
    origin.scripts.default = named('again');
    proxy.gateway.expect_deaths();
    process.kill(proxy.workers()[0], 'SIGKILL');
    assert.deepEqual(statuses(await Promise.all(lost)), [0]); // their connections ended
    await until('requests enter again', async () =>
        (await http(proxy.port, 'GET', '/x').catch(() => ({}))).status === 200);
});

test('what its client sends slowly takes no place and opens no breaker', async (world) => {
    const [origin] = await three(world);
    const { port } = await front(world, [origin], {
        'bulkhead.requests': 4, 'bulkhead.queue': 0, 'breaker.requests_min': 5,
    });
    await sends(port, 1);
    const head = 'POST /x HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\n';
    const clients = [];
    for (let client = 0; client < 12; ++client) {
        const connection = await http_connection.open(port);
        connection.write(head);
        clients.push(connection);
    }
    await until('all uploads have begun', () => origin.connections.size >= 12);
    assert.deepEqual(statuses(await sends(port, 3)), [200]);
    await pause(1200); // longer than a reply may take before it counts as slow
    for (const connection of clients) {
        connection.write('0\r\n\r\n');
        assert.equal((await connection.response()).status, 200);
        connection.close();
    }
    assert.deepEqual(statuses(await sends(port, 3)), [200]);
});

test('an upgrade goes to another endpoint and stays open', async (world) => {
    const origins = await three(world);
    const raw = async (peer) => {
        peer.write(`HTTP/1.1 101 Switching Protocols\r\n${upgrade}\r\n`);
        peer.socket.on('data', (bytes) => peer.socket.write(bytes));
        await peer.closed(280_000);
    };
    origins[0].scripts.default = refuses('503 Busy');
    origins[1].scripts.default = raw;
    const { port } = await front(world, origins.slice(0, 2), { balance: 'round-robin' });
    for (let turn = 0; turn < 3; ++turn) {
        const socket = net.connect(port, '127.0.0.1');
        let seen = '';
        socket.on('data', (bytes) => (seen += bytes));
        socket.on('error', () => {});
        socket.write(`GET /x HTTP/1.1\r\nHost: x\r\n${upgrade}\r\n`);
        await until('the tunnel is open', () => seen.includes('\r\n\r\n'));
        assert.match(seen, /^HTTP\/1.1 101 /);
        socket.write('ping');
        await until('the program echoes', () => seen.endsWith('ping'));
        socket.destroy();
    }
});

test('the page of a program that is busy is not lost to a dead endpoint', async (world) => {
    const [origin] = await three(world);
    const dead = { address: `127.0.0.1:${await free_port()}` };
    const { port } = await front(world, [origin, dead], { 'breaker.mode': 'off' });
    await sends(port, 10); // the dead one is known now
    origin.scripts.default = async (peer, head) => {
        await peer.with_body(head);
        peer.write(plain_reply('back at noon', {
            status: '503 Busy', fields: 'Retry-After: 120\r\n',
        }));
    };
    await until('the dead one is probed no more often than replies show', async () => {
        const [reply] = await sends(port, 1);
        return reply.text === 'back at noon' && reply.headers.get('retry-after') === '120';
    });
});

test('a 503 of an instance that closes then reaches the client unharmed', async (world) => {
    const distributor = (await world.role('distributor')).port('distributor');
    const gateway = await world.role('gateway', { distributor });
    const port = gateway.port('gateway');
    const registration = await world.packets(distributor);
    const urls = ['GET/goods'];
    registration.register({ port: await free_port(), name: 'goods', urls, proto: 2 });
    const text = 'M'.repeat(3000);
    let is_busy = false;
    const only = await scripted_service(world, {
        distributor,
        name: 'goods',
        urls,
        extra: { proto: 2 },
        on_request: (packet, reply, socket) => {
            if (packet.hello) {
                socket.write('{"hello":{"slot":0,"workers":1,"generation":1}}¶');
            } else if (packet.uri !== '/goods' || !is_busy) {
                reply({ status: 200 });
            } else {
                reply({ status: 503, errorcode: 503, errormessage: text });
                setImmediate(() => only.close());
            }
        },
    });
    await world.routed(port, ['/goods']);
    is_busy = true;
    const replies = await Promise.all(
        Array.from({ length: 20 }, () => http(port, 'GET', '/goods')),
    );
    for (const reply of replies) {
        const is_whole = reply.status === 503 && reply.json.errormessage === text;
        assert.ok(is_whole || reply.json.service === 'goods', reply.text);
    }
});

test('hash keeps a key at its endpoint', async (world) => {
    const origins = await three(world);
    const { port } = await front(world, origins, { balance: 'hash', hash_key: 'header:X-User' }, {
        workers: 2,
    });
    const homes = new Set();
    for (let user = 0; user < 12; ++user) {
        const replies = await sends(port, 4, 'GET', { headers: { 'X-User': `user-${user}` } });
        const bodies = new Set(replies.map(({ text }) => text));
        assert.equal(bodies.size, 1, `user ${user} got ${[...bodies]}`);
        homes.add([...bodies][0]);
    }
    assert.ok(homes.size > 1, 'different keys have different endpoints');
});

test('sticky keeps a client by a signed cookie', async (world) => {
    const origins = await three(world);
    const { port } = await front(world, origins, { balance: 'sticky' }, { workers: 2 });
    for (let client = 0; client < 3; ++client) {
        const [first] = await sends(port, 1);
        const cookie = first.headers.get('set-cookie').split(';')[0];
        assert.match(cookie, /^msd-at-[0-9a-f]{16}=[0-9A-Za-z]+$/);
        const replies = await sends(port, 8, 'GET', { headers: { Cookie: `other=1; ${cookie}` } });
        assert.deepEqual(new Set(replies.map(({ text }) => text)), new Set([first.text]));
        assert.ok(replies.every(({ headers }) => !headers.has('set-cookie')));
        const forged = `${cookie.slice(0, -1)}${cookie.endsWith('0') ? '1' : '0'}`;
        const [other] = await sends(port, 1, 'GET', { headers: { Cookie: forged } });
        assert.ok(other.headers.has('set-cookie'), 'a forged cookie counts as none');
    }
});

test('a GET meets no packet service that is silent or closes', async (world) => {
    const distributor = (await world.role('distributor')).port('distributor');
    const gateway = await world.role('gateway', { distributor });
    const port = gateway.port('gateway');
    const behave = { one: 'answers', two: 'answers', three: 'answers' };
    for (const label of Object.keys(behave)) {
        await scripted_service(world, {
            distributor,
            name: 'where',
            urls: ['GET/x'],
            on_request: (_packet, reply, socket) => {
                if (behave[label] === 'answers') {
                    reply({ label });
                } else if (behave[label] === 'closes') {
                    socket.destroy();
                }
            },
        });
    }
    await world.routed(port, ['/x']);
    assert.deepEqual(statuses(await sends(port, 200)), [200]);
    behave.two = 'closes';
    assert.deepEqual(statuses(await sends(port, 40)), [200]);
    behave.two = 'answers';
    behave.three = 'is silent';
    assert.deepEqual(statuses(await sends(port, 40)), [200]);
});

test('a policy that cannot be is refused with its key', async (world) => {
    const file = world.path('wrong.toml');
    const { writeFileSync } = await import('node:fs');
    const wrong = [
        [{ balance: 'fastest' }, 'balance'],
        [{ 'retry.tries': -1 }, 'retry.tries'],
        [{ 'retry.methods': ['GE T'] }, 'retry.methods'],
        [{ 'breaker.mode': 'on' }, 'breaker.mode'],
        [{ hash_key: 'header:' }, 'hash_key'],
        [{ 'bulkhead.requests': -1 }, 'bulkhead.requests'],
    ];
    for (const [of, key] of wrong) {
        writeFileSync(file, toml_text({ upstreams: { app: of } }));
        const checked = await world.command(['check', file]);
        assert.equal(checked.code, 78, checked.log);
        assert.ok(checked.log.includes(key), checked.log);
    }
});
