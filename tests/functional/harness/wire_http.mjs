// SPDX-License-Identifier: Apache-2.0
// HTTP/1.1 messages on a TCP socket, read piece by piece: heads, bodies by length, chunks or the
// end of the connection, trailers, interim replies. It states for each message whether it was
// complete or cut. Clients and misbehaving programs use it; harness/http_client.mjs is the simple
// client for replies of packet services, which are never chunked.

import net from 'node:net';

import { within } from './until.mjs';

const head_bytes_max = 4 * 1024 * 1024;

/** The header fields of a message, in the order in which they arrived. */
export class field_list {
    constructor(lines) {
        this.lines = lines.map((line) => {
            const colon = line.indexOf(':');
            if (colon < 1) {
                throw new Error(`not a header line: ${JSON.stringify(line)}`);
            }
            return [line.slice(0, colon), line.slice(colon + 1).trim()];
        });
    }

    all(name) {
        return this.lines.filter(([each]) => each.toLowerCase() === name).map(([, value]) => value);
    }

    /** The values of `name` as one list; undefined when there is none. */
    get(name) {
        const values = this.all(name);
        return values.length > 0 ? values.join(', ') : undefined;
    }

    has(name) {
        return this.all(name).length > 0;
    }
}

/** The bytes of a socket as they arrive. Reading stops while `held_max` bytes are not taken. */
class incoming {
    constructor(socket, held_max) {
        this.socket = socket;
        this.pieces = [];
        this.held = 0;
        this.total = 0;
        this.is_ended = false; // the peer has ended its direction, or the connection is gone
        this.was_reset = false;
        this.waiting = [];
        socket.on('data', (piece) => {
            this.pieces.push(piece);
            this.held += piece.length;
            this.total += piece.length;
            if (this.held > held_max) {
                socket.pause();
            }
            this.wake();
        });
        socket.on('error', (error) => {
            this.was_reset ||= ['ECONNRESET', 'EPIPE'].includes(error.code);
        });
        for (const event of ['end', 'close']) {
            socket.on(event, () => {
                this.is_ended = true;
                this.wake();
            });
        }
    }

    wake() {
        this.waiting.splice(0).forEach((resolve) => resolve());
    }

    async more(what, limit_ms) {
        this.socket.resume();
        await within(what, new Promise((resolve) => this.waiting.push(resolve)), limit_ms);
    }

    /** The next bytes, at most `most`; empty at the end. */
    async some(most = Infinity, limit_ms = 60_000) {
        while (this.pieces.length === 0 && !this.is_ended) {
            await this.more('further bytes', limit_ms);
        }
        const piece = this.pieces.shift() ?? Buffer.alloc(0);
        if (piece.length > most) {
            this.put_back(piece.subarray(most));
        }
        const taken = piece.subarray(0, Math.min(piece.length, most));
        this.held -= taken.length;
        return taken;
    }

    put_back(bytes) {
        this.pieces.unshift(bytes);
    }

    /** Everything up to `mark` and the mark; undefined when the connection ends before. */
    async through(mark, limit_ms) {
        for (;;) {
            const all = this.pieces.length === 1 ? this.pieces[0] : Buffer.concat(this.pieces);
            const at = all.indexOf(mark);
            if (at >= 0) {
                this.pieces = [all.subarray(at + mark.length)].filter(({ length }) => length > 0);
                this.held -= at + mark.length;
                return all.subarray(0, at + mark.length).toString('latin1');
            }
            if (all.length > head_bytes_max) {
                throw new Error(`no ${JSON.stringify(mark)} within ${head_bytes_max} bytes`);
            }
            if (this.is_ended) {
                return undefined;
            }
            this.pieces = [all].filter(({ length }) => length > 0);
            await this.more(`bytes up to ${JSON.stringify(mark)}`, limit_ms);
        }
    }
}

/** One end of an HTTP/1.1 connection. */
export class http_peer {
    constructor(socket, { held_max = Infinity } = {}) {
        this.socket = socket;
        this.in = new incoming(socket, held_max);
    }

    get is_closed() {
        return this.in.is_ended;
    }

    /** Resolves when the other side has ended the connection; what it sent before is dropped. */
    async closed(limit_ms = 60_000) {
        while (!this.in.is_ended) {
            await this.in.more('the end of the connection', limit_ms);
        }
    }

    write(bytes) {
        return this.socket.write(bytes);
    }

    /** Waits until the kernel has taken what was written. */
    async drained(limit_ms = 60_000) {
        if (this.socket.writableNeedDrain) {
            const taken = new Promise((resolve) => {
                this.socket.once('drain', resolve);
                this.socket.once('close', resolve);
            });
            await within('written bytes are taken', taken, limit_ms);
        }
    }

    end() {
        this.socket.end();
    }

    reset() {
        this.socket.resetAndDestroy();
    }

    close() {
        this.socket.destroy();
    }

    /** { start, fields } of the next message; undefined when the connection ends before it. */
    async head(limit_ms = 60_000) {
        const text = await this.in.through('\r\n\r\n', limit_ms);
        if (text === undefined) {
            return undefined;
        }
        const [start, ...lines] = text.slice(0, -4).split('\r\n');
        return { start, fields: new field_list(lines) };
    }

