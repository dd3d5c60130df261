// SPDX-License-Identifier: Apache-2.0
// Runs one foreign node as a process of its own:
//     node main.mjs distributor|gateway|goods|members|purchases|logs [--kind strict|legacy]
//         [--port N] [--distributor HOST:PORT] [--retry-ms N] [--text-port] [--backlog N]
//         [--workers N]
// Prints `READY role 127.0.0.1:port` when it listens. With --workers it is a cluster: every worker
// listens on the same port and has its own registration; a worker that exits is replaced.

import cluster from 'node:cluster';
import { parseArgs } from 'node:util';

import { foreign_distributor } from './distributor.mjs';
import { foreign_gateway } from './gateway.mjs';
import { foreign_logs, foreign_service } from './services.mjs';

const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
        kind: { type: 'string', default: 'strict' },
        port: { type: 'string', default: '0' },
        distributor: { type: 'string', default: '127.0.0.1:9000' },
        'retry-ms': { type: 'string', default: '3000' },
        'text-port': { type: 'boolean', default: false },
        backlog: { type: 'string', default: '511' },
        workers: { type: 'string', default: '0' },
    },
});

const role = positionals[0];
const at = values.distributor.lastIndexOf(':');
const options = {
    kind: values.kind,
    port: Number(values.port),
    backlog: Number(values.backlog),
    name: role,
    distributor: {
        host: values.distributor.slice(0, at),
        port: Number(values.distributor.slice(at + 1)),
    },
    retry_ms: Number(values['retry-ms']),
    text_port: values['text-port'],
};

function start_cluster(workers) {
    for (let n = 0; n < workers; ++n) {
        cluster.fork();
    }
    cluster.on('exit', () => cluster.fork());
}

const kinds = { distributor: foreign_distributor, gateway: foreign_gateway, logs: foreign_logs };
const workers = Number(values.workers);
if (workers > 0 && cluster.isPrimary) {
    start_cluster(workers);
} else {
    const node = new (kinds[role] ?? foreign_service)(options);
    const port = await node.listen();
    node.join?.(port);
    process.stdout.write(`READY ${role} 127.0.0.1:${port}\n`);
}
process.on('SIGTERM', () => process.exit(0));
process.on('SIGINT', () => process.exit(0));
