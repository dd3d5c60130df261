// SPDX-License-Identifier: Apache-2.0
// The resources of one test: msd roles, foreign nodes, clients, a temporary directory. Closing a
// world stops all of them and checks that msd kept its first workers to the end and stopped with
// exit code 0, that no sanitizer reported a problem, and that neither replies nor logs contained
// secrets of a server.

import assert from 'node:assert/strict';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

import { assert_no_secrets, assert_no_secrets_in_reply, secrets_of } from './secrets.mjs';
import { http, http_connection } from './http_client.mjs';
import { mariadb_password, mariadb_server, mariadb_user } from './mariadb.mjs';
import { packet_client } from './packet_client.mjs';
import { free_port } from './ports.mjs';
import { children, environment, is_alive } from './proc.mjs';
import { program, run } from './program.mjs';
import { until } from './until.mjs';

const here = path.dirname(fileURLToPath(import.meta.url));
const foreign_main = path.join(here, '..', 'foreign', 'main.mjs');
export const repository = path.resolve(here, '..', '..', '..');

export const msd_binary = process.env.MSD_BIN ?? path.join(repository, 'build/release/msd');

export const roles = [
    'distributor', 'gateway', 'goods', 'members', 'purchases', 'stores', 'events', 'logs',
];
const sanitizer_words = /(Address|Leak|Thread|UndefinedBehavior)Sanitizer|runtime error:/;

// The values that the tests use have the same form in TOML and JSON.
const toml = JSON.stringify;

/** One master of msd and its workers. `through`: a command that executes msd. */
class msd_program extends program {
    constructor(label, args, options) {
        const command = [...(options.through ?? []), options.binary ?? msd_binary, ...args];
        // The hard and the soft limit, because msd raises the soft limit.
        const limit = ['prlimit', `--nofile=${options.descriptors}`];
        const [first, ...rest] = options.descriptors ? [...limit, ...command] : command;
        super(label, first, rest, options);
        this.secrets = options.secrets;
        this.first_workers = [];
        this.deaths_expected = false;
        this.stop_code = 0;
    }

    /** { pid, pool, slot } of each worker, from the environment variable that its master set. */
    workers(pool) {
        return children(this.pid)
            .map((pid) => {
                const variable = environment(pid).MSD_WORKER ?? '';
                const field = (name) => new RegExp(`\\b${name}=(\\S+)`).exec(variable)?.[1];
                return { pid, pool: field('pool'), slot: Number(field('slot')) };
            })
            .filter((worker) => worker.pool && (pool === undefined || worker.pool === pool));
    }

    note_workers() {
        this.first_workers = this.workers();
        assert.ok(this.first_workers.length > 0, `${this.label} has no workers`);
    }

    /** Allows that workers end and are replaced from now on. */
    expect_deaths() {
        this.deaths_expected = true;
    }

    assert_same_workers() {
        const lost = this.first_workers.filter(({ pid }) => !is_alive(pid));
        assert.deepEqual(lost, [], `${this.label} lost workers`);
    }

    port(name) {
        const port = this.ready_ports().get(name);
        assert.ok(port, `${this.label} printed no READY ${name}`);
        return port;
    }

    /** One request to the gateway of this program. */
    async http(method, target, options) {
        const reply = await http(this.port('gateway'), method, target, options);
        assert_no_secrets_in_reply(reply.text, this.secrets);
        return reply;
    }
}

export class world {
    constructor() {
        // Short, because a socket path has at most 107 bytes.
        this.dir = fs.mkdtempSync(path.join(os.tmpdir(), 'msd-'));
        this.programs = [];
        this.closers = [];
        this.configs = 0;
        this.servers = 0;
        this.secrets = []; // of the servers that were started
    }

    path(...names) {
        return path.join(this.dir, ...names);
    }

    on_close(close) {
        this.closers.push(close);
    }

    track(program_started) {
        this.programs.push(program_started);
        return program_started;
    }

    own_dirs() {
        return ['--data-dir', this.path('data'), '--runtime-dir', this.path('run')];
    }

    spawn_msd(label, args, options = {}) {
        return this.track(new msd_program(label, args, { secrets: this.secrets, ...options }));
    }

    /** Writes a configuration file, `{ 'gateway.port': 0 }`; returns the arguments that name it. */
    config(keys) {
        if (keys === undefined) {
            return [];
        }
        const file = this.path(`${++this.configs}.toml`);
        const lines = Object.entries(keys).map(([key, value]) => `${key} = ${toml(value)}\n`);
        fs.writeFileSync(file, lines.join(''));
        return ['--config', file];
    }

