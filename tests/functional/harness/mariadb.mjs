// SPDX-License-Identifier: Apache-2.0
// Starts a MariaDB server for one test, in a directory of the test's world, on a loopback port that
// it keeps over restarts, with the database and the accounts of tests/servers/mariadb-template.

import fs from 'node:fs';
import net from 'node:net';
import os from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

import { free_port } from './ports.mjs';
import { process_state } from './proc.mjs';
import { program, run } from './program.mjs';
import { until } from './until.mjs';

const servers = fileURLToPath(new URL('../../servers/', import.meta.url));
const start_limit_ms = 90_000;
const stop_limit_ms = 60_000;

export const mariadb_user = 'msd';
export const mariadb_password = 'open-sesame-4711';
export const mariadb_database = 'msd';

async function succeed(command, args) {
    const { code, output, log } = await run(command, args, { limit_ms: 60_000 });
    if (code !== 0) {
        throw new Error(`${path.basename(command)} failed: ${log.trim()}`);
    }
    return output;
}

/** Whether the server greets a new connection; a server without free connections sends an error. */
function greets(port) {
    return new Promise((resolve) => {
        const socket = net.connect(port, '127.0.0.1');
        const decide = (answer) => {
            socket.destroy();
            resolve(answer);
        };
        socket.setTimeout(1000, () => decide(false));
        socket.once('data', () => decide(true));
        socket.once('error', () => decide(false));
        socket.once('close', () => decide(false));
    });
}

// The escape sequences in the output of the client program.
const escaped = { n: '\n', t: '\t', 0: '\0' };
const unescape = (cell) => cell.replace(/\\(.)/gs, (_, letter) => escaped[letter] ?? letter);

export class mariadb_server {
    /**
     * `durable`: every commit is written to the disk; otherwise commits survive kill -9 only.
     * `server_id`: if not 0, writes a binary log for replicas. `data`: another data directory.
     * `options`: further options of mariadbd.
     */
    static async start(dir, settings = {}) {
        const server = new mariadb_server(dir, await free_port(), settings);
        const template = (await succeed(path.join(servers, 'mariadb-template'), [])).trim();
        fs.mkdirSync(dir, { recursive: true });
        fs.cpSync(template, server.data, { recursive: true });
        if (settings.tls) {
            await succeed(path.join(servers, 'certificates'), [dir]);
        }
        await server.start();
        return server;
    }

    constructor(dir, port, settings) {
        this.label = `mariadbd at ${port}`;
        this.dir = dir;
        this.port = port;
        this.settings = settings;
        this.data = settings.data ?? path.join(dir, 'data');
        this.socket = path.join(dir, 'socket');
        this.ca_file = path.join(dir, 'ca.pem');
        this.url = `mysql://${mariadb_user}@127.0.0.1:${port}/${mariadb_database}`;
    }

    get pid() {
        return this.process.pid;
    }

    /** Set when the server ended without a request of the test. */
    get ended() {
        return this.end_expected ? undefined : this.process.ended;
    }

    /** Starts the server with its data and port; `more` are options for this run only. */
    async start(more = []) {
        this.launch(more);
        await this.ready();
    }

    launch(more = []) {
        // The kernel kills the server when this program is killed.
        const command = ['--pdeathsig', 'KILL', 'mariadbd', ...this.arguments(), ...more];
        this.end_expected = false;
        this.process = new program(this.label, 'setpriv', command, {
            env: { PATH: `${process.env.PATH}:/usr/sbin` },
        });
    }

    async ready() {
        const decided = async () => this.process.ended || (await greets(this.port));
        await until(`${this.label} answers`, decided, start_limit_ms);
        if (this.process.ended) {
            throw new Error(`${this.label} ended at its start:\n${this.process.tail()}`);
        }
    }

    arguments() {
        const { durable, read_only, tls, connections_max, server_id, options = [] } = this.settings;
        const inside = (name) => path.join(this.dir, name);
        const all = [
            '--no-defaults',
            `--user=${os.userInfo().username}`,
            `--datadir=${this.data}`,
            `--socket=${this.socket}`,
            `--pid-file=${inside('pid')}`,
            `--tmpdir=${this.dir}`,
            '--bind-address=127.0.0.1',
            `--port=${this.port}`,
            '--skip-name-resolve',
            '--character-set-server=utf8mb4',
            '--performance-schema=OFF',
            '--innodb-buffer-pool-size=32M',
            '--innodb-log-file-size=16M',
            `--innodb-flush-log-at-trx-commit=${durable ? 1 : 2}`,
        ];
        if (read_only) {
            all.push('--read-only');
        }
        if (tls) {
            all.push(`--ssl-ca=${inside('ca.pem')}`, `--ssl-cert=${inside('server.pem')}`);
            all.push(`--ssl-key=${inside('server-key.pem')}`);
        } else {
            all.push('--skip-ssl');
        }
        if (connections_max) {
            all.push(`--max-connections=${connections_max}`);
        }
        if (server_id) {
            all.push(`--server-id=${server_id}`, '--log-bin=binlog', '--binlog-format=ROW');
            all.push('--log-slave-updates', '--gtid-strict-mode=ON', '--skip-slave-start');
            all.push(`--sync-binlog=${durable ? 1 : 0}`);
        }
        return [...all, ...options];
    }

    /** Shuts the server down; throws if its exit code is not 0. */
    async stop() {
        if (this.end_expected) {
            return;
        }
        this.end_expected = true;
        this.process.signal('SIGCONT');
        const { code, signal } = await this.process.stop('SIGTERM', stop_limit_ms);
        if (code !== 0) {
            throw new Error(`${this.label} stopped with code ${code}, signal ${signal}`);
        }
    }

    async kill() {
        this.end_expected = true;
        await this.process.stop('SIGKILL', stop_limit_ms);
    }

    async restart() {
        await this.stop();
        await this.start();
    }

    /** SIGSTOP until thaw(): the kernel accepts connections, the server answers nothing. */
    async freeze() {
        this.process.signal('SIGSTOP');
        await until(`${this.label} is frozen`, () => process_state(this.pid)?.state === 'T');
    }

    thaw() {
        this.process.signal('SIGCONT');
    }

    /** Runs a query as root on the server's own socket; returns rows of texts. */
    async query(sql) {
        const text = await succeed('mariadb', [
            '--no-defaults',
            `--socket=${this.socket}`,
            '--user=root',
            '--default-character-set=utf8mb4',
            '--batch',
            '--skip-column-names',
            `--database=${mariadb_database}`,
            `--execute=${sql}`,
        ]);
        const lines = text.split('\n').slice(0, -1);
        return lines.map((line) => line.split('\t').map(unescape));
    }

    /** Starts to replicate `primary` by GTID, from the first change; both need a server_id. */
    async replicate(primary) {
        await this.query(
            `CHANGE MASTER TO MASTER_HOST='127.0.0.1', MASTER_PORT=${primary.port}, ` +
                `MASTER_USER='msd_root', MASTER_PASSWORD='${mariadb_password}', ` +
                'MASTER_USE_GTID=slave_pos, MASTER_CONNECT_RETRY=1; START SLAVE',
        );
    }

    tail() {
        return this.process.tail();
    }
}
