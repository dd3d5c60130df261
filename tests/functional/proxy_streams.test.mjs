// SPDX-License-Identifier: Apache-2.0
// Replies and requests as streams: framing of both sides, interim replies, trailers, bodies that
// are handed on piece by piece, and what is held for a side that does not read.

import assert from 'node:assert/strict';

import { private_bytes } from './harness/proc.mjs';
import { shared_cases, start_proxy } from './harness/proxy.mjs';
import { answer, chunked, plain_reply, start_origin } from './harness/raw_origin.mjs';
import { sanitized } from './harness/scale.mjs';
import { test } from './harness/test.mjs';
import { until, within } from './harness/until.mjs';
import { connect, exchange, request_bytes } from './harness/wire_http.mjs';

const kib = 1024;
const gib = 1024 ** 3;

/** A promise with its functions, for a script that waits for the test. */
function signal() {
    const made = {};
    made.given = new Promise((resolve) => { made.give = resolve; });
    return made;
}

const chunked_head = 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n';
const http_1_0_head = 'HTTP/1.0 200 OK\r\nContent-Type: text/plain\r\n\r\n';

/** Writes up to `total` bytes, as fast as they are taken; `peer.written` counts them. */
async function write_much(peer, total) {
    const piece = Buffer.alloc(64 * kib, 'x');
    for (peer.written = 0; peer.written < total && !peer.socket.destroyed;) {
        peer.write(piece);
        peer.written += piece.length;
        await peer.drained(280_000);
    }
}

class stream_scripts {
    constructor() {
        this.next = signal();
        this.peers = {};
    }

    scripts() {
        return {
            default: answer,
            chunks: async (peer) =>
                peer.write(`${chunked_head}\r\n${chunked(['first ', 'second ', 'third'])}`),
            trailers: async (peer) => {
                const end = '0\r\nX-Sum: 17\r\n\r\n';
                peer.write(`${chunked_head}Trailer: X-Sum\r\n\r\n${chunked(['body'], end)}`);
            },
            old: async (peer) => {
                peer.write(`${http_1_0_head}of a program of HTTP/1.0`);
                peer.end();
            },
            length: async (peer, head) =>
                peer.write(plain_reply('0123456789').slice(0, head.method === 'HEAD' ? -10 : 999)),
            no_content: async (peer) => peer.write('HTTP/1.1 204 No Content\r\nX-A: b\r\n\r\n'),
            unchanged: async (peer) =>
                peer.write('HTTP/1.1 304 Not Modified\r\nETag: "e"\r\nContent-Length: 77\r\n\r\n'),
            hints: async (peer) => {
                peer.write('HTTP/1.1 103 Early Hints\r\nLink: </a.css>; rel=preload\r\n\r\n');
                await this.next.given;
                peer.write(plain_reply('after hints'));
            },
            continued: async (peer, head) => {
                assert.equal(head.fields.get('expect')?.toLowerCase(), '100-continue');
                await this.next.given;
                assert.equal(peer.in.held, 0, 'a body before 100 Continue');
                peer.write('HTTP/1.1 100 Continue\r\n\r\n');
                await answer(peer, head);
            },
            unwanted: async (peer) => {
                peer.write(plain_reply('no', { status: '403 Forbidden',
                    fields: 'Connection: close\r\n' }));
                peer.end();
            },
            early: async (peer) => {
                peer.write(plain_reply('enough', { status: '409 Conflict' }));
                await peer.closed();
            },
            steps: async (peer) => {
                peer.write(`${chunked_head}Content-Type: text/event-stream\r\n\r\n`);
                await this.next.given;
                peer.write('9\r\ndata: 1\n\n\r\n');
                await this.next.given;
                peer.write('9\r\ndata: 2\n\n\r\n0\r\n\r\n');
            },
            echo: async (peer, head) => {
                peer.write(`${chunked_head}\r\n`);
                for await (const piece of peer.pieces(head.fields)) {
                    peer.write(chunked([piece.toString()], ''));
                }
                peer.write('0\r\n\r\n');
            },
            endless: async (peer) => {
                this.peers.endless = peer;
                peer.write(`HTTP/1.1 200 OK\r\nContent-Length: ${gib}\r\n\r\n`);
                await write_much(peer, gib);
            },
            unread: async (peer) => {
                this.peers.unread = peer;
                await this.next.given;
            },
            slow: async (peer) => {
                this.peers.slow = peer;
                peer.write(`${chunked_head}\r\n${chunked(['begin'], '')}`);
                await peer.closed(280_000);
            },
        };
    }

