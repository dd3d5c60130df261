// SPDX-License-Identifier: Apache-2.0
// nginx of the Debian package as a program of a test or a benchmark: in the foreground, its files
// in a directory of its own, on a free port.

import fs from 'node:fs';
import net from 'node:net';
import path from 'node:path';

import { free_port } from './ports.mjs';
import { program } from './program.mjs';
import { until } from './until.mjs';

const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'];
const attempts_max = 4;

function configuration(directory, { workers = 1, main = '', events = '', http }) {
    return `daemon off;
master_process on;
pid ${directory}/nginx.pid;
error_log stderr warn;
worker_processes ${workers};
${process.geteuid() === 0 ? 'user root;' : ''}
${main}
events { worker_connections 4096; ${events} }
http {
    access_log off;
    ${temporary.map((kind) => `${kind}_temp_path ${directory}/${kind};`).join('\n    ')}
    ${http}
}
`;
}

function accepts(port) {
    return new Promise((resolve) => {
        const socket = net.connect({ port, host: '127.0.0.1' });
        socket.once('connect', () => resolve(true));
        socket.once('error', () => resolve(false));
        socket.once('connect', () => socket.destroy());
    });
}

/**
 * { program, port }. `http`: a function of the port that gives the inside of the http block. nginx
 * cannot listen on port 0: it gets a free port, and another one if somebody else has taken it.
 */
export async function start_nginx(directory, { http, ...rest }) {
    fs.mkdirSync(directory, { recursive: true });
    for (let attempt = 1; ; ++attempt) {
        const port = await free_port();
        const file = path.join(directory, 'nginx.conf');
        fs.writeFileSync(file, configuration(directory, { ...rest, http: http(port) }));
        const args = ['-c', file, '-p', directory, '-e', 'stderr'];
        const nginx = new program('nginx', '/usr/sbin/nginx', args);
        await until('nginx listens', async () => nginx.ended || accepts(port));
        if (!nginx.ended) {
            return { program: nginx, port };
        }
        if (attempt === attempts_max || !nginx.log.includes('Address already in use')) {
            throw new Error(`nginx: ${nginx.log}`);
        }
    }
}
