// SPDX-License-Identifier: Apache-2.0
// Foreign peers in the process of the test, which controls every byte that they send.

import net from 'node:net';

import { encode, strict_reader } from '../foreign/framing.mjs';

async function listen(world, on_socket, port = 0) {
    const sockets = new Set();
    const server = net.createServer((socket) => {
        socket.setNoDelay(true);
        socket.on('error', () => {});
        socket.on('close', () => sockets.delete(socket));
        sockets.add(socket);
        on_socket(socket);
    });
    await new Promise((resolve) => server.listen(port, '127.0.0.1', resolve));
    const close = () => {
        server.close();
        for (const socket of sockets) {
            socket.destroy();
        }
    };
    world.on_close(close);
    return { sockets, port: server.address().port, close };
}

/**
 * A foreign service. `on_request(packet, reply, socket)`: `reply(fields)` answers with the packet's
 * key; `socket` can send any bytes. A separate connection registers the service.
 */
export async function scripted_service(world, { distributor, name, urls, on_request, extra }) {
    const service = { requests: [], connections: 0 };
    const on_socket = (socket) => {
        ++service.connections;
        const reader = new strict_reader((packet) => {
            service.requests.push(packet);
            const key = packet.key ?? packet.params?.key;
            const reply = (fields = {}) =>
                socket.write(encode({ key, errorcode: 0, errormessage: 'success', ...fields }));
            on_request(packet, reply, socket);
        });
        socket.on('data', (chunk) => reader.feed(chunk));
    };
    Object.assign(service, await listen(world, on_socket));
    service.registration = await world.packets(distributor);
    service.registration.register({ port: service.port, name, urls, ...extra });
    return service;
}

/** A foreign distributor that sends only what `on_accept` and `on_join(socket, params)` send. */
export async function scripted_distributor(world, { on_accept = () => {}, on_join = () => {} }) {
    const distributor = { joined: [] };
    const on_socket = (socket) => {
        const reader = new strict_reader((packet) => {
            if (packet.method === 'POST' && packet.uri === '/distributes') {
                distributor.joined.push(packet.params);
                on_join(socket, packet.params);
            }
        });
        socket.on('data', (chunk) => reader.feed(chunk));
        on_accept(socket);
    };
    return Object.assign(distributor, await listen(world, on_socket));
}

export function list_packet(nodes) {
    return encode({ uri: '/distributes', method: 'GET', key: 0, params: nodes });
}