    /** The pieces of a body; then `this.was_cut` and `this.trailers` are those of the message. */
    async *pieces(fields, { no_body = false, until_close = false, limit_ms = 60_000 } = {}) {
        this.was_cut = false;
        this.trailers = new field_list([]);
        const codings = fields.get('transfer-encoding');
        if (no_body) {
            return;
        }
        if (codings !== undefined) {
            if (codings.toLowerCase() !== 'chunked' || fields.has('content-length')) {
                throw new Error(`framing: ${JSON.stringify(fields.lines)}`);
            }
            yield* this.chunks(limit_ms);
        } else if (fields.has('content-length')) {
            const [length, ...others] = fields.all('content-length');
            if (others.length > 0 || !/^\d+$/.test(length)) {
                throw new Error(`Content-Length: ${fields.all('content-length')}`);
            }
            yield* this.exactly(Number(length), limit_ms);
        } else if (until_close) {
            for (let piece; (piece = await this.in.some(Infinity, limit_ms)).length > 0;) {
                yield piece;
            }
            this.was_cut = this.in.was_reset;
        }
    }

    async *exactly(length, limit_ms) {
        for (let left = length; left > 0;) {
            const piece = await this.in.some(left, limit_ms);
            if (piece.length === 0) {
                this.was_cut = true;
                return;
            }
            left -= piece.length;
            yield piece;
        }
    }

    async *chunks(limit_ms) {
        for (;;) {
            const line = await this.in.through('\r\n', limit_ms);
            if (line === undefined) {
                this.was_cut = true;
                return;
            }
            if (!/^[0-9a-f]+(;.*)?\r\n$/i.test(line)) {
                throw new Error(`not a chunk size: ${JSON.stringify(line)}`);
            }
            const length = parseInt(line, 16);
            if (length === 0) {
                break;
            }
            yield* this.exactly(length, limit_ms);
            const end = this.was_cut ? undefined : await this.in.through('\r\n', limit_ms);
            if (end !== '\r\n') {
                this.was_cut = true;
                return;
            }
        }
        const lines = [];
        for (let line; (line = await this.in.through('\r\n', limit_ms)) !== '\r\n';) {
            if (line === undefined) {
                this.was_cut = true;
                return;
            }
            lines.push(line.slice(0, -2));
        }
        this.trailers = new field_list(lines);
    }

    /** The next request, complete with its body; undefined when the client ends the connection. */
    async request(options) {
        const head = await this.request_head(options);
        return head && this.with_body(head, {}, options);
    }

    async request_head({ limit_ms } = {}) {
        const head = await this.head(limit_ms);
        if (head === undefined) {
            return undefined;
        }
        const [, method, target, version] = /^(\S+) (\S+) HTTP\/(\d\.\d)$/.exec(head.start) ?? [];
        if (method === undefined) {
            throw new Error(`not a request line: ${JSON.stringify(head.start)}`);
        }
        return { method, target, version, fields: head.fields };
    }

    async with_body(head, framing, options = {}) {
        const parts = [];
        for await (const piece of this.pieces(head.fields, { ...framing, ...options })) {
            parts.push(piece);
        }
        const body = Buffer.concat(parts);
        const { was_cut, trailers } = this;
        return { ...head, body, text: body.toString(), was_cut, trailers };
    }

    /**
     * The head of the next final reply with the interim replies before it; undefined when the
     * connection ends before.
     */
    async reply_head({ limit_ms } = {}) {
        const interim = [];
        for (;;) {
            const head = await this.head(limit_ms);
            if (head === undefined) {
                return undefined;
            }
            const [, version, status] = /^HTTP\/(\d\.\d) (\d{3})( .*)?$/.exec(head.start) ?? [];
            if (version === undefined) {
                throw new Error(`not a status line: ${JSON.stringify(head.start)}`);
            }
            const reply = { version, status: Number(status), fields: head.fields };
            if (reply.status >= 200 || reply.status === 101) {
                return { ...reply, interim };
            }
            interim.push(reply);
        }
    }

    /**
     * The next reply with its whole body. `head`: of a HEAD request. status 0: the connection ended
     * before there was a head.
     */
    async reply({ head: is_head = false, ...options } = {}) {
        const head = await this.reply_head(options);
        if (head === undefined) {
            const fields = new field_list([]);
            const interim = [];
            return { status: 0, fields, interim, was_cut: true, text: '', body: Buffer.alloc(0) };
        }
        return this.with_body(head, this.framing(head, is_head), options);
    }

    framing({ status }, is_head = false) {
        const no_body = is_head || status === 204 || status === 304 || status === 101;
        return { no_body, until_close: true };
    }
}

/** A connection to `port`. With `held_max`, it reads no more than its user takes. */
export async function connect(world, port, { host = '127.0.0.1', from, ...options } = {}) {
    const socket = net.connect({ host, port, noDelay: true, localAddress: from });
    const peer = new http_peer(socket, options);
    world.on_close(() => peer.close());
    await within(
        `connect to port ${port}`,
        new Promise((resolve, reject) => {
            socket.once('connect', resolve);
            socket.once('error', reject);
        }),
    );
    return peer;
}

/** The bytes of a request head, or of a request when `body` is given. */
export function request_bytes(method, target, { fields = {}, body } = {}) {
    const all = { Host: 'test', ...fields };
    if (body !== undefined && all['Transfer-Encoding'] === undefined) {
        all['Content-Length'] ??= Buffer.byteLength(body);
    }
    const lines = Object.entries(all)
        .filter(([, value]) => value !== null)
        .flatMap(([name, values]) => [values].flat().map((value) => `${name}: ${value}\r\n`));
    const head = Buffer.from(`${method} ${target} HTTP/1.1\r\n${lines.join('')}\r\n`);
    return body === undefined ? head : Buffer.concat([head, Buffer.from(body)]);
}

/** One request on a new connection, and its reply. */
export async function exchange(world, port, method, target, options = {}) {
    const client = await connect(world, port, options);
    client.write(request_bytes(method, target, options));
    const reply = await client.reply({ head: method === 'HEAD', ...options });
    client.close();
    return reply;
}
