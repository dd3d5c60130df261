// SPDX-License-Identifier: Apache-2.0
// Programs that fail or break the rules of HTTP/1.1. The client gets 502 or 504, or a reply that is
// visibly cut, never a completed one; and no byte of it reaches the next request on either side.

import assert from 'node:assert/strict';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

import { free_port } from './harness/ports.mjs';
import { program } from './harness/program.mjs';
import { is_reference, shared_cases, start_proxy } from './harness/proxy.mjs';
import { answer, chunked, plain_reply, start_origin } from './harness/raw_origin.mjs';
import { test } from './harness/test.mjs';
import { until } from './harness/until.mjs';
import { connect, exchange, request_bytes } from './harness/wire_http.mjs';

const here = path.dirname(fileURLToPath(import.meta.url));
const ok = 'HTTP/1.1 200 OK\r\n';
const chunks_head = `${ok}Transfer-Encoding: chunked\r\n\r\n`;
const mib = 1024 * 1024;
const secret = 'what-belongs-to-nobody';

/** The bytes of a reply, then the end of the connection. */
const sends = (bytes) => async (peer) => {
    peer.write(bytes);
    peer.end();
};
/** The bytes of a reply, then nothing; the connection stays open until the proxy closes it. */
const sends_and_stays = (bytes) => async (peer) => {
    peer.write(bytes);
    await peer.closed(280_000);
};
const resets_after = (bytes) => async (peer) => {
    peer.write(bytes);
    await peer.drained();
    // The reset discards what is not sent yet; the peer has it when it acknowledged it.
    await until('the bytes are sent', () => peer.socket.writableLength === 0);
    peer.reset();
};

// The client gets 502, because no head of a reply was valid.
const bad_heads = {
    two_lengths: sends(`${ok}Content-Length: 2\r\nContent-Length: 3\r\n\r\nabc`),
    list_of_lengths: sends(`${ok}Content-Length: 3, 2\r\n\r\nabc`),
    length_and_chunks:
        sends(`${ok}Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n${chunked(['abc'])}`),
    signed_length: sends(`${ok}Content-Length: +3\r\n\r\nabc`),
    negative_length: sends(`${ok}Content-Length: -3\r\n\r\nabc`),
    huge_length: sends(`${ok}Content-Length: 99999999999999999999999\r\n\r\nabc`),
    unknown_coding: sends(`${ok}Transfer-Encoding: gzip, chunked\r\n\r\n${chunked(['abc'])}`),
    chunked_twice: sends(`${ok}Transfer-Encoding: chunked, chunked\r\n\r\n${chunked(['abc'])}`),
    folded: sends(`${ok}X-A: b\r\n c\r\nContent-Length: 3\r\n\r\nabc`),
    bare_cr: sends(`${ok}X-A: b\rX-B: c\r\nContent-Length: 3\r\n\r\nabc`),
    nul: sends(`${ok}X-A: b\0c\r\nContent-Length: 3\r\n\r\nabc`),
    space_before_colon: sends(`${ok}Content-Length : 3\r\n\r\nabc`),
    no_colon: sends(`${ok}not a header line\r\nContent-Length: 3\r\n\r\nabc`),
    garbage: sends(Buffer.from('\x15\x03\x01\0\x02\x02\x0a garbage \xff\xfe\r\n\r\n', 'latin1')),
    other_protocol: sends('SSH-2.0-OpenSSH_9.2p1 Debian-2\r\n'),
    bad_version: sends('HTTP/3.7 200 OK\r\nContent-Length: 3\r\n\r\nabc'),
    bad_status: sends('HTTP/1.1 99 Low\r\nContent-Length: 3\r\n\r\nabc'),
    no_status: sends('HTTP/1.1 OK\r\nContent-Length: 3\r\n\r\nabc'),
    bare_lf: sends('HTTP/1.1 200 OK\nContent-Length: 3\n\nabc'),
    much_head: sends(`${ok}${`X-Filler: ${'x'.repeat(1000)}\r\n`.repeat(1024)}\r\n`),
    long_line: sends_and_stays(`${ok}X-Filler: ${'x'.repeat(mib)}`),
    unasked_upgrade:
        sends('HTTP/1.1 101 Switching Protocols\r\nUpgrade: a\r\nConnection: Upgrade\r\n\r\nraw'),
    closes: async (peer) => peer.end(),
    half_head: sends(`${ok}Content-Le`),
    resets: async (peer) => peer.reset(),
};

