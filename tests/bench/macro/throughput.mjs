// SPDX-License-Identifier: Apache-2.0
// Requests per second and latency of GET through gateway and goods, compared with a plain Node.js
// server and with nginx, which send the same bytes from memory. The three are measured alternately
// in each round, so that other load of the machine affects all of them.

import { execFile } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

import { http } from '../../functional/harness/http_client.mjs';
import { free_port } from '../../functional/harness/ports.mjs';
import { program } from '../../functional/harness/program.mjs';
import { until } from '../../functional/harness/until.mjs';
import { with_system } from './msd.mjs';

const run = promisify(execFile);
const here = path.dirname(fileURLToPath(import.meta.url));
const goods_count = 10;
const targets = [
    { rows: 1, target: '/goods/1' },
    { rows: goods_count, target: '/goods' },
];

async function fill(port) {
    for (let number = 1; number <= goods_count; ++number) {
        const name = `product ${number}`;
        const body = { name, category: 'bench', price: 4.15, description: 'd' };
        const reply = await http(port, 'POST', '/goods', { body });
        if (reply.status !== 200) {
            throw new Error(`POST /goods: ${reply.status} ${reply.text}`);
        }
    }
}

function nginx_configuration(directory, port, body) {
    const quoted = body.toString().replaceAll('\\', '\\\\').replaceAll("'", "\\'");
    const kinds = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'];
    return `daemon off;
pid ${directory}/nginx.pid;
error_log stderr;
worker_processes auto;
events { worker_connections 1024; }
http {
    access_log off;
    keepalive_requests 100000000;
    ${kinds.map((kind) => `${kind}_temp_path ${directory}/${kind};`).join('\n    ')}
    server {
        listen 127.0.0.1:${port};
        default_type application/json;
        location / { return 200 '${quoted}'; }
    }
}
`;
}

/** nginx cannot listen on port 0: it gets a free port, and another one if that fails. */
async function start_nginx(directory, body) {
    for (let attempt = 0; ; ++attempt) {
        const port = await free_port();
        const file = path.join(directory, 'nginx.conf');
        fs.writeFileSync(file, nginx_configuration(directory, port, body));
        const nginx = new program('nginx', '/usr/sbin/nginx', ['-c', file, '-p', directory]);
        try {
            const answers = async () => nginx.ended || http(port, 'GET', '/');
            const reply = await until('nginx answers', answers, 5000);
            if (reply.text === body.toString()) {
                return { program: nginx, port };
            }
        } catch (problem) {
            if (attempt === 3) {
                throw problem;
            }
        }
        await nginx.stop();
        if (attempt === 3) {
            throw new Error(`nginx: ${nginx.log}`);
        }
    }
}

async function start_peers(directory, body) {
    const file = path.join(directory, 'body');
    fs.writeFileSync(file, body);
    const node = new program('node', process.execPath, [path.join(here, 'node_server.mjs'), file]);
    const nginx = await start_nginx(directory, body);
    return {
        programs: [node, nginx.program],
        ports: { node: await node.ready('node'), nginx: nginx.port },
    };
}

export async function wrk(port, target, connections, seconds) {
    const args = [
        '-t', String(Math.min(connections, 2)), '-c', String(connections), '-d', `${seconds}s`,
        '-s', path.join(here, 'report.lua'), `http://127.0.0.1:${port}${target}`,
    ];
    const { stdout } = await run('wrk', args);
    return JSON.parse(stdout.trim().split('\n').at(-1));
}

function figures(who, connections, rows, seen) {
    const name = `${who} ${connections} conn ${rows} rows`;
    return [
        { name: `${name}: rate`, value: seen.requests / seen.seconds, unit: '1/s', best: 'most' },
        { name: `${name}: p50`, value: seen.p50_us / 1000, unit: 'ms', best: 'least' },
        { name: `${name}: p99`, value: seen.p99_us / 1000, unit: 'ms', best: 'least' },
        // The worst round counts for failures: a later round does not undo a failed request.
        { name: `${name}: failed`, value: seen.failed, unit: 'requests', best: 'none' },
    ];
}

/** One round of every combination, `seconds` each. */
export async function throughput({ seconds }) {
    return with_system({}, async ({ ports, directory }) => {
        await fill(ports.gateway);
        const found = [];
        for (const { rows, target } of targets) {
            const reply = await http(ports.gateway, 'GET', target);
            const peers = await start_peers(directory, reply.body);
            try {
                const all = { msd: ports.gateway, ...peers.ports };
                for (const connections of [1, 64]) {
                    for (const [who, port] of Object.entries(all)) {
                        const seen = await wrk(port, target, connections, seconds);
                        found.push(...figures(who, connections, rows, seen));
                    }
                }
            } finally {
                for (const peer of peers.programs) {
                    await peer.stop();
                }
            }
        }
        return found;
    });
}
