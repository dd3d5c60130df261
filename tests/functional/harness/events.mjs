// SPDX-License-Identifier: Apache-2.0
// A node that publishes events and handles them for a consumer group, over packets.

import assert from 'node:assert/strict';

/** A connection to the service events of `up`, which believes that it is a node of msd. */
export async function event_node(world, up) {
    const client = await world.packets(up.port('events'));
    client.send({ hello: { proto: 2, name: 'test-node', worker: 0 } });
    return {
        client,
        ask: (method, uri, params) => client.request(method, uri, params),
        /** Publishes events `{ id, type, subject, data }`; returns how many were new. */
        async publish(events) {
            const made = await client.request('POST', '/events', events.map(envelope));
            assert.equal(made.errorcode, 0, JSON.stringify(made));
            return made.added;
        },
        async pull(group, topics, more = {}) {
            const pulled = await client.request('POST', '/events/pull', { group, topics, ...more });
            assert.equal(pulled.errorcode, 0, JSON.stringify(pulled));
            return pulled.results;
        },
        /** `what`: { done, failed, returned }, lists of what pull() returned. */
        async settle(group, what) {
            const params = { group, problem: what.problem ?? '' };
            for (const kind of ['done', 'failed', 'returned']) {
                params[kind] = (what[kind] ?? []).map(({ position, lease }) => ({
                    position, lease,
                }));
            }
            const settled = await client.request('POST', '/events/ack', params);
            assert.equal(settled.errorcode, 0, JSON.stringify(settled));
            return settled.settled;
        },
    };
}

export function envelope(event) {
    return { specversion: '1.0', source: '/test', ...event };
}