    /** Lets the waiting script go on. */
    step() {
        const { give } = this.next;
        this.next = signal();
        give();
    }
}

async function framing_cases(cases, world, port) {
    const get = (target, fields = {}) => exchange(world, port, 'GET', target, { fields });
    await cases.run('chunked replies arrive whole', async () => {
        const reply = await get('/chunks');
        assert.deepEqual([reply.status, reply.text, reply.was_cut],
            [200, 'first second third', false]);
    });
    await cases.run('trailers arrive where the client takes them', { unlike_nginx: 'drops them' },
        async () => {
            const taken = await get('/trailers', { TE: 'trailers', Connection: 'TE' });
            assert.deepEqual([taken.text, taken.trailers.get('x-sum')], ['body', '17']);
            const other = await get('/trailers');
            assert.deepEqual([other.text, other.trailers.lines], ['body', []]);
        });
    await cases.run('trailers of a request reach the program', { unlike_nginx: 'drops them' },
        async () => {
            const fields = { 'Transfer-Encoding': 'chunked', Trailer: 'X-Sum' };
            const body = chunked(['ab', 'cde'], '0\r\nX-Sum: 5\r\n\r\n');
            const reply = await exchange(world, port, 'POST', '/sum', { fields, body });
            assert.equal(reply.text, 'POST /sum 5 x-sum=5');
        });
    await cases.run('a reply of HTTP/1.0 is framed anew', async () => {
        const client = await connect(world, port);
        for (const target of ['/old', '/after-old']) {
            client.write(request_bytes('GET', target));
            const reply = await client.reply();
            assert.equal(reply.was_cut, false);
            assert.match(reply.text, /of a program of HTTP\/1.0|GET \/after-old 0/);
            assert.equal(reply.version, '1.1');
        }
    });
    await cases.run('a client of HTTP/1.0 gets no chunks', async () => {
        const client = await connect(world, port);
        client.write('GET /chunks HTTP/1.0\r\nHost: test\r\n\r\n');
        const reply = await client.reply();
        assert.equal(reply.fields.get('transfer-encoding'), undefined);
        assert.equal(reply.text, 'first second third');
    });
    await cases.run('HEAD, 204 and 304 have no body and the connection goes on', async () => {
        const client = await connect(world, port);
        client.write(request_bytes('HEAD', '/length'));
        const head = await client.reply({ head: true });
        assert.deepEqual([head.status, head.fields.get('content-length')], [200, '10']);
        for (const [target, status] of [['/no_content', 204], ['/unchanged', 304]]) {
            client.write(request_bytes('GET', target));
            const reply = await client.reply();
            assert.equal(reply.status, status);
            assert.equal(reply.fields.get('transfer-encoding'), undefined);
        }
        client.write(request_bytes('GET', '/length'));
        assert.equal((await client.reply()).text, '0123456789');
    });
    await cases.run('pipelined requests are answered in their order', async () => {
        const client = await connect(world, port);
        const targets = ['/one', '/chunks', '/two', '/no_content', '/three'];
        client.write(Buffer.concat(targets.map((target) => request_bytes('GET', target))));
        const texts = [];
        for (const _ of targets) {
            texts.push((await client.reply()).text);
        }
        assert.deepEqual(texts,
            ['GET /one 0', 'first second third', 'GET /two 0', '', 'GET /three 0']);
    });
}

