// SPDX-License-Identifier: Apache-2.0
// Child processes of a test: their output is recorded, and none outlives the test in any case.

import { spawn } from 'node:child_process';

import { until, within } from './until.mjs';

const log_bytes_max = 4 * 1024 * 1024;
const alive = new Set();

// Variables for the tests, and those that a developer has set for msd, are not passed to children.
const outside = Object.fromEntries(
    Object.entries(process.env).filter(([name]) => !name.startsWith('MSD_')),
);

// For tests that end early: a world has stopped its programs before.
process.on('exit', () => {
    for (const program of alive) {
        program.signal('SIGKILL');
    }
});
for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP']) {
    process.on(name, () => process.exit(1));
}

export class program {
    constructor(label, command, args, { env = {}, cwd, input = 'ignore' } = {}) {
        this.label = label;
        this.command_line = [command, ...args].join(' ');
        this.output = '';
        this.log = '';
        this.child = spawn(command, args, {
            cwd,
            // The tests of the admin worker switch it on; it would start in every `msd up`.
            env: { ...outside, MSD_ADMIN_ENABLED: 'false', ...env },
            stdio: [input, 'pipe', 'pipe'],
        });
        this.pid = this.child.pid;
        this.child.stdout.setEncoding('utf8').on('data', (text) => this.keep('output', text));
        this.child.stderr.setEncoding('utf8').on('data', (text) => this.keep('log', text));
        alive.add(this);
        this.exit = new Promise((resolve) => {
            this.child.on('error', (error) => {
                this.log += `${error.message}\n`;
                this.ended = { code: null, signal: null };
                alive.delete(this);
                resolve(this.ended);
            });
            this.child.on('close', (code, signal) => {
                this.ended = { code, signal };
                alive.delete(this);
                resolve(this.ended);
            });
        });
    }

    keep(where, text) {
        this[where] = (this[where] + text).slice(-log_bytes_max);
    }

    signal(name) {
        if (!this.ended && this.pid) {
            this.child.kill(name);
        }
    }

    /** The ports of the `READY name host:port` lines so far: name → port. */
    ready_ports() {
        const lines = this.output.matchAll(/^READY (\S+) \S*:(\d+)$/gm);
        return new Map([...lines].map(([, name, port]) => [name, Number(port)]));
    }

    /** Waits for the READY line of `name`; returns its port. */
    async ready(name, limit_ms = 60_000) {
        const found = () => this.ready_ports().get(name);
        await until(`${this.label}: READY ${name}`, () => found() || this.ended, limit_ms);
        if (found() === undefined) {
            const { code, signal } = this.ended;
            throw new Error(`${this.label} ended with code ${code}, signal ${signal}, not READY`);
        }
        return found();
    }

    async stop(signal = 'SIGTERM', limit_ms = 60_000) {
        this.signal(signal);
        try {
            return await within(`${this.label} ends after ${signal}`, this.exit, limit_ms);
        } catch (error) {
            this.signal('SIGKILL');
            await this.exit;
            throw error;
        }
    }

    /** The last lines of output and log, to be shown when a test has failed. */
    tail(lines = 25) {
        const last = (text) => text.trimEnd().split('\n').slice(-lines).join('\n    ');
        const state = this.ended ? `ended ${JSON.stringify(this.ended)}` : 'running';
        return `--- ${this.label} (pid ${this.pid}, ${state})\n    ${this.command_line}\n` +
            `    ${last(this.output)}\n    ${last(this.log)}\n`;
    }
}

/** Runs a program and waits for its end. */
export async function run(command, args, { limit_ms = 60_000, ...options } = {}) {
    const started = new program([command, ...args].join(' '), command, args, options);
    try {
        const { code, signal } = await within(started.label, started.exit, limit_ms);
        return { code, signal, output: started.output, log: started.log };
    } finally {
        started.signal('SIGKILL');
    }
}
