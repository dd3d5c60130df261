// SPDX-License-Identifier: Apache-2.0
// A foreign distributor: after each registration and each end of a registered connection it sends
// the whole list to all registered nodes at once; a new connection gets the current list.

import net from 'node:net';

import { encode, reader_of } from './framing.mjs';

export class foreign_distributor {
    constructor({ kind, port }) {
        this.kind = kind;
        this.wanted_port = port;
        this.registered = new Map();
    }

    async listen() {
        // Unspecified address: peers show up as ::ffff:127.0.0.1, as they do today.
        this.server = net.createServer((socket) => this.accept(socket));
        await new Promise((resolve, reject) => {
            this.server.once('error', reject);
            this.server.listen(this.wanted_port, resolve);
        });
        return this.server.address().port;
    }

    accept(socket) {
        const reader = reader_of(this.kind, (packet) => this.receive(socket, packet));
        socket.setNoDelay(true);
        socket.on('data', (chunk) => reader.feed(chunk));
        socket.on('error', () => {});
        socket.on('close', () => {
            if (this.registered.delete(socket)) {
                this.tell_all();
            }
        });
        this.tell(socket);
    }

    receive(socket, packet) {
        if (packet.uri === '/distributes' && packet.method === 'POST') {
            this.registered.set(socket, { ...packet.params, host: socket.remoteAddress });
            this.tell_all();
        }
    }

    list() {
        const params = [...this.registered.values()];
        return encode({ uri: '/distributes', method: 'GET', key: 0, params });
    }

    tell(socket) {
        socket.write(this.list());
    }

    tell_all() {
        const list = this.list();
        for (const socket of this.registered.keys()) {
            socket.write(list);
        }
    }
}
