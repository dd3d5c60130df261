// SPDX-License-Identifier: Apache-2.0
// A program behind the proxy that sends exactly the bytes of a test: a TCP server in the process of
// the test. Each path has a script, a function of the connection and the head of the request.

import net from 'node:net';

import { http_peer } from './wire_http.mjs';

/** A reply with Content-Length. */
export function plain_reply(body, { status = '200 OK', fields = '' } = {}) {
    const length = `Content-Length: ${Buffer.byteLength(body)}\r\n`;
    return `HTTP/1.1 ${status}\r\n${length}${fields}\r\n${body}`;
}

/** The chunks of a body, each as a string; `end` includes trailers. */
export function chunked(pieces, end = '0\r\n\r\n') {
    const chunk = (text) => `${Buffer.byteLength(text).toString(16)}\r\n${text}\r\n`;
    return pieces.map(chunk).join('') + end;
}

class raw_origin {
    constructor(scripts) {
        this.scripts = scripts;
        this.requests = []; // heads, in the order of their arrival
        this.connections = new Set(); // that are open
        this.accepted = 0;
        this.problems = []; // what the proxy sent and should not have sent
        this.server = net.createServer({ noDelay: true, allowHalfOpen: true }, (socket) => {
            this.serve(socket).catch((problem) => this.note(problem, socket));
        });
    }

    note(problem, socket) {
        // The script of a connection that the proxy has closed fails when it goes on.
        if (!socket.destroyed) {
            this.problems.push(problem);
            socket.destroy();
        }
    }

    get port() {
        return this.server.address().port;
    }

    get address() {
        return `127.0.0.1:${this.port}`;
    }

    async serve(socket) {
        const peer = new http_peer(socket, { held_max: 65_536 });
        this.accepted += 1;
        this.connections.add(peer);
        socket.on('close', () => this.connections.delete(peer));
        for (;;) {
            const head = await peer.request_head({ limit_ms: 280_000 });
            if (head === undefined) {
                peer.end();
                return;
            }
            this.requests.push(head);
            peer.target = head.target;
            const [path] = head.target.split('?');
            const name = path.slice(path.lastIndexOf('/') + 1);
            const script = this.scripts[name] ?? this.scripts.default;
            await script(peer, head);
            if (socket.destroyed || socket.writableEnded) {
                return;
            }
        }
    }

    /** The requests whose path ends with `name`. */
    seen(name) {
        return this.requests.filter(({ target }) => target.split('?')[0].endsWith(`/${name}`));
    }

    /** The open connections whose last request has this target. */
    open(target) {
        return [...this.connections].filter((peer) => peer.target === target);
    }

    close() {
        this.server.close();
        this.connections.forEach((peer) => peer.close());
    }
}

/**
 * Starts a program. `scripts`: name → async (peer, head) => …; a request of /any/NAME runs script
 * NAME, or `default`. A script reads the body itself (`peer.with_body(head)`).
 */
export async function start_origin(world, scripts) {
    const origin = new raw_origin(scripts);
    await new Promise((resolve) => origin.server.listen(0, '127.0.0.1', resolve));
    world.on_close(() => origin.close());
    return origin;
}

/** The script of a well-behaved program: the reply names the request. */
export async function answer(peer, head) {
    const { body } = await peer.with_body(head);
    peer.write(plain_reply(`${head.method} ${head.target} ${body.length}`));
}