// nginx passes these on.
const nginx_takes = new Set([
    'list_of_lengths', 'length_and_chunks', 'folded', 'bare_cr', 'space_before_colon', 'no_colon',
    'bare_lf', 'bad_version', 'other_protocol', 'unasked_upgrade', 'garbage', 'chunked_twice',
    'bad_status', 'no_status', 'signed_length', 'two_lengths', 'huge_length', 'negative_length',
    'half_head', 'unknown_coding',
]);

// The client gets the head, and then sees that the body is not complete.
const cut_bodies = {
    short_body: sends(`${ok}Content-Length: 100\r\n\r\nshort`),
    short_body_reset: resets_after(`${ok}Content-Length: 100\r\n\r\nshort`),
    unended_chunk: sends(`${chunks_head}64\r\nshort`),
    missing_last_chunk: sends(`${chunks_head}5\r\nshort\r\n`),
    missing_trailer_end: sends(`${chunks_head}5\r\nshort\r\n0\r\nX-A: b\r\n`),
    bad_chunk_size: sends(`${chunks_head}5\r\nshort\r\nzz\r\nabc\r\n0\r\n\r\n`),
    huge_chunk_size: sends(`${chunks_head}5\r\nshort\r\nfffffffffffffffff\r\nabc`),
    signed_chunk_size: sends(`${chunks_head}5\r\nshort\r\n-1\r\nabc\r\n0\r\n\r\n`),
    endless_chunk_line: sends_and_stays(`${chunks_head}5\r\nshort\r\n3;${'x'.repeat(mib)}`),
    long_chunk: sends(`${chunks_head}5\r\nshort-and-more\r\n0\r\n\r\n`),
    bare_lf_in_chunks: sends(`${chunks_head}5\r\nshort\r\n3\nabc\r\n0\r\n\r\n`),
    folded_trailer: sends(`${chunks_head}5\r\nshort\r\n0\r\nX-A: b\r\n c\r\n\r\n`),
};
const nginx_completes = new Set([
    'endless_chunk_line', 'bare_lf_in_chunks', 'folded_trailer', 'missing_trailer_end',
]);

// The reply is complete, and further bytes follow, which belong to no request.
const surplus_replies = {
    surplus: async (peer) => peer.write(`${plain_reply('short')}${secret}`),
    second_reply: async (peer) => peer.write(plain_reply('short') + plain_reply(secret)),
    second_chunked: async (peer) =>
        peer.write(`${chunks_head}${chunked(['short'])}${plain_reply(secret)}`),
    body_of_head: async (peer) => peer.write(plain_reply(secret)),
    body_of_204: async (peer) =>
        peer.write(`HTTP/1.1 204 No Content\r\nContent-Length: 22\r\n\r\n${secret}`),
    body_of_304: async (peer) =>
        peer.write(`HTTP/1.1 304 Not Modified\r\nContent-Length: 22\r\n\r\n${secret}`),
};

class fault_test {
    constructor(world, proxy, origin) {
        Object.assign(this, { world, proxy, origin });
        this.count = 0;
    }

    exchange(method, target, options) {
        return exchange(this.world, this.proxy.port, method, target, options);
    }

    get(target) {
        return this.exchange('GET', target);
    }

    /** Requests on new connections and on `client` get their own replies and nothing else. */
    async assert_clean(client) {
        const others = [await connect(this.world, this.proxy.port),
            await connect(this.world, this.proxy.port)];
        const kept = client && !client.is_closed ? [client] : [];
        for (const peer of [...others, ...others, ...kept]) {
            const target = `/clean?${++this.count}`;
            peer.write(request_bytes('GET', target));
            const reply = await peer.reply();
            if (peer === client && reply.status === 0) {
                break; // the proxy had closed it, which is its right after a cut reply
            }
            assert.deepEqual([reply.status, reply.text], [200, `GET ${target} 0`]);
        }
        others.forEach((peer) => peer.close());
        assert.deepEqual(this.origin.problems, []);
    }

    /** A request whose reply is a problem document of the gateway with this status. */
    async assert_problem(target, status, detail, options = {}) {
        const client = await connect(this.world, this.proxy.port);
        client.write(request_bytes(options.method ?? 'GET', target, options));
        const reply = await client.reply();
        assert.equal(reply.status, status, reply.text);
        assert.equal(reply.was_cut, false);
        // The id has hexadecimal digits, so it can contain any short text of them.
        const told = reply.text.replace(/"request_id":"[^"]*"/, '');
        assert.ok(!told.includes('abc') && !told.includes(secret), reply.text);
        if (!is_reference) {
            assert.match(reply.fields.get('content-type'), /^application\/problem\+json/);
            const problem = JSON.parse(reply.text);
            assert.equal(problem.service, options.service ?? 'program');
            assert.ok(problem.attempts >= 0);
            assert.match(problem.detail, detail);
        }
        await this.assert_clean(client);
        client.close();
    }