async function interim_cases(cases, world, port, { script, origin }) {
    await cases.run('103 Early Hints arrives before the reply', { unlike_nginx: 'drops 1xx' },
        async () => {
            const client = await connect(world, port);
            client.write(request_bytes('GET', '/hints'));
            const hint = await client.head();
            assert.match(hint.start, /^HTTP\/1\.1 103 /);
            assert.equal(hint.fields.get('link'), '</a.css>; rel=preload');
            script.step();
            assert.equal((await client.reply()).text, 'after hints');
        });
    const expect = { Expect: '100-continue', 'Content-Length': '4' };
    await cases.run('100 Continue comes from the program', { unlike_nginx: 'sends it itself' },
        async () => {
            const client = await connect(world, port);
            client.write(request_bytes('POST', '/continued', { fields: expect }));
            await until('the program has the head', () => origin.seen('continued').length === 1);
            assert.equal(client.in.held, 0, '100 Continue before the program sent it');
            script.step();
            assert.match((await client.head()).start, /^HTTP\/1\.1 100 /);
            client.write('body');
            const { text, interim } = await client.reply();
            assert.deepEqual([text, interim], ['POST /continued 4', []]);
        });
    await cases.run('a program refuses a body before it is sent', { unlike_nginx: 'sends 100' },
        async () => {
            const client = await connect(world, port);
            client.write(request_bytes('POST', '/unwanted', { fields: expect }));
            const reply = await client.reply();
            assert.deepEqual([reply.status, reply.text, reply.interim], [403, 'no', []]);
        });
    await cases.run('a reply before the end of the request body arrives at once', async () => {
        const client = await connect(world, port);
        const fields = { 'Content-Length': '500000' };
        client.write(request_bytes('POST', '/early', { fields }));
        client.write(Buffer.alloc(20_000, 'x'));
        const reply = await client.reply();
        assert.deepEqual([reply.status, reply.text, reply.was_cut], [409, 'enough', false]);
    });
}

async function piece_cases(cases, world, port, { script, origin }) {
    await cases.run('events are handed on one by one', async () => {
        const client = await connect(world, port);
        client.write(request_bytes('GET', '/steps'));
        const head = await client.reply_head();
        assert.equal(head.status, 200);
        const pieces = client.pieces(head.fields);
        for (const text of ['data: 1\n\n', 'data: 2\n\n']) {
            script.step();
            assert.equal((await pieces.next()).value.toString(), text);
        }
        assert.equal((await pieces.next()).done, true);
        assert.equal(client.was_cut, false);
    });
    await cases.run('request and reply flow at the same time', async () => {
        const client = await connect(world, port);
        const fields = { 'Transfer-Encoding': 'chunked' };
        client.write(request_bytes('POST', '/echo', { fields }));
        client.write(chunked(['first'], ''));
        const head = await client.reply_head();
        const pieces = client.pieces(head.fields);
        assert.equal((await pieces.next()).value.toString(), 'first');
        client.write(chunked(['second'], ''));
        assert.equal((await pieces.next()).value.toString(), 'second');
        client.write('0\r\n\r\n');
        assert.equal((await pieces.next()).done, true);
    });
    await cases.run('a client that leaves ends the request at the program', async () => {
        // A reset is noticed at once. An orderly end may come from a client that still reads, and
        // is noticed when there is something to send to it.
        for (const leave of ['reset', 'close']) {
            const client = await connect(world, port);
            client.write(request_bytes('GET', '/slow'));
            await client.reply_head();
            const { slow } = script.peers;
            client[leave]();
            await until('the program sees the end', () => {
                if (leave === 'close' && !slow.is_closed) {
                    slow.write(chunked(['more'], ''));
                }
                return slow.is_closed;
            });
        }
    });
    await cases.run('an upload that the client breaks off is not complete at the program',
        async () => {
            const client = await connect(world, port);
            const fields = { 'Content-Length': '100000' };
            client.write(request_bytes('POST', '/broken-upload', { fields }));
            client.write(Buffer.alloc(70_000, 'x'));
            const begun = () => origin.seen('broken-upload').length === 1;
            await until('the program has the head', begun);
            client.close();
            const ends = () => script.uploads.find(({ target }) => target === '/broken-upload');
            assert.equal((await until('the upload ends', ends)).was_cut, true);
        });
}

