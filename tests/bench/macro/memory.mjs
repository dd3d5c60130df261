// SPDX-License-Identifier: Apache-2.0
// Private memory (Private_Clean + Private_Dirty) of master and gateway workers at rest, and what
// one idle kept-alive connection costs when a thousand are held.

import { private_bytes } from '../../functional/harness/proc.mjs';
import { http_connection } from '../../functional/harness/http_client.mjs';
import { with_system, workers } from './msd.mjs';

const held = 1000;

/** One answered request each, then silence. */
async function hold(port) {
    const connections = [];
    while (connections.length < held) {
        const connection = await http_connection.open(port);
        connections.push(connection);
        const reply = await connection.request('GET', '/goods');
        if (reply.status !== 200) {
            throw new Error(`GET /goods: ${reply.status}`);
        }
    }
    return connections;
}

export async function memory() {
    return with_system({}, async ({ system, ports }) => {
        const pids = workers(system, 'gateway');
        const each = () => pids.map(private_bytes);
        const sum = (values) => values.reduce((total, value) => total + value, 0);
        const rest = each();
        const master = private_bytes(system.pid);
        const connections = await hold(ports.gateway);
        const more = sum(each()) - sum(rest);
        connections.forEach((connection) => connection.close());
        return [
            { name: 'master: private', value: master / 2 ** 20, unit: 'MiB', best: 'least' },
            {
                name: 'gateway worker: private at rest',
                value: Math.max(...rest) / 2 ** 20, unit: 'MiB', best: 'least',
            },
            {
                name: 'idle kept-alive connection', value: more / held / 1024,
                unit: 'KiB', best: 'least',
            },
        ];
    });
}
