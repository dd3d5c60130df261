// SPDX-License-Identifier: Apache-2.0
// Three equal web programs behind the gateway, one of which fails as a test says.

import { http } from './http_client.mjs';
import { plain_reply, start_origin } from './raw_origin.mjs';
import { start_proxy } from './proxy.mjs';

export const named = (name) => async (peer, head) => {
    await peer.with_body(head);
    peer.write(plain_reply(name));
};
export const refuses = (status) => async (peer, head) => {
    await peer.with_body(head);
    peer.write(plain_reply('no', { status }));
};
export const hangs = async (peer) => peer.closed(280_000);
export const closes = async (peer) => peer.end();

/** Three programs whose script can be replaced: `origins[0].scripts.default = …`. */
export async function three(world) {
    const origins = [];
    for (const name of ['a', 'b', 'c']) {
        origins.push(await start_origin(world, { default: named(name) }));
    }
    return origins;
}

/** A gateway in front of `origins`, with the policies `of`. */
export function front(world, origins, of = {}, more = {}) {
    return start_proxy(world, {
        keys: more.keys,
        routes: [{ path: '/', service: 'app', ...more.route }],
        upstreams: { app: { addresses: origins.map(({ address }) => address), ...of } },
    }, more);
}

/** Sends `count` requests one after the other; returns their replies. */
export async function sends(port, count, method = 'GET', options = {}) {
    const replies = [];
    for (let sent = 0; sent < count; ++sent) {
        replies.push(await http(port, method, '/x', options));
    }
    return replies;
}

export const statuses = (replies) => [...new Set(replies.map(({ status }) => status))];
