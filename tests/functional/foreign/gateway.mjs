// SPDX-License-Identifier: Apache-2.0
// A foreign gateway: it serves HTTP and keeps one packet connection to every node of the list. It
// puts the correlation key inside params and sends no top-level key. The legacy kind removes a node
// when the connection to the node ends, and reconnects only when the distributor sends a list.

import http from 'node:http';

import { foreign_node, link } from './node.mjs';

function reply(response, status, body) {
    const bytes = Buffer.from(body);
    response.statusCode = status;
    response.setHeader('Content-Type', 'application/json');
    response.setHeader('Content-Length', bytes.length);
    response.end(bytes);
}

export class foreign_gateway extends foreign_node {
    constructor(options) {
        super({ ...options, name: 'gate', urls: [] });
        this.links = new Map(); // host:port → { to, urls }
        this.waiting = new Map(); // key → HTTP response
        this.next_key = 0;
        this.turn = 0;
    }

    async listen() {
        this.server = http.createServer((request, response) => this.serve(request, response));
        await new Promise((resolve) => this.server.listen(this.wanted_port, resolve));
        return this.server.address().port;
    }

    on_topology(nodes) {
        const present = new Set();
        for (const node of nodes) {
            if (node.urls.length === 0) {
                continue;
            }
            const address = `${node.host}:${node.port}`;
            present.add(address);
            if (!this.links.has(address)) {
                const to = this.link_to(node, address);
                this.links.set(address, { to, urls: new Set(node.urls) });
            }
        }
        for (const [address, { to }] of this.links) {
            if (!present.has(address)) {
                to.close();
                this.links.delete(address);
            }
        }
    }

    link_to(node, address) {
        const forget = () => {
            if (this.links.get(address)?.to === to) {
                this.links.delete(address);
            }
        };
        const to = new link({
            kind: this.kind,
            host: node.host,
            port: Number(node.port),
            retry_ms: this.retry_ms,
            on_packet: (packet) => this.finish(packet),
            on_close: this.kind === 'legacy' ? forget : undefined,
        });
        return to;
    }

    async serve(request, response) {
        const url = new URL(request.url, 'http://gateway');
        let params = Object.fromEntries(url.searchParams);
        if (request.method === 'POST' || request.method === 'PUT') {
            let body = '';
            for await (const piece of request.setEncoding('utf8')) {
                body += piece;
            }
            params = (request.headers['content-type'] ?? '').startsWith('application/json')
                ? JSON.parse(body)
                : Object.fromEntries(new URLSearchParams(body));
        }
        this.forward(request.method, url.pathname, params, response);
    }

    forward(method, uri, params, response) {
        const able = [...this.links.values()].filter(
            ({ to, urls }) => to.connected && urls.has(method + uri),
        );
        if (able.length === 0) {
            reply(response, 404, '');
            return;
        }
        this.log({ method, uri });
        const key = this.next_key++;
        params.key = key;
        if (uri === '/logs') {
            reply(response, 202, '');
        } else {
            this.waiting.set(key, response);
        }
        able[this.turn++ % able.length].to.send({ uri, method, params });
    }

    finish(packet) {
        const response = this.waiting.get(packet.key);
        if (response) {
            this.waiting.delete(packet.key);
            reply(response, 200, JSON.stringify(packet));
        }
    }
}
