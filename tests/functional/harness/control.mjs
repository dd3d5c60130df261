// SPDX-License-Identifier: Apache-2.0
// A client of a master's control socket: one JSON object a line.

import assert from 'node:assert/strict';
import net from 'node:net';
import path from 'node:path';

import { is_alive } from './proc.mjs';
import { pause, until, within } from './until.mjs';

function ask(socket_path, command) {
    const socket = net.connect(socket_path);
    socket.setEncoding('utf8');
    const answer = new Promise((resolve, reject) => {
        let text = '';
        socket.on('data', (piece) => {
            text += piece;
            if (text.includes('\n')) {
                resolve(JSON.parse(text));
            }
        });
        socket.on('error', reject);
        socket.on('close', () => reject(new Error(`the master sent only ${JSON.stringify(text)}`)));
    });
    socket.write(`${JSON.stringify(command)}\n`);
    return within(`the answer to ${command.command}`, answer).finally(() => socket.destroy());
}

/** The master of the program `running`; its control socket is in the runtime `directory`. */
export class control {
    constructor(directory, running) {
        Object.assign(this, { directory, running });
    }

    get instance() {
        const ports = this.running.ready_ports();
        const is_up = ports.size > 1;
        const [name] = is_up ? ['up'] : ports.keys();
        return `${name}-${is_up ? ports.get('gateway') : ports.get(name)}`;
    }

    async ask(command) {
        const answer = await ask(path.join(this.directory, `${this.instance}.sock`), command);
        assert.equal(answer.error, undefined);
        return answer;
    }

    status() {
        return this.ask({ command: 'status' });
    }

    /** The slots of a pool. A slot is listed twice while its worker is replaced. */
    async slots(pool) {
        return (await this.status()).pools.find(({ name }) => name === pool).slots;
    }

    /** The pid of each slot of a pool, once all slots are ready and no other worker is left. */
    async pids(pool) {
        return until(`${pool} has its workers and no others`, async () => {
            const slots = await this.slots(pool);
            // A worker that was just killed is listed until the master reaps it.
            const settled = slots.every(({ state, pid }) => state === 'ready' && is_alive(pid));
            const one_each = new Set(slots.map(({ slot }) => slot)).size === slots.length;
            return settled && one_each && slots.map(({ pid }) => pid);
        }, 60_000);
    }

    /** One roll, of all pools by default; waits for its end and asserts that it succeeded. */
    async roll(pool, limit_ms = 60_000) {
        const { roll } = await this.ask({ command: 'roll', ...(pool && { pool }) });
        const last = await until(`roll ${roll} ends`, async () => {
            const { roll: now } = await this.status();
            const of = now.id > roll ? now.previous : now;
            if (of.id === roll && ['done', 'aborted'].includes(of.state)) {
                return of;
            }
            await pause(15);
            return undefined;
        }, limit_ms);
        assert.equal(last.state, 'done', `roll ${roll}: ${last.reason}`);
    }

    /**
     * `count` rolls, one after the other, of all pools or of each named pool. The starts of two
     * rolls are at least `every_ms` apart.
     */
    async rolls(count, { pools = [undefined], every_ms = 0 } = {}) {
        for (let n = 0; n < count; ++n) {
            for (const pool of pools) {
                const began = performance.now();
                await this.roll(pool);
                await pause(Math.max(0, every_ms - (performance.now() - began)));
            }
        }
    }
}

export async function all_gone(pids, limit_ms) {
    await until(`no process of ${pids} is left`, () => !pids.some(is_alive), limit_ms);
}
