// SPDX-License-Identifier: Apache-2.0
// The gateway as a proxy, compared with nginx and HAProxy in front of the same program. The three
// are measured in turn, a few seconds each, in several rounds, so that other load of the machine
// affects all of them. Ratios are medians of those of single rounds, to the better peer.

import { execFile } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

import { cpu_ms, private_bytes } from '../../functional/harness/proc.mjs';
import { program } from '../../functional/harness/program.mjs';
import { pause } from '../../functional/harness/until.mjs';
import { connect, request_bytes } from '../../functional/harness/wire_http.mjs';
import { scope, with_directory } from './msd.mjs';
import { start_proxies } from './proxies.mjs';
import { reloads } from './proxy_reloads.mjs';

const run = promisify(execFile);
const here = path.dirname(fileURLToPath(import.meta.url));
const built = path.resolve(here, '../../../build/release');
const binary = (name) => path.join(process.env.MSD_BENCH_DIR ?? built, name);

const connections = 64;
const run_seconds = 2;
const rounds_max = 10;
const gib = 2 ** 30;
const kib = 1024;
const slow_clients = 16;
const slow_ms = 3000;

async function last_line(command, args) {
    const { stdout } = await run(command, args);
    return JSON.parse(stdout.trim().split('\n').at(-1));
}

export function wrk(port, target, { fresh = false, seconds = run_seconds } = {}) {
    return last_line('wrk', [
        '-t', '2', '-c', String(connections), '-d', `${seconds}s`, '-s',
        path.join(here, 'report.lua'), ...(fresh ? ['-H', 'Connection: close'] : []),
        `http://127.0.0.1:${port}${target}`,
    ]);
}

const sum = (values) => values.reduce((total, value) => total + value, 0);
const memory_of = (proxy) => Math.max(...proxy.pids().map(private_bytes));
const cpu_of = (proxy) => sum(proxy.pids().map(cpu_ms)) / 1000;

/** Calls `act`; the seconds, processor seconds and the growth of the largest worker meanwhile. */
async function observed(proxy, act) {
    const [memory, cpu] = [memory_of(proxy), cpu_of(proxy)];
    let most = memory;
    const look = setInterval(() => { most = Math.max(most, memory_of(proxy)); }, 50);
    const begin = performance.now();
    try {
        await act();
    } finally {
        clearInterval(look);
    }
    const seconds = (performance.now() - begin) / 1000;
    return { seconds, cpu: cpu_of(proxy) - cpu, grown: most - memory };
}

async function transfer(proxy, args) {
    const format = '%{http_code} %{size_download} %{size_upload}';
    let said;
    const seen = await observed(proxy, async () => {
        const all = ['-sS', '-o', '/dev/null', '-w', format, '--max-time', '60', ...args];
        said = (await run('curl', all).catch((problem) => problem)).stdout ?? '';
    });
    const [status, down, up] = said.split(' ').map(Number);
    const failed = status === 200 && down + up === gib ? 0 : 1;
    return { ...seen, requests: gib / 2 ** 20, failed }; // a rate in MiB/s
}

const measurements = {
    'small kept': (proxy) => wrk(proxy.port, '/bytes/100'),
    'small, connection each': (proxy) => wrk(proxy.port, '/bytes/100', { fresh: true }),
    '10 KiB kept': (proxy) => wrk(proxy.port, `/bytes/${10 * kib}`),
    '1 GiB down': (proxy) => transfer(proxy, [`http://127.0.0.1:${proxy.port}/bytes/${gib}`]),
    '1 GiB up': (proxy, { zeros }) => transfer(proxy, [
        '-T', zeros, '-H', 'Expect:', `http://127.0.0.1:${proxy.port}/upload`,
    ]),
    'WebSocket echo': (proxy) => last_line(binary('msd_bench_echo'), [
        String(proxy.port), String(connections), String(run_seconds),
    ]),
};

export function median(values) {
    const sorted = [...values].sort((a, b) => a - b);
    const middle = (sorted.length - 1) / 2;
    return (sorted[Math.floor(middle)] + sorted[Math.ceil(middle)]) / 2;
}

const rate = (seen) => seen.requests / seen.seconds;

