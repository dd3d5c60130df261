// SPDX-License-Identifier: Apache-2.0
// Speed and cost of supervision: the time from the KILL of a gateway worker until its replacement
// answers, when idle and when saturated; from fork to READY; from the KILL of a master until its
// ports are free; and the throughput during rolls of all pools compared with that between rolls.


import { control } from '../../functional/harness/control.mjs';
import { http } from '../../functional/harness/http_client.mjs';
import { get_goods, load, post_goods, stored_goods } from '../../functional/harness/load.mjs';
import { can_listen } from '../../functional/harness/ports.mjs';
import { is_alive } from '../../functional/harness/proc.mjs';
import { pause, until } from '../../functional/harness/until.mjs';
import { with_system } from './msd.mjs';

const kills = 30;
// Longer than supervision.early_ms, and long enough that replacements are not delayed.
const between_kills_ms = 700;
const block_ms = 5000;
const soak_ms = 100;
const nothing = { on_close() {} };

function percentile(values, share) {
    const sorted = [...values].sort((a, b) => a - b);
    return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))];
}

const ms = (name, value) => ({ name, value, unit: 'ms', best: 'least' });

async function with_goods(options, use) {
    return with_system(options, async ({ system, ports, directory }) => {
        const body = { name: 'pencil', category: 'first', price: 1, description: 'd' };
        await http(ports.gateway, 'POST', '/goods', { body });
        const expect = (await http(ports.gateway, 'GET', '/goods/1')).text;
        const master = new control(directory, system);
        return use({ system, port: ports.gateway, master, expect });
    });
}

/** From the KILL of the only gateway worker to the answer on a connection made right after it. */
async function kill_to_answer(master, port) {
    const times = [];
    while (times.length < kills) {
        await pause(between_kills_ms);
        const [pid] = await master.pids('gateway');
        process.kill(pid, 'SIGKILL');
        const began = performance.now();
        // The gateway itself answers 404 to this path.
        const { status } = await http(port, 'GET', '/nothing');
        if (status === 404) {
            times.push(performance.now() - began);
        } else if (status !== 0) { // 0: the killed worker had the connection
            throw new Error(`GET /nothing: ${status}`);
        }
    }
    return times;
}

/** Milliseconds of each start as the master measures them, from the decision until READY. */
function starts_in(log) {
    const began = new Map();
    const times = [];
    for (const line of log.split('\n')) {
        const at = Date.parse(line.split(' ')[0]);
        const who = /(gateway\/\d+): pid \d+/.exec(line)?.[1];
        if (who && line.includes('replaced in 0 ms')) {
            began.set(who, at);
        } else if (who && line.endsWith('is ready') && began.has(who)) {
            times.push(at - began.get(who));
            began.delete(who);
        }
    }
    return times;
}

async function idle_kills() {
    const args = ['--gateway-workers', '1', '--log-level', 'debug'];
    return with_goods({ args }, async ({ system, port, master }) => {
        const times = await kill_to_answer(master, port);
        return [
            ms('KILL to replacement, idle: p50', percentile(times, 0.5)),
            ms('worker: fork and exec to READY: p50', percentile(starts_in(system.log), 0.5)),
        ];
    });
}

async function busy_kills() {
    return with_goods({ args: ['--gateway-workers', '1'] }, async ({ port, master, expect }) => {
        const running = new load(nothing, port, {
            kept: get_goods({ mode: 'kept', clients: 32, expect }),
        });
        await running.answers(1000);
        const times = await kill_to_answer(master, port);
        await running.stop();
        return [
            ms('KILL to replacement, saturated: p50', percentile(times, 0.5)),
            ms('KILL to replacement, saturated: p99', percentile(times, 0.99)),
        ];
    });
}

async function killed_master() {
    return with_goods({}, async ({ system, port }) => {
        system.signal('SIGKILL');
        const began = performance.now();
        await until('the port is free', () => can_listen(port));
        const free = performance.now() - began;
        await until('the master has exited', () => !is_alive(system.pid));
        return [ms('KILL of the master to free listener', free)];
    });
}

/** Writes that are stored twice, or that were acknowledged and are not stored. */
function wrong_writes(seen, stored) {
    try {
        seen.assert_written('posts', stored);
        return 0;
    } catch (problem) {
        process.stderr.write(`${problem.message}\n`);
        return 1;
    }
}

// Alternates `seconds` without and `seconds` with rolls; returns the number of rolls.
async function alternate(running, master, seconds) {
    let rolls = 0;
    for (let block = 0; block * block_ms < seconds * 1000; ++block) {
        running.phase('quiet');
        await pause(block_ms);
        running.phase('rolling');
        const end = performance.now() + block_ms;
        while (performance.now() < end) {
            await master.roll();
            ++rolls;
        }
    }
    return rolls;
}

/** Requests answered per second in the phases called `name`. */
function rate(seen, name) {
    const those = seen.phases.filter((each) => each.name === name);
    const sum = (of) => those.reduce((total, each) => total + of(each), 0);
    return sum(({ answered }) => answered) / sum(({ us }) => us) * 1e6;
}

async function rolls_under_load(seconds) {
    const args = ['--workers', '2'];
    const config = `supervision.soak_ms = ${soak_ms}\n`;
    return with_goods({ args, config }, async ({ port, master, expect }) => {
        const running = new load(nothing, port, {
            fresh: get_goods({ mode: 'fresh', clients: 4, expect }),
            kept: get_goods({ mode: 'kept', clients: 8, expect }),
            pipelined: get_goods({ mode: 'pipelined', depth: 4, clients: 2, expect }),
            posts: post_goods({ mode: 'kept', clients: 4, pause_ms: 20 }),
        });
        await running.answers(1000);
        const rolls = await alternate(running, master, seconds);
        const seen = await running.stop();
        process.stderr.write(`${rolls} rolls of all pools; ${seen.text}\n`);
        const ask = { http: (...request) => http(port, ...request) };
        const wrong = wrong_writes(seen, await stored_goods(ask));
        const kept = 100 * rate(seen, 'rolling') / rate(seen, 'quiet');
        return [
            { name: 'rolls: throughput of that between', value: kept, unit: '%', best: 'most' },
            { name: 'rolls: failed', value: seen.failed, unit: 'requests', best: 'none' },
            { name: 'rolls: lost or doubled writes', value: wrong, unit: '', best: 'none' },
        ];
    });
}

export async function supervision({ seconds }) {
    return [
        ...await idle_kills(),
        ...await busy_kills(),
        ...await killed_master(),
        ...await rolls_under_load(seconds),
    ];
}
