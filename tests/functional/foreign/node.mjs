// SPDX-License-Identifier: Apache-2.0
// The common part of all foreign nodes except the distributor: a TCP server for packets, a link to
// the distributor that registers the node, the last list of nodes, and a link to the logs node.

import net from 'node:net';

import { encode, reader_of } from './framing.mjs';

/** Keeps one outgoing connection; retries after every interval until it is closed. */
export class link {
    constructor({
        kind, host, port, retry_ms, on_open = () => {}, on_packet = () => {}, on_close,
    }) {
        Object.assign(this, { kind, host, port, on_open, on_packet, on_close });
        this.connected = false;
        if (on_close) {
            this.connect(); // once: the owner decides about further attempts
            return;
        }
        // An existing node waits one interval before its first attempt and starts the next attempt
        // after each interval, even if the previous attempt is still pending.
        if (kind !== 'legacy') {
            this.connect();
        }
        this.timer = setInterval(() => {
            if (!this.connected) {
                this.connect();
            }
        }, retry_ms);
    }

    connect() {
        const socket = net.connect({ host: this.host, port: this.port, noDelay: true });
        const reader = reader_of(this.kind, this.on_packet);
        socket.on('connect', () => {
            this.connected = true;
            this.socket = socket;
            this.on_open(this);
        });
        socket.on('data', (chunk) => reader.feed(chunk));
        socket.on('error', () => {});
        socket.on('close', () => {
            if (this.socket === socket || this.socket === undefined) {
                this.connected = false;
            }
            this.on_close?.();
        });
        this.attempt = socket;
    }

    send(packet) {
        if (this.connected) {
            this.socket.write(encode(packet));
        }
    }

    close() {
        clearInterval(this.timer);
        this.attempt?.destroy();
        this.socket?.destroy();
    }
}

export class foreign_node {
    constructor({ kind, name, urls, port, backlog, distributor, retry_ms, text_port = false }) {
        Object.assign(this, { kind, name, urls, backlog, distributor, retry_ms, text_port });
        this.wanted_port = port;
        this.known = [];
    }

    /** Handles one request; `answer` may be called once, now or later, or not at all. */
    on_request(_packet, _answer) {}
    on_topology(_nodes) {}

    async listen() {
        this.server = net.createServer((socket) => {
            const reader = reader_of(this.kind, (packet) => {
                this.on_request(packet, (reply) => socket.write(encode(reply)));
            });
            socket.setNoDelay(true);
            socket.on('data', (chunk) => reader.feed(chunk));
            socket.on('error', () => {});
        });
        await new Promise((resolve, reject) => {
            this.server.once('error', reject);
            this.server.listen({ port: this.wanted_port, backlog: this.backlog }, resolve);
        });
        return this.server.address().port;
    }

    join(port) {
        const said = { port: this.text_port ? String(port) : port, name: this.name };
        this.registry = new link({
            kind: this.kind,
            ...this.distributor,
            retry_ms: this.retry_ms,
            on_open: (to) =>
                to.send({
                    uri: '/distributes',
                    method: 'POST',
                    key: 0,
                    params: { ...said, urls: this.urls },
                }),
            on_packet: (packet) => {
                if (packet.uri === '/distributes' && packet.method === 'GET') {
                    this.known = packet.params;
                    this.follow_logs();
                    this.on_topology(packet.params);
                }
            },
        });
    }

    follow_logs() {
        const logs = this.known.find((node) => node.name === 'logs');
        if (logs && !this.logs && this.name !== 'logs') {
            const { host, port } = logs;
            const { kind, retry_ms } = this;
            this.logs = new link({ kind, host, port: Number(port), retry_ms });
        }
    }

    /** Existing services send a text, the existing gateway sends an object. */
    log(params) {
        this.logs?.send({ uri: '/logs', method: 'POST', key: 0, params });
    }
}
