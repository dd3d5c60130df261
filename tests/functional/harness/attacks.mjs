// SPDX-License-Identifier: Apache-2.0
// What somebody does who reaches the ports of msd and wants to take it down. Each attack is a
// function of a target, { ports: { distributor, gateway, goods, members, logs, … } }, and an option
// `seconds`, for which it goes on. It ends with all its connections closed, whether msd refused it
// or not: what has to hold meanwhile is the matter of the test.

import net from 'node:net';

import { encode } from '../foreign/framing.mjs';
import { chosen_below } from './chance.mjs';
import { pause } from './until.mjs';

const crowd_max = 240;

/** Many connections to one port of this host, from `from`. What msd closes is not opened again. */
class crowd {
    constructor(port, { count, from = '127.0.0.1', reads = true }) {
        this.sockets = Array.from({ length: Math.min(count, crowd_max) }, () => {
            const socket = net.connect({ port, host: '127.0.0.1', localAddress: from });
            socket.setNoDelay(true);
            socket.on('error', () => {});
            if (reads) {
                socket.resume();
            } else {
                socket.pause();
            }
            return socket;
        });
    }

    get open() {
        return this.sockets.filter((each) => !each.destroyed);
    }

    /** Waits at most a second until every connection is made or refused. */
    async connected() {
        const end = performance.now() + 1000;
        while (performance.now() < end && this.open.some((each) => each.connecting)) {
            await pause(10);
        }
    }

    /** Writes to those connections that do not have much unsent already. */
    write(bytes, some = this.open) {
        for (const each of some) {
            if (each.writable && each.writableLength < 4 << 20) {
                each.write(bytes);
            }
        }
    }

    close() {
        for (const each of this.sockets) {
            each.destroy();
        }
    }
}

/** Calls `step` again and again for `seconds`, with a turn of the event loop between two calls. */
async function repeatedly(seconds, step, pause_ms = 12) {
    const end = performance.now() + seconds * 1000;
    for (let count = 0; performance.now() < end; ++count) {
        await step(count);
        await pause(pause_ms);
    }
}

async function with_crowd(port, options, use) {
    const attackers = new crowd(port, options);
    try {
        await attackers.connected();
        await use(attackers);
    } finally {
        attackers.close();
    }
}

const url_list = (prefix, count) =>
    Array.from({ length: count }, (_, n) => `GET/${prefix}/${n}`);

function registration(fields) {
    return encode({ uri: '/distributes', method: 'POST', key: 0, params: fields });
}

// Ports on which nobody listens, each used once, so that entries differ.
let last_port = 20_000;
const unused_port = () => (last_port = last_port < 60_000 ? last_port + 1 : 20_001);

/** Nodes with a thousand routes each, and one that registers again and again with a new route. */
export async function registry_flood({ ports }, { seconds }) {
    await with_crowd(ports.distributor, { count: 100 }, async (attackers) => {
        for (const [index, each] of attackers.open.entries()) {
            const name = `flood${index}`;
            const urls = url_list(name, 1000);
            attackers.write(registration({ port: unused_port(), name, urls, proto: 2 }), [each]);
        }
        const port = unused_port();
        await repeatedly(seconds, (count) => attackers.write(
            registration({ port, name: 'changing', urls: url_list(`c${count}`, 1), proto: 2 }),
            attackers.open.slice(0, 1),
        ));
    });
}

/** Descriptions of nodes that exist, without their routes. */
export async function contradiction({ ports }, { seconds }) {
    await with_crowd(ports.distributor, { count: 6 }, (attackers) =>
        repeatedly(seconds, () => {
            for (const name of ['goods', 'members', 'purchases']) {
                attackers.write(registration({ port: ports[name], name, urls: ['GET/x'] }));
            }
        }, 50));
}

/** As many and as large entries as the registry takes. */
export async function full_registry({ ports }, { seconds }) {
    await with_crowd(ports.distributor, { count: 240 }, async (attackers) => {
        for (const [index, each] of attackers.open.entries()) {
            const name = `full${index}`;
            const urls = url_list(`${'long'.repeat(15)}${index}`, 900);
            attackers.write(registration({ port: unused_port(), name, urls }), [each]);
            if (index % 16 === 0) {
                await pause(1);
            }
        }
        await repeatedly(seconds, () => {}, 100);
    });
}

/** Registered nodes that never read the lists they are sent, while the list changes. */
export async function slow_readers({ ports }, { seconds }) {
    await with_crowd(ports.distributor, { count: 60, reads: false }, async (attackers) => {
        for (const [index, each] of attackers.open.entries()) {
            const name = `slow${index}`;
            const urls = url_list(name, 200);
            attackers.write(registration({ port: unused_port(), name, urls }), [each]);
        }
        const port = unused_port();
        await repeatedly(seconds, (count) => attackers.write(
            registration({ port, name: 'slow', urls: url_list(`s${count}`, 3) }),
            attackers.open.slice(0, 1),
        ), 110);
    });
}

/** Connections that send nothing. */
export async function silent_connections({ ports }, { seconds }) {
    for (const name of ['distributor', 'gateway', 'goods']) {
        await with_crowd(ports[name], { count: 200 }, () =>
            repeatedly(seconds / 3, () => {}, 100));
    }
}