/** Waits until `count()` has not grown for ten looks. */
async function settled(what, count) {
    let [last, equal] = [-1, 0];
    await until(`${what} stops`, () => {
        equal = count() === last ? equal + 1 : 0;
        last = count();
        return equal >= 20;
    });
    return last;
}

async function pressure_cases(cases, world, proxy, { script }) {
    // What the kernel holds for four sockets, at most; the rest has to stay at the sender.
    const kernel_max = 64 * kib * kib;
    const private_sum = () =>
        proxy.workers().reduce((sum, pid) => sum + private_bytes(pid), 0);
    await cases.run('a client that does not read stops the program', async () => {
        const before = private_sum();
        const clients = [];
        for (let n = 0; n < 8; ++n) {
            const client = await connect(world, proxy.port, { held_max: 16 * kib });
            client.write(request_bytes('GET', '/endless'));
            await client.reply_head();
            client.socket.pause();
            clients.push(client);
        }
        const { endless } = script.peers;
        const written = await settled('the program', () => endless.written);
        assert.ok(written < kernel_max, `${written} bytes were taken from the program`);
        const each = (private_sum() - before) / clients.length;
        assert.ok(sanitized || each <= 256 * kib, `${Math.round(each / kib)} KiB a client`);
        clients.forEach((client) => client.close());
        await endless.closed();
    });
    await cases.run('a program that does not read stops the client', async () => {
        const before = private_sum();
        const client = await connect(world, proxy.port);
        const fields = { 'Transfer-Encoding': 'chunked' };
        client.write(request_bytes('POST', '/unread', { fields }));
        let taken = 0;
        const piece = chunked(['x'.repeat(64 * kib)], '');
        const writing = (async () => {
            while (!client.socket.destroyed && taken < gib) {
                client.write(piece);
                taken += piece.length;
                await client.drained(280_000);
            }
        })();
        await until('the program has the head', () => script.peers.unread);
        script.peers.unread.socket.pause();
        assert.ok(await settled('the client', () => taken) < kernel_max);
        const grown = private_sum() - before;
        assert.ok(sanitized || grown <= 256 * kib, `${Math.round(grown / kib)} KiB`);
        client.close();
        script.step();
        await within('writing ends', writing);
    });
}

test('the gateway hands on requests and replies as streams', async (world, context) => {
    const script = new stream_scripts();
    script.uploads = [];
    const origin = await start_origin(world, {
        ...script.scripts(),
        sum: async (peer, head) => {
            const { body, trailers } = await peer.with_body(head);
            const sum = `x-sum=${trailers.get('x-sum')}`;
            peer.write(plain_reply(`POST /sum ${body.length} ${sum}`));
        },
        'broken-upload': async (peer, head) => {
            script.uploads.push(await peer.with_body(head));
        },
    });
    const proxy = await start_proxy(world, {
        keys: { 'gateway.body_bytes_max': gib },
        routes: [{ path: '/', service: 'program' }],
        upstreams: { program: { addresses: [origin.address] } },
    });
    const cases = new shared_cases(context);
    const parts = { script, origin };
    await framing_cases(cases, world, proxy.port);
    await interim_cases(cases, world, proxy.port, parts);
    await piece_cases(cases, world, proxy.port, parts);
    await pressure_cases(cases, world, proxy, parts);
    assert.deepEqual(origin.problems, []);
    cases.finish();
});