    /**
     * `msd up`, one worker a pool, on free ports, or on the ports of the program `at`, which has
     * ended and was started with `comes_back`.
     */
    async up({ args = [], workers = 1, config, at, comes_back = false, ...rest } = {}) {
        const ports = [];
        for (const role of roles) {
            const port = at ? at.port(role) : comes_back ? await free_port() : 0;
            ports.push(`--${role}-port`, String(port));
        }
        const all = ['up', ...ports, '--workers', String(workers), ...this.own_dirs()];
        all.push(...this.config(config), ...args);
        const started = this.spawn_msd('msd up', all, rest);
        for (const role of roles) {
            await started.ready(role);
        }
        started.note_workers();
        await this.routed(started.port('gateway'));
        return started;
    }

    /** `msd distributor`, `msd gateway` or `msd service NAME` on a free port. */
    async role(name, options = {}) {
        const { distributor, port = 0, workers = 1, config, args = [], ...rest } = options;
        const command = name === 'distributor' || name === 'gateway' ? [name] : ['service', name];
        const all = [...command, '--port', String(port), '--workers', String(workers)];
        all.push(...this.config(config));
        if (distributor !== undefined) {
            all.push('--distributor', `127.0.0.1:${distributor}`);
        }
        all.push(...this.own_dirs(), ...args);
        const started = this.spawn_msd(`msd ${command.join(' ')}`, all, rest);
        await started.ready(name);
        started.note_workers();
        return started;
    }

    /** Starts a foreign node as a separate process (foreign/main.mjs). */
    async foreign(role, { kind = 'strict', distributor, port = 0, args = [] } = {}) {
        const all = [foreign_main, role, '--kind', kind, '--port', String(port)];
        all.push('--retry-ms', '100');
        if (distributor !== undefined) {
            all.push('--distributor', `127.0.0.1:${distributor}`);
        }
        const label = `${kind} ${role}`;
        const started = this.track(new program(label, process.execPath, [...all, ...args]));
        await started.ready(role);
        return started;
    }

    /** A MariaDB server for this test (mariadb.mjs lists the settings). */
    async mariadb(settings) {
        this.servers += 1;
        const server = await mariadb_server.start(this.path(`db${this.servers}`), settings);
        const [user, password] = [mariadb_user, mariadb_password];
        this.secrets.push(...secrets_of({ port: server.port, user, password }));
        return this.track(server);
    }

    async packets(port, options) {
        const client = await packet_client.open(port, options);
        this.on_close(() => client.close());
        return client;
    }

    async connection(port, options) {
        const connection = await http_connection.open(port, options);
        this.on_close(() => connection.close());
        return connection;
    }

    /** Waits until the gateway at `port` routes to every service in `paths`. */
    async routed(port, paths = ['/goods', '/members', '/purchases']) {
        for (const target of paths) {
            await until(`the gateway routes ${target}`, async () => {
                const { status } = await http(port, 'GET', target);
                return status !== 0 && status !== 404 && status < 500;
            });
        }
    }

    /** Runs `msd ARGS…` and waits for its end: { code, output, log }. */
    async command(args, options) {
        return run(msd_binary, args, options);
    }

    tails() {
        return this.programs.map((each) => each.tail()).join('');
    }

    async close() {
        for (const close of this.closers.reverse()) {
            close();
        }
        const problems = [];
        for (const each of this.programs.reverse()) {
            try {
                await this.finish(each);
            } catch (error) {
                problems.push(error);
            }
        }
        fs.rmSync(this.dir, { recursive: true, force: true });
        if (problems.length > 0) {
            throw problems[0];
        }
    }

    async finish(each) {
        if (!(each instanceof msd_program)) {
            assert.equal(each.ended, undefined, `${each.label} ended before the test did`);
            await each.stop();
            return;
        }
        if (!each.ended) {
            if (!each.deaths_expected) {
                each.assert_same_workers();
            }
            await each.stop('SIGINT');
        }
        assert.doesNotMatch(each.log, sanitizer_words, `${each.label}: a sanitizer report`);
        assert_no_secrets(each.log, this.secrets);
        if (!each.end_expected) {
            assert.deepEqual(each.ended, { code: 0, signal: null }, `${each.label} on SIGINT`);
        }
    }
}