/** Heads, bodies and packets that never end. */
export async function unfinished_input({ ports }, { seconds }) {
    const megabyte = Buffer.alloc(1_000_000, 'x');
    const head = 'POST /goods HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\n';
    const beginnings = [
        ['gateway', Buffer.from(`${head}Content-Length: 1048576\r\n\r\n{"name":"`), megabyte],
        ['gateway', Buffer.from(`${head}X-Long: `), Buffer.alloc(7000, 'x')],
        ['goods', Buffer.from('{"uri":"/goods","method":"POST","params":{"name":"'), megabyte],
        ['distributor', Buffer.from('{"uri":"/distributes","method":"POST","x":"'), megabyte],
    ];
    for (const [name, begin, rest] of beginnings) {
        await with_crowd(ports[name], { count: 200 }, async (attackers) => {
            attackers.write(begin);
            attackers.write(rest);
            await repeatedly(seconds / beginnings.length, () => {}, 100);
        });
    }
}

/** What a web page or a server that can be made to send a request sends to the packet ports. */
export async function http_on_packet_ports({ ports }, { seconds }) {
    const body = registration({ port: unused_port(), name: 'page', urls: ['GET/page'] });
    const request = Buffer.concat([
        Buffer.from(`POST / HTTP/1.1\r\nHost: a\r\nContent-Length: ${body.length}\r\n\r\n`),
        Buffer.from(body),
    ]);
    await repeatedly(seconds, async () => {
        for (const name of ['distributor', 'goods', 'members', 'logs']) {
            await with_crowd(ports[name], { count: 10 }, (attackers) => attackers.write(request));
        }
    }, 100);
}

function http_request(method, target, body, headers = {}) {
    const lines = Object.entries({
        Host: 'a', 'Content-Type': 'application/json', 'Content-Length': Buffer.byteLength(body),
        ...headers,
    }).map(([name, value]) => `${name}: ${value}\r\n`);
    return `${method} ${target} HTTP/1.1\r\n${lines.join('')}\r\n${body}`;
}

/** Guesses of passwords, of existing and of other names. */
export async function login_flood({ ports }, { seconds }) {
    await with_crowd(ports.gateway, { count: 200, from: '127.0.0.7' }, (attackers) =>
        repeatedly(seconds, (count) => {
            const username = count % 2 === 0 ? 'owner' : `nobody ${count}`;
            const body = JSON.stringify({ username, password: `guess ${count}` });
            attackers.write(http_request('POST', '/members/login', body));
        }, 250));
}

/** Large log lines, which look like those of msd. */
export async function log_flood({ ports }, { seconds }) {
    const line = { level: 'error', role: 'gateway', message: 'x'.repeat(60_000) };
    await with_crowd(ports.gateway, { count: 40, from: '127.0.0.7' }, (attackers) =>
        repeatedly(seconds, () =>
            attackers.write(http_request('POST', '/logs', JSON.stringify(line)))));
}

/** Forms that a page of another origin sends through the browsers of its visitors. */
export async function cross_site_writes({ ports }, { seconds }) {
    const body = 'name=evil&category=evil&price=1&description=evil';
    const headers = {
        'Content-Type': 'application/x-www-form-urlencoded', Origin: 'http://evil.example',
    };
    await with_crowd(ports.gateway, { count: 20, from: '127.0.0.7' }, (attackers) =>
        repeatedly(seconds, () =>
            attackers.write(http_request('POST', '/goods', body, headers)), 20));
}

/** JSON that costs much to read: many members, deep nesting, many escapes. */
export async function costly_json({ ports }, { seconds }) {
    const members = Array.from({ length: 65_000 }, (_, n) => `"m${n}":1`).join();
    const bodies = [
        `{${members}}`, `{"a":${'['.repeat(200_000)}`, `{"a":"${'\\u0041'.repeat(100_000)}"}`,
    ];
    await with_crowd(ports.gateway, { count: 8, from: '127.0.0.7' }, (attackers) =>
        repeatedly(seconds, (count) =>
            attackers.write(http_request('POST', '/goods', bodies[count % bodies.length])), 50));
    await with_crowd(ports.distributor, { count: 8 }, (attackers) =>
        repeatedly(seconds / 4, () => attackers.write(`{"x":{${members}}}¶`), 50));
}

/** Proofs of a cluster secret that the sender does not have. */
export async function wrong_proofs({ ports }, { seconds }) {
    await repeatedly(seconds, async (count) => {
        for (const name of ['distributor', 'goods']) {
            const random = () => chosen_below(2 ** 32).toString(16).padStart(64, '0');
            const proof = { auth: { version: 1, challenge: random(), proof: random(), n: count } };
            await with_crowd(ports[name], { count: 10 }, (attackers) =>
                attackers.write(encode(proof)));
        }
    }, 30);
}

export const attacks = {
    registry_flood,
    contradiction,
    full_registry,
    slow_readers,
    silent_connections,
    unfinished_input,
    http_on_packet_ports,
    login_flood,
    log_flood,
    cross_site_writes,
    costly_json,
    wrong_proofs,
};