    /** A reply that begins and is cut. */
    async assert_cut(target, begin = 'short') {
        const client = await connect(this.world, this.proxy.port);
        client.write(request_bytes('GET', target));
        const reply = await client.reply();
        // A body that is malformed already when the head is read may also be refused as a whole.
        if (reply.status === 502) {
            assert.equal(reply.was_cut, false);
        } else if (is_reference && reply.status === 0) {
            assert.equal(reply.was_cut, true);
        } else {
            assert.equal(reply.status, 200);
            assert.equal(reply.was_cut, true, `a complete reply: ${JSON.stringify(reply.text)}`);
            assert.ok(begin.startsWith(reply.text) || reply.text.startsWith(begin), reply.text);
        }
        await this.assert_clean(client);
        client.close();
    }
}

const otherwise = (set, name) => (set.has(name) ? { unlike_nginx: 'differs' } : {});

async function malformed_cases(cases, fault) {
    for (const name of Object.keys(bad_heads)) {
        await cases.run(`502 for ${name}`, otherwise(nginx_takes, name), () =>
            fault.assert_problem(`/${name}`, 502, /./));
    }
    for (const name of Object.keys(cut_bodies)) {
        await cases.run(`a cut reply for ${name}`, otherwise(nginx_completes, name), () =>
            fault.assert_cut(`/${name}`));
    }
}

async function surplus_cases(cases, fault, parts) {
    const status_of = { body_of_204: 204, body_of_304: 304 };
    for (const name of Object.keys(surplus_replies)) {
        await cases.run(`nothing of ${name} reaches another request`, async () => {
            for (let n = 0; n < 3; ++n) {
                const client = await connect(fault.world, fault.proxy.port);
                const method = name === 'body_of_head' ? 'HEAD' : 'GET';
                client.write(request_bytes(method, `/${name}`));
                const reply = await client.reply({ head: method === 'HEAD' });
                assert.equal(reply.status, status_of[name] ?? 200);
                assert.equal(reply.text, method === 'HEAD' || status_of[name] ? '' : 'short');
                await fault.assert_clean(client);
                client.close();
            }
        });
    }
    await unasked_cases(cases, fault, parts);
}

// A reply that arrives while a request is on its way cannot be told from the reply to it. So the
// tests wait until the proxy has closed the connection on which something was out of order.
async function unasked_cases(cases, fault, { late, early }) {
    await cases.run('a reply that comes on an idle connection belongs to no request', async () => {
        const reply = await fault.get('/late_reply');
        assert.deepEqual([reply.status, reply.text], [200, 'short']);
        const [peer] = late.splice(0);
        peer.write(plain_reply(secret));
        await until('the proxy closes the connection', () => peer.is_closed);
        peer.close();
        await fault.assert_clean();
    });
    await cases.run('a reply that comes before the request leaves nothing for the next one',
        { unlike_nginx: 'keeps the connection' }, async () => {
            for (let n = 0; n < 3; ++n) {
                const reply = await fault.get('/early/x');
                assert.ok(reply.status === 502 || reply.text === secret, reply.text);
                await until('the proxy closes the connection', () => early.connections.size === 0);
            }
            assert.ok(early.accepted >= 3);
            await fault.assert_clean();
        });
}

async function time_cases(cases, fault, parts) {
    await cases.run('502 when nothing listens', () =>
        fault.assert_problem('/refused/x', 502, /connect|refused/i, { service: 'refused' }));
    await cases.run('504 when the program does not answer', () =>
        fault.assert_problem('/quick/hangs', 504, /first byte|reply/i, { service: 'quick' }));
    await cases.run('504 when the head is not complete in time', () =>
        fault.assert_problem('/quick/hangs_in_head', 504, /first byte|reply|head/i,
            { service: 'quick' }));
    await cases.run('a cut reply when the program stops in the body', async () => {
        await fault.assert_cut('/quick/hangs_in_body');
        await fault.assert_cut('/quick/hangs_in_chunk');
    });
    await cases.run('504 when the connection to the program is not made in time',
        { unlike_nginx: 'times are not compared' }, () =>
            fault.assert_problem('/silent/x', 504, /connect/i, { service: 'silent' }));
    await cases.run('a killed program cuts its replies, then requests get 502', async () => {
        const client = await connect(fault.world, fault.proxy.port);
        client.write(request_bytes('GET', '/mortal/waits'));
        const head = await client.reply_head();
        assert.equal(head.status, 200);
        parts.mortal.server.close();
        parts.mortal.connections.forEach((peer) => peer.reset());
        assert.equal((await client.with_body(head, {})).was_cut, true);
        await fault.assert_problem('/mortal/x', 502, /connect|refused/i, { service: 'mortal' });
    });
}

