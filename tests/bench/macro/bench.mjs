// SPDX-License-Identifier: Apache-2.0
// The macro benchmarks: runs each measurement in rounds, keeps the best of each figure, prints a
// table or JSON, and compares with bounds.mjs.

import fs from 'node:fs';
import { parseArgs } from 'node:util';

import { misses } from './bounds.mjs';
import { by_id } from './by_id.mjs';
import { failing } from './failures.mjs';
import { growth } from './growth.mjs';
import { joins } from './join.mjs';
import { memory } from './memory.mjs';
import { binary } from './msd.mjs';
import { policies } from './policies.mjs';
import { proxy } from './proxy.mjs';
import { recovery } from './recovery.mjs';
import { start_times } from './start_time.mjs';
import { store } from './store.mjs';
import { stores } from './stores.mjs';
import { supervision } from './supervision.mjs';
import { throughput } from './throughput.mjs';

const measurements = {
    start: start_times, join: joins, memory, growth, store, recovery, supervision, throughput,
    by_id, stores, proxy, policies, failures: failing,
};

// These take minutes, and a repetition gives the same figures or is part of the measurement.
const measured_once = new Set(['growth', 'proxy', 'failures']);

const usage = `usage: scripts/bench [--check] [--json] [--rounds N] [--seconds N] [NAME...]

  NAME         ${Object.keys(measurements).join(', ')}; all by default
  --rounds N   use the best of N rounds (default 1, with --check 3)
  --seconds N  length of each throughput run and of the rolls (default 5, with --check 30)
  --check      compare with the bounds that msd guarantees; exit 1 if a figure misses its bound
  --json       print figures as JSON
  --micro      run the micro benchmarks instead; other arguments go to Google Benchmark
`;

/** Merges `now` into `before`: keeps the better value of each figure. */
function better(before, now) {
    if (before === undefined) {
        return now;
    }
    const pick = { most: Math.max, least: Math.min, none: Math.max }[now.best];
    return { ...now, value: pick(before.value, now.value) };
}

function table(figures) {
    const width = Math.max(...figures.map(({ name }) => name.length));
    return figures.map(({ name, value, unit }) => {
        const digits = value < 100 ? 2 : 0;
        return `${name.padEnd(width)}  ${value.toFixed(digits).padStart(10)} ${unit}`.trimEnd();
    }).join('\n');
}

function read_arguments() {
    const number = { type: 'string' };
    const flag = { type: 'boolean', default: false };
    const options = { check: flag, json: flag, help: flag, rounds: number, seconds: number };
    const { values, positionals } = parseArgs({ options, allowPositionals: true });
    const unknown = positionals.filter((name) => measurements[name] === undefined);
    if (unknown.length > 0) {
        throw new Error(`no such measurement: ${unknown.join(' ')}`);
    }
    return {
        ...values,
        names: positionals.length > 0 ? positionals : Object.keys(measurements),
        rounds: Number(values.rounds ?? (values.check ? 3 : 1)),
        seconds: Number(values.seconds ?? (values.check ? 30 : 5)),
    };
}

async function main() {
    let chosen;
    try {
        chosen = read_arguments();
    } catch (problem) {
        process.stderr.write(`${problem.message}\n${usage}`);
        return 2;
    }
    if (chosen.help) {
        process.stdout.write(usage);
        return 0;
    }
    if (!fs.existsSync(binary)) {
        process.stderr.write(`${binary} is not there: scripts/build makes it\n`);
        return 1;
    }

    const figures = new Map();
    for (let round = 1; round <= chosen.rounds; ++round) {
        for (const name of chosen.names) {
            if (round > 1 && measured_once.has(name)) {
                continue;
            }
            process.stderr.write(`round ${round} of ${chosen.rounds}: ${name}\n`);
            for (const figure of await measurements[name]({ seconds: chosen.seconds })) {
                figures.set(figure.name, better(figures.get(figure.name), figure));
            }
        }
    }
    const all = [...figures.values()];
    process.stdout.write(chosen.json ? `${JSON.stringify(all, null, 1)}\n` : `${table(all)}\n`);
    if (!chosen.check) {
        return 0;
    }
    const missed = misses(all);
    process.stderr.write(missed.map((text) => `missed: ${text}\n`).join(''));
    return missed.length > 0 ? 1 : 0;
}

process.exitCode = await main();
