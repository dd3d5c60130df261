// SPDX-License-Identifier: Apache-2.0
// The parts of the chaos tests: programs and packet services that misbehave on order and count what
// they execute, and clients that check each reply and count what they were told.

import assert from 'node:assert/strict';

import { http } from './http_client.mjs';
import { answer, plain_reply, start_origin } from './raw_origin.mjs';
import { scripted_service } from './scripted.mjs';
import { until } from './until.mjs';

/** What is executed: id → how often. */
export class executions extends Map {
    note(id) {
        this.set(id, (this.get(id) ?? 0) + 1);
    }

    assert_at_most_once() {
        const twice = [...this].filter(([, count]) => count > 1);
        assert.deepEqual(twice, [], 'executed more than once');
    }
}

const large = 'x'.repeat(100_000);

/** How a web program may treat a request that it has received, and executed if it is a POST. */
export const behaviours = {
    answers: answer,
    refuses: async (peer) => peer.write(plain_reply('no', { status: '503 Busy' })),
    fails: async (peer) => peer.write(plain_reply('no', { status: '500 Failed' })),
    closes: async (peer) => peer.close(),
    breaks: async (peer) => {
        peer.write(plain_reply(large).slice(0, 50_000));
        peer.close();
    },
    // As long as the caller waits.
    hangs: async (peer) => peer.closed(280_000),
};

/**
 * A web program. `program.behaviour` says what it does with GET; a POST is executed, which `done`
 * counts by the last part of its path, and then `of(head)` chooses.
 */
export async function misbehaving_program(world, done, of) {
    const program = await start_origin(world, {
        default: async (peer, head) => {
            const behaviour = of?.(head) ?? program.behaviour;
            if (head.method === 'POST') {
                await peer.with_body(head);
                done.note(head.target.split('/').pop());
                const reply = plain_reply(`POST ${head.target}`);
                return behaviour === 'answers' ? peer.write(reply) : behaviours[behaviour](peer);
            }
            return behaviours[behaviour](peer, head);
        },
    });
    program.behaviour = 'answers';
    return program;
}

/** An instance of a packet service with GET/where and POST/where, whose param n comes back. */
export async function misbehaving_service(world, distributor, done, of) {
    const service = await scripted_service(world, {
        distributor,
        name: 'where',
        urls: ['GET/where', 'POST/where'],
        extra: { proto: 2 },
        on_request: (packet, reply, socket) => {
            if (packet.hello) {
                return socket.write('{"hello":{"slot":0,"workers":1,"generation":1}}¶');
            }
            if (packet.uri === '/ping' || packet.cancel !== undefined) {
                return packet.uri === '/ping' && reply();
            }
            const { n } = packet.params;
            if (packet.method === 'POST') {
                done.note(String(n));
            }
            const behaviour = of?.(packet) ?? service.behaviour;
            if (behaviour === 'answers') {
                reply({ status: 200, n });
            } else if (behaviour === 'closes' || behaviour === 'breaks') {
                socket.destroy();
            } else if (behaviour !== 'hangs') {
                const status = behaviour === 'refuses' ? 503 : 500;
                reply({ status, errorcode: status, errormessage: 'no' });
            }
        },
    });
    service.behaviour = 'answers';
    return service;
}

// The client's connection ended: by the death of a worker, or to show that a reply is not complete.
const lost = new Set(['ECONNREFUSED', 'ECONNRESET', 'EPIPE']);

/** One request on a connection of its own; status 0 when it got no complete reply. */
export async function ask(port, method, target, options) {
    try {
        return await http(port, method, target, { limit_ms: 60_000, ...options });
    } catch (error) {
        if (!lost.has(error.code)) {
            throw error;
        }
        return { status: 0, text: error.code };
    }
}

const failures = new Set([0, 500, 502, 503, 504]);

/**
 * Clients that each send `next(n)`, { method, target, options, check(reply) }, one after the other,
 * each time with another number n, until stop(). A reply with 200 is checked, others are counted.
 */
export class clients {
    constructor(port, count, next) {
        this.port = port;
        this.sent = 0;
        this.good = 0;
        this.by_status = new Map();
        this.is_stopping = false;
        this.ended = Promise.all(Array.from({ length: count }, () => this.run(next)));
        this.ended.catch((problem) => {
            this.problem = problem;
        });
    }

    async run(next) {
        while (!this.is_stopping) {
            await this.one(next);
        }
    }

    async one(next) {
        const { method = 'GET', target, options, check } = next(++this.sent);
        const reply = await ask(this.port, method, target, options);
        this.by_status.set(reply.status, (this.by_status.get(reply.status) ?? 0) + 1);
        if (reply.status === 200) {
            check(reply);
            ++this.good;
        } else {
            assert.ok(failures.has(reply.status), `${method} ${target}: ${reply.status}`);
            if (reply.status >= 500) {
                assert.notEqual(reply.text, '', 'an error says why');
            }
        }
    }

    /** Replies of the gateway or a service that were errors. */
    get errors() {
        return [...this.by_status].reduce((sum, [status, n]) => sum + (status >= 500 ? n : 0), 0);
    }

    async progress(count, limit_ms = 60_000) {
        const wanted = this.good + count;
        await until(`${count} more good replies`, () => {
            return this.problem || this.good >= wanted;
        }, limit_ms);
        if (this.problem) {
            throw this.problem;
        }
    }

    async stop() {
        this.is_stopping = true;
        await this.ended;
    }
}

/** All rows of a list: `target` with a query. */
export async function all_rows(port, target) {
    const rows = [];
    for (let after = 0; after !== undefined;) {
        const { status, json } = await http(port, 'GET', `${target}&limit=1000&after=${after}`);
        assert.equal(status, 200);
        rows.push(...(json.results ?? []));
        after = json.next;
    }
    return rows;
}
