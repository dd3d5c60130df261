// SPDX-License-Identifier: Apache-2.0
// WebSocket (RFC 6455) on a TCP socket, without extensions: frames, the opening handshake of both
// sides and the closing handshake.

import assert from 'node:assert/strict';
import { createHash, randomBytes } from 'node:crypto';

import { within } from './until.mjs';
import { connect, request_bytes } from './wire_http.mjs';

const magic = '258EAFA5-E914-47DA-95CA-C5AB0DC85B11';
export const opcode = { text: 1, binary: 2, close: 8, ping: 9, pong: 10 };

export function accept_value(key) {
    return createHash('sha1').update(key + magic).digest('base64');
}

/** One whole frame. Clients mask their frames. */
export function frame(kind, payload, { mask = false } = {}) {
    const data = Buffer.from(payload);
    const length = data.length < 126 ? 0 : data.length < 65_536 ? 2 : 8;
    const head = Buffer.alloc(2 + length);
    head[0] = 0x80 | kind;
    head[1] = (mask ? 0x80 : 0) | (length === 0 ? data.length : length === 2 ? 126 : 127);
    if (length === 2) {
        head.writeUInt16BE(data.length, 2);
    } else if (length === 8) {
        head.writeBigUInt64BE(BigInt(data.length), 2);
    }
    if (!mask) {
        return Buffer.concat([head, data]);
    }
    const key = randomBytes(4);
    const masked = data.map((byte, index) => byte ^ key[index % 4]);
    return Buffer.concat([head, key, masked]);
}

/** Takes whole frames from bytes that arrive in any pieces. */
export class frame_reader {
    constructor() {
        this.bytes = Buffer.alloc(0);
    }

    /** { kind, payload } of each frame that `piece` completes. */
    *add(piece) {
        this.bytes = Buffer.concat([this.bytes, piece]);
        for (let found; (found = this.take()) !== undefined;) {
            yield found;
        }
    }

    take() {
        const all = this.bytes;
        if (all.length < 2) {
            return undefined;
        }
        const short = all[1] & 0x7f;
        const extra = short === 126 ? 2 : short === 127 ? 8 : 0;
        const masked = (all[1] & 0x80) !== 0;
        const begin = 2 + extra + (masked ? 4 : 0);
        if (all.length < begin) {
            return undefined;
        }
        const long = () => (extra === 2 ? all.readUInt16BE(2) : Number(all.readBigUInt64BE(2)));
        const length = extra === 0 ? short : long();
        if (all.length < begin + length) {
            return undefined;
        }
        let payload = all.subarray(begin, begin + length);
        if (masked) {
            const key = all.subarray(begin - 4, begin);
            payload = payload.map((byte, index) => byte ^ key[index % 4]);
        }
        this.bytes = all.subarray(begin + length);
        return { kind: all[0] & 0x0f, payload };
    }
}

/** The server's side of a connection whose opening handshake is done: echoes, answers a close. */
export function echo_frames(socket, first = Buffer.alloc(0)) {
    const frames = new frame_reader();
    const take = (piece) => {
        for (const { kind, payload } of frames.add(piece)) {
            socket.write(frame(kind === opcode.ping ? opcode.pong : kind, payload));
            if (kind === opcode.close) {
                socket.end();
            }
        }
    };
    socket.on('data', take);
    socket.on('error', () => {});
    take(first);
}

/** The head of the server's reply to an opening handshake with this key. */
export function accepted_head(key) {
    return 'HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n' +
        `Sec-WebSocket-Accept: ${accept_value(key)}\r\n\r\n`;
}

class websocket_client {
    constructor(peer) {
        this.peer = peer;
        this.frames = new frame_reader();
        this.received = [];
        this.close_code = undefined; // of a close frame from the server
    }

    send(payload, kind = opcode.text) {
        return this.peer.write(frame(kind, payload, { mask: true }));
    }

    /** The next frame, { kind, payload }; undefined when the connection has ended. */
    async next(limit_ms = 60_000) {
        while (this.received.length === 0) {
            const piece = await this.peer.in.some(Infinity, limit_ms);
            if (piece.length === 0) {
                return undefined;
            }
            this.received.push(...this.frames.add(piece));
        }
        return this.received.shift();
    }

    /** The text of the next message. */
    async message(limit_ms) {
        const found = await this.next(limit_ms);
        return found?.payload.toString();
    }

    /** Sends a message and waits for its echo. */
    async echo(text) {
        this.send(text);
        assert.equal(await this.message(), text);
    }

    /** Ends the connection with the closing handshake. */
    async close(code = 1000) {
        const payload = Buffer.alloc(2);
        payload.writeUInt16BE(code);
        this.send(payload, opcode.close);
        const found = await this.next();
        assert.equal(found?.kind, opcode.close);
        assert.equal(found.payload.readUInt16BE(), code);
        await within('the connection ends after its closing handshake', this.peer.closed());
        this.peer.close();
    }
}

/** Opens a WebSocket and checks the server's part of the handshake. */
export async function open_websocket(world, port, target, { fields = {}, ...options } = {}) {
    const peer = await connect(world, port, options);
    const key = randomBytes(16).toString('base64');
    const upgrade = {
        Upgrade: 'websocket', Connection: 'Upgrade', 'Sec-WebSocket-Key': key,
        'Sec-WebSocket-Version': '13', ...fields,
    };
    peer.write(request_bytes('GET', target, { fields: upgrade }));
    const head = await peer.reply_head();
    assert.equal(head?.status, 101, JSON.stringify(head));
    assert.equal(head.fields.get('sec-websocket-accept'), accept_value(key));
    assert.match(head.fields.get('connection'), /upgrade/i);
    assert.match(head.fields.get('upgrade'), /websocket/i);
    return new websocket_client(peer);
}