/** The figures of one measurement; `seen`: proxy → the results of its rounds. */
function figures(name, seen) {
    const found = [];
    const add = (title, value, unit, best) =>
        found.push({ name: `proxy ${name}: ${title}`, value, unit, best });
    const is_transfer = name.includes('GiB');
    for (const [who, results] of Object.entries(seen)) {
        add(`${who} rate`, median(results.map(rate)), is_transfer ? 'MiB/s' : '1/s', 'most');
        if (is_transfer) {
            add(`${who} processor`, median(results.map(({ cpu }) => cpu)), 's', 'least');
            const grown = Math.max(...results.map((each) => each.grown));
            add(`${who} growth`, grown / kib, 'KiB', 'least');
        } else {
            add(`${who} p99`, median(results.map(({ p99_us }) => p99_us)) / 1000, 'ms', 'least');
        }
        add(`${who} failed`, sum(results.map(({ failed }) => failed)), 'requests', 'none');
    }
    const { msd, ...peers } = seen;
    const ratios = Object.values(peers).map((peer) =>
        median(msd.map((each, round) => rate(each) / rate(peer[round]))));
    add('rate to the better peer', Math.min(...ratios), '', 'most');
    if (!is_transfer) {
        const p99 = (results) => median(results.map(({ p99_us }) => p99_us));
        const least = Math.min(...Object.values(peers).map(p99));
        add('p99 to the better peer', p99(msd) / least, '', 'least');
    }
    return found;
}

/** What a client that reads 10 KiB/s of a 1 GiB reply costs a proxy. */
async function slow_client(proxy, ends) {
    const before = sum(proxy.pids().map(private_bytes));
    const clients = [];
    for (let n = 0; n < slow_clients; ++n) {
        const client = await connect(ends, proxy.port, { held_max: 1 });
        client.write(request_bytes('GET', `/bytes/${gib}`));
        await client.reply_head();
        clients.push(client);
    }
    let most = 0;
    for (const end = performance.now() + slow_ms; performance.now() < end;) {
        await pause(100);
        for (const client of clients) {
            await client.in.some(kib);
        }
        most = Math.max(most, sum(proxy.pids().map(private_bytes)) - before);
    }
    clients.forEach((client) => client.close());
    return most / slow_clients / kib;
}

async function slow_figures(proxies, ends) {
    const found = [];
    for (const [who, proxy] of Object.entries(proxies)) {
        const value = await slow_client(proxy, ends);
        found.push({ name: `proxy slow client: ${who} holds`, value, unit: 'KiB', best: 'least' });
    }
    return found;
}

/** All rounds of one measurement; each round begins with another proxy. */
async function compare(name, proxies, options, rounds) {
    const names = Object.keys(proxies);
    const seen = Object.fromEntries(names.map((who) => [who, []]));
    for (let round = 0; round < rounds; ++round) {
        for (let turn = 0; turn < names.length; ++turn) {
            const who = names[(round + turn) % names.length];
            seen[who].push(await measurements[name](proxies[who], options));
        }
    }
    return figures(name, seen);
}

async function with_origin(use) {
    const origin = new program('origin', binary('msd_bench_origin'), []);
    try {
        return await use(await origin.ready('origin'));
    } finally {
        await origin.stop('SIGKILL');
    }
}

/** Rounds as many as `seconds`, at most ten: half a minute a round. */
export async function proxy({ seconds }) {
    const rounds = Math.min(seconds, rounds_max);
    return with_directory((directory) => with_origin(async (origin) => {
        const zeros = path.join(directory, 'zeros');
        fs.writeFileSync(zeros, '');
        fs.truncateSync(zeros, gib);
        const proxies = await start_proxies(directory, origin);
        const ends = new scope(directory);
        try {
            const found = [];
            for (const name of Object.keys(measurements)) {
                process.stderr.write(`proxy: ${name}\n`);
                found.push(...(await compare(name, proxies, { zeros }, rounds)));
            }
            found.push(...(await slow_figures(proxies, ends)));
            found.push(...(await reloads(proxies.msd, origin, { wrk, median, rounds })));
            return found;
        } finally {
            await ends.close();
            for (const each of Object.values(proxies)) {
                await each.program.stop();
            }
        }
    }));
}