async function retry_cases(cases, fault, { origin, closing }) {
    const count = (name) => origin.seen(name).length;
    await cases.run('GET is repeated when a kept connection ends, POST is not', async () => {
        // Both replies are on one connection of the program, which ends it at the second request.
        for (const [method, expected] of [['GET', 200], ['POST', 502]]) {
            await fault.get('/clean');
            const body = method === 'POST' ? 'body' : undefined;
            const name = `${method.toLowerCase()}_at_the_end`;
            const reply = await fault.exchange(method, `/${name}`, { body });
            assert.equal(reply.status, expected, reply.text);
            assert.equal(count(name), method === 'GET' ? 2 : 1);
        }
    });
    await cases.run('a kept connection that the program has closed is not used', async () => {
        for (let n = 0; n < 20; ++n) {
            const target = `/closes_after?${n}`;
            const reply = await fault.exchange('POST', target, { body: 'body' });
            assert.deepEqual([reply.status, reply.text], [200, 'closing']);
            const [peer] = closing.splice(0);
            await until('the proxy has closed it, too', () => peer.is_closed);
        }
        assert.equal(count('closes_after'), 20);
    });
}

/** Ends the connection at a request that is not the first on it; answers the others. */
const ends_at_second = async (peer, head) => {
    if (!peer.used_before) {
        return answer(peer, head);
    }
    await peer.with_body(head);
    peer.end();
    return undefined;
};

/** An address where connections are neither made nor refused. */
async function deaf_listener(world) {
    const file = path.join(here, 'programs', 'deaf_listener.py');
    const listener = world.track(new program('deaf listener', '/usr/bin/python3', [file]));
    return `127.0.0.1:${await listener.ready('deaf')}`;
}

test('faults of a program reach its client as 502, 504 or a cut reply, and nobody else',
    { limit_ms: 250_000 }, async (world, context) => {
        const [late, closing] = [[], []]; // connections, for the test to look at
        const origin = await start_origin(world, {
            ...bad_heads, ...cut_bodies, ...surplus_replies,
            default: async (peer, head) => {
                await answer(peer, head);
                peer.used_before = true;
            },
            get_at_the_end: ends_at_second,
            post_at_the_end: ends_at_second,
            late_reply: async (peer) => {
                late.push(peer);
                peer.write(plain_reply('short'));
            },
            closes_after: async (peer, head) => {
                closing.push(peer);
                await peer.with_body(head);
                peer.write(plain_reply('closing')); // without Connection: close
                peer.end();
            },
            hangs: sends_and_stays(''),
            hangs_in_head: sends_and_stays(`${ok}Content-Length: 3\r\n`),
            hangs_in_body: sends_and_stays(`${ok}Content-Length: 100\r\n\r\nshort`),
            hangs_in_chunk: sends_and_stays(`${chunks_head}64\r\nshort`),
        });
        const early = await start_origin(world, { default: answer });
        early.server.on('connection', (socket) => socket.write(plain_reply(secret)));
        const mortal = await start_origin(world, {
            waits: async (peer) => {
                peer.write(`${ok}Content-Length: 100\r\n\r\nshort`);
                await peer.closed();
            },
        });
        const times = { first_byte_timeout_ms: 400, between_bytes_timeout_ms: 400 };
        const proxy = await start_proxy(world, {
            routes: [
                { path: '/', service: 'program' },
                ...['quick', 'refused', 'early', 'mortal', 'silent'].map((name) =>
                    ({ path: `/${name}/`, service: name })),
            ],
            upstreams: {
                program: { addresses: [origin.address] },
                quick: { addresses: [origin.address], ...times },
                refused: { addresses: [`127.0.0.1:${await free_port()}`] },
                early: { addresses: [early.address] },
                mortal: { addresses: [mortal.address] },
                silent: { addresses: [await deaf_listener(world)], connect_timeout_ms: 200 },
            },
        });
        const cases = new shared_cases(context);
        const fault = new fault_test(world, proxy, origin);
        await malformed_cases(cases, fault);
        await surplus_cases(cases, fault, { late, early });
        await time_cases(cases, fault, { mortal });
        await retry_cases(cases, fault, { origin, closing });
        cases.finish();
    });
