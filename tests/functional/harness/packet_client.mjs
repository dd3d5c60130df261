// SPDX-License-Identifier: Apache-2.0
// A TCP client for packets. It sends any bytes and records all packets and the number of bytes that
// it receives. It uses the framing of the tests, not that of msd.

import net from 'node:net';

import { encode, strict_reader } from '../foreign/framing.mjs';
import { until, within } from './until.mjs';

export class packet_client {
    static async open(port, { host = '127.0.0.1', local_port } = {}) {
        const socket = net.connect({ host, port, localPort: local_port, noDelay: true });
        const client = new packet_client(socket);
        await within(
            `connect to port ${port}`,
            new Promise((resolve, reject) => {
                socket.once('connect', resolve);
                socket.once('error', reject);
            }),
        );
        client.local_port = socket.localPort;
        return client;
    }

    constructor(socket) {
        this.socket = socket;
        this.packets = []; // everything received, in order
        this.malformed = [];
        this.bytes_received = 0;
        this.raw = []; // the last chunks, for looking at bytes
        this.next_key = 1000; // tests choose smaller keys
        this.is_closed = false;
        const reader = new strict_reader(
            (packet) => this.packets.push(packet),
            (text) => this.malformed.push(text),
        );
        socket.on('data', (chunk) => {
            this.bytes_received += chunk.length;
            this.raw = [...this.raw.slice(-15), chunk];
            reader.feed(chunk);
        });
        socket.on('error', () => {});
        socket.on('end', () => {
            this.saw_end = true;
        });
        this.closed = new Promise((resolve) => {
            socket.on('close', () => {
                this.is_closed = true;
                resolve();
            });
        });
    }

    write(bytes) {
        this.socket.write(bytes);
    }

    send(packet) {
        this.write(encode(packet));
    }

    /** Waits for a packet that `matches`; returns the first, also one received earlier. */
    async packet(what, matches, limit_ms) {
        return until(what, () => this.packets.find(matches), limit_ms);
    }

    async reply(key, limit_ms) {
        return this.packet(
            `a reply with key ${JSON.stringify(key)}`,
            (packet) => packet.uri === undefined && packet.key === key,
            limit_ms,
        );
    }

    async request(method, uri, params = {}, more = {}) {
        const key = this.next_key++;
        this.send({ uri, method, key, params, ...more });
        return this.reply(key);
    }

    register(params) {
        this.send({ uri: '/distributes', method: 'POST', key: 0, params });
    }

    /** The lists of nodes received so far. */
    lists() {
        return this.packets
            .filter((packet) => packet.uri === '/distributes' && packet.method === 'GET')
            .map((packet) => packet.params);
    }

    async list(what, matches, limit_ms) {
        return until(what, () => {
            const last = this.lists().at(-1);
            return last && matches(last) ? last : undefined;
        }, limit_ms);
    }

    close() {
        this.socket.destroy();
    }
}
