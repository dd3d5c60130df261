// SPDX-License-Identifier: Apache-2.0
// An HTTP/1.1 client on a TCP socket: it sends any bytes, well-formed or not, keeps its connection
// and reports how the peer ended it. Content-Length or the end of the connection delimits bodies;
// a chunked reply is an error, because plain replies of packet services have a length. Tests of
// streams use wire_http.mjs.

import net from 'node:net';

import { until, within } from './until.mjs';

function parse_head(text) {
    const [start, ...lines] = text.split('\r\n');
    const [, version, status, reason] = /^HTTP\/(1\.[01]) (\d{3}) (.*)$/.exec(start) ?? [];
    if (version === undefined) {
        throw new Error(`not a status line: ${JSON.stringify(start)}`);
    }
    const headers = new Map();
    for (const line of lines) {
        const colon = line.indexOf(':');
        const name = line.slice(0, colon).toLowerCase();
        const value = line.slice(colon + 1).trim();
        headers.set(name, headers.has(name) ? `${headers.get(name)}, ${value}` : value);
    }
    if (headers.has('transfer-encoding')) {
        throw new Error(`a reply with Transfer-Encoding: ${headers.get('transfer-encoding')}`);
    }
    return { version, status: Number(status), reason, headers };
}

export class http_response {
    constructor(head, body) {
        Object.assign(this, head);
        this.body = body;
    }

    get text() {
        return this.body.toString('utf8');
    }

    get json() {
        return JSON.parse(this.text);
    }
}

export class http_connection {
    /** `from` is the local address, for clients that msd has to tell apart. */
    static async open(port, { host = '127.0.0.1', from } = {}) {
        const socket = net.connect({ host, port, noDelay: true, localAddress: from });
        const connection = new http_connection(socket);
        await within(
            `connect to port ${port}`,
            new Promise((resolve, reject) => {
                socket.once('connect', resolve);
                socket.once('error', reject);
            }),
        );
        return connection;
    }

    constructor(socket) {
        this.socket = socket;
        this.chunks = [];
        this.bytes_received = 0;
        this.is_closed = false;
        this.was_reset = false;
        socket.on('data', (chunk) => {
            this.chunks.push(chunk);
            this.bytes_received += chunk.length;
        });
        socket.on('error', (error) => {
            this.was_reset ||= error.code === 'ECONNRESET' || error.code === 'EPIPE';
        });
        this.closed = new Promise((resolve) => {
            socket.on('end', () => {
                this.is_closed = true;
                resolve();
            });
            socket.on('close', () => {
                this.is_closed = true;
                resolve();
            });
        });
    }

    write(bytes) {
        this.socket.write(bytes);
    }

    get received() {
        if (this.chunks.length > 1) {
            this.chunks = [Buffer.concat(this.chunks)];
        }
        return this.chunks[0] ?? Buffer.alloc(0);
    }

    /** The next response, 1xx included. `head`: the request was HEAD, so there is no body. */
    async response({ head = false, limit_ms = 60_000 } = {}) {
        return until('an HTTP response', () => {
            const found = this.take(head);
            if (!found && this.is_closed) {
                return { status: 0, headers: new Map(), body: this.received, text: '' };
            }
            return found;
        }, limit_ms);
    }

    take(head) {
        const all = this.received;
        const end = all.indexOf('\r\n\r\n');
        if (end < 0) {
            return undefined;
        }
        const parsed = parse_head(all.subarray(0, end).toString('latin1'));
        const begin = end + 4;
        const bodiless = head || parsed.status < 200 || parsed.status === 204;
        let length = bodiless ? 0 : Number(parsed.headers.get('content-length') ?? NaN);
        if (Number.isNaN(length)) {
            if (!this.is_closed) {
                return undefined;
            }
            length = all.length - begin;
        }
        if (all.length < begin + length) {
            return undefined;
        }
        this.chunks = [all.subarray(begin + length)];
        return new http_response(parsed, all.subarray(begin, begin + length));
    }

    send(method, target, { body, headers = {} } = {}) {
        const fields = { Host: 'test', ...headers };
        let bytes = Buffer.alloc(0);
        if (body !== undefined) {
            const text = Buffer.isBuffer(body) || typeof body === 'string';
            bytes = Buffer.from(text ? body : JSON.stringify(body));
            if (!('Content-Type' in fields)) { // null: the header is not sent
                fields['Content-Type'] = 'application/json';
            }
            fields['Content-Length'] ??= bytes.length;
        }
        const lines = Object.entries(fields)
            .filter(([, value]) => value !== null)
            .map(([name, value]) => `${name}: ${value}\r\n`);
        const start = `${method} ${target} HTTP/1.1\r\n`;
        this.write(Buffer.concat([Buffer.from(`${start}${lines.join('')}\r\n`), bytes]));
    }

    async request(method, target, options = {}) {
        this.send(method, target, options);
        return this.response({ head: method === 'HEAD', limit_ms: options.limit_ms });
    }

    close() {
        this.socket.destroy();
    }
}

/** One request on a new connection. */
export async function http(port, method, target, options = {}) {
    const connection = await http_connection.open(port, options);
    try {
        const headers = { Connection: 'close', ...options.headers };
        return await connection.request(method, target, { ...options, headers });
    } finally {
        connection.close();
    }
}
