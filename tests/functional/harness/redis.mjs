// SPDX-License-Identifier: Apache-2.0
// Starts a redis-server for one test, on a free loopback port and in the test's directory.

import { execFileSync, spawn } from 'node:child_process';
import fs from 'node:fs';
import net from 'node:net';
import path from 'node:path';

import { secrets_of } from './secrets.mjs';
import { free_port } from './ports.mjs';
import { until } from './until.mjs';

function command_bytes(words) {
    const parts = words.map((word) => `$${Buffer.byteLength(word)}\r\n${word}\r\n`);
    return `*${words.length}\r\n${parts.join('')}`;
}

/** Whether all of a reply was received: a line, or a text after a line with its length in bytes. */
function is_complete(reply) {
    const [line] = reply.split('\r\n', 1);
    const length = /^\$(\d+)$/.exec(line)?.[1];
    const expected = length === undefined ? 0 : Number(length) + 2;
    return reply.includes('\r\n') &&
        Buffer.byteLength(reply) >= Buffer.byteLength(line) + 2 + expected;
}

let started = 0; // servers of this process

/** `setpriv` makes the kernel kill the server when the test process ends in any way. */
export class redis_server {
    constructor(dir, port, options) {
        this.dir = dir;
        this.port = port;
        this.options = options;
    }

    /** Starts a server in the world's directory; closing the world stops the server. */
    static async start(world, options = {}) {
        const dir = world.path(`redis-${++started}`);
        fs.mkdirSync(dir);
        const server = new redis_server(dir, options.port ?? (await free_port()), options);
        world.on_close(() => server.kill());
        world.secrets?.push(...secrets_of({ port: server.port, password: options.password }));
        await server.start();
        return server;
    }

    get url() {
        return `redis://127.0.0.1:${this.port}`;
    }

    async start() {
        const { password, lines = [] } = this.options;
        const config = [
            `port ${this.port}`,
            'bind 127.0.0.1',
            `dir ${this.dir}`,
            'save ""',
            'appendonly no',
            ...(password ? [`requirepass "${password}"`] : []),
            ...lines,
        ];
        const file = path.join(this.dir, 'server.conf');
        fs.writeFileSync(file, `${config.join('\n')}\n`);
        execFileSync('redis-server', ['--version']); // if it fails: scripts/setup --tests
        const log = fs.openSync(path.join(this.dir, 'log'), 'a');
        const args = ['--pdeathsig', 'KILL', 'redis-server', file];
        this.process = spawn('setpriv', args, { stdio: ['ignore', log, log] });
        fs.closeSync(log);
        this.ended = new Promise((resolve) => this.process.on('exit', resolve));
        await until(`redis-server answers at ${this.port}`, async () => {
            if (this.process.exitCode !== null) {
                throw new Error(fs.readFileSync(path.join(this.dir, 'log'), 'utf8'));
            }
            return (await this.ask('PING').catch(() => '')).startsWith('+PONG');
        });
    }

    kill() {
        this.process.kill('SIGKILL');
        return this.ended;
    }

    async restart() {
        await this.kill();
        await this.start();
    }

    freeze() {
        this.process.kill('SIGSTOP');
    }

    thaw() {
        this.process.kill('SIGCONT');
    }

    /** The first line of the reply to one command, on a connection of its own. */
    async ask(...words) {
        return (await this.reply_to(words)).split('\r\n')[0];
    }

    /** The text stored under a key; null if the key does not exist. */
    async get(key) {
        const reply = await this.reply_to(['GET', key]);
        return reply.startsWith('$-1') ? null : reply.slice(reply.indexOf('\r\n') + 2, -2);
    }

    /** How often the server has executed `command` since it started. */
    async calls(command) {
        const figures = await this.reply_to(['INFO', 'commandstats']);
        return Number(new RegExp(`^cmdstat_${command}:calls=(\\d+)`, 'm').exec(figures)?.[1] ?? 0);
    }

    reply_to(words) {
        const { password } = this.options;
        return new Promise((resolve, reject) => {
            const socket = net.connect(this.port, '127.0.0.1');
            let text = '';
            socket.setEncoding('utf8');
            socket.setTimeout(30_000, () => socket.destroy(new Error('redis-server hangs')));
            socket.on('error', reject);
            socket.on('data', (bytes) => {
                text += bytes;
                const reply = password ? text.slice(text.indexOf('\r\n') + 2) : text;
                if (is_complete(reply)) {
                    socket.destroy();
                    resolve(reply);
                }
            });
            const proof = password ? command_bytes(['AUTH', password]) : '';
            socket.write(proof + command_bytes(words));
        });
    }
}
