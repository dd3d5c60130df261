// SPDX-License-Identifier: Apache-2.0
// The proxies that the benchmark `proxy` compares, each with two workers and the settings that its
// documentation recommends for a reverse proxy: connections to the program are kept, nothing is
// written to a disk, no access log, the same X-Forwarded-* fields.

import fs from 'node:fs';
import path from 'node:path';

import { start_nginx } from '../../functional/harness/nginx.mjs';
import { free_port } from '../../functional/harness/ports.mjs';
import { children } from '../../functional/harness/proc.mjs';
import { program } from '../../functional/harness/program.mjs';
import { until } from '../../functional/harness/until.mjs';
import { http } from '../../functional/harness/http_client.mjs';
import { start_msd, workers } from './msd.mjs';

const worker_count = 2;
const forever = 1_000_000_000;

async function msd(directory, origin, { config = '' } = {}) {
    const own = path.join(directory, 'msd');
    fs.mkdirSync(own);
    const file = path.join(own, 'msd.toml');
    fs.writeFileSync(file, `[gateway]\nbody_bytes_max = 1073741824\n${config}`);
    const started = start_msd(own, [
        'gateway', '--port', '0', '--workers', String(worker_count), '--config', file,
        '--route', `/=127.0.0.1:${origin}`,
    ]);
    const port = await started.ready('gateway');
    return { program: started, port, pids: () => workers(started, 'gateway'), file };
}

async function nginx(directory, origin) {
    const http_block = (port) => `
    map $http_upgrade $upgraded { default upgrade; '' ''; }
    upstream program { server 127.0.0.1:${origin}; keepalive 64;
        keepalive_requests ${forever}; }
    sendfile on;
    tcp_nodelay on;
    keepalive_requests ${forever};
    client_max_body_size 0;
    server {
        listen 127.0.0.1:${port} reuseport;
        location / {
            proxy_pass http://program;
            proxy_http_version 1.1;
            proxy_set_header Host $http_host;
            proxy_set_header Connection $upgraded;
            proxy_set_header Upgrade $http_upgrade;
            proxy_set_header X-Forwarded-For $remote_addr;
            proxy_set_header X-Forwarded-Proto $scheme;
            proxy_set_header X-Forwarded-Host $http_host;
            proxy_request_buffering off;
            proxy_max_temp_file_size 0;
        }
    }`;
    const started = await start_nginx(path.join(directory, 'nginx'), {
        workers: worker_count, events: 'use epoll;', http: http_block,
    });
    return { ...started, pids: () => children(started.program.pid) };
}

async function haproxy(directory, origin) {
    const port = await free_port();
    const file = path.join(directory, 'haproxy.cfg');
    fs.writeFileSync(file, `
global
    nbthread ${worker_count}
    maxconn 4096
defaults
    mode http
    option http-keep-alive
    option splice-auto
    http-reuse always
    timeout connect 5s
    timeout client 60s
    timeout server 60s
    timeout tunnel 1h
frontend clients
    bind 127.0.0.1:${port}
    option forwardfor
    http-request set-header X-Forwarded-Proto http
    http-request set-header X-Forwarded-Host %[req.hdr(Host)]
    default_backend programs
backend programs
    server program 127.0.0.1:${origin} pool-max-conn -1
`);
    const started = new program('haproxy', '/usr/sbin/haproxy', ['-db', '-f', file]);
    const answers = async () => started.ended
        || (await http(port, 'GET', '/bytes/1').catch(() => ({}))).status === 200;
    await until('haproxy answers', answers);
    if (started.ended) {
        throw new Error(`haproxy: ${started.log}`);
    }
    return { program: started, port, pids: () => [started.pid] };
}

const kinds = { msd, nginx, haproxy };

/** Starts the proxies `names` in front of the port `origin`: name → { program, port, pids }. */
export async function start_proxies(directory, origin, names = Object.keys(kinds), options = {}) {
    const started = {};
    for (const name of names) {
        started[name] = await kinds[name](directory, origin, options);
    }
    return started;
}
