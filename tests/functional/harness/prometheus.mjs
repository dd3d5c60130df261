// SPDX-License-Identifier: Apache-2.0
// Prometheus of the Debian package as a program of a test, on a free port of loopback, and a reader
// of its text format that refuses what Prometheus would refuse.

import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';

import { free_port } from './ports.mjs';
import { program } from './program.mjs';
import { until } from './until.mjs';

const sample = /^([a-z_]+)(?:\{((?:[a-z]+="(?:[^"\\\n]|\\[\\"n])*",?)+)\})? (-?[0-9.]+)$/;

/** The samples of a text by name with labels, as in the text: { 'up{job="a"}': 1 }. */
export function read_metrics(text) {
    const samples = {};
    const types = new Map();
    assert.ok(text.endsWith('\n'));
    for (const line of text.slice(0, -1).split('\n')) {
        const [, kind, name, rest] = /^# (HELP|TYPE) ([a-z_]+) (.+)$/.exec(line) ?? [];
        if (kind === 'TYPE') {
            assert.ok(!types.has(name), `${name} has two types`);
            types.set(name, rest);
        }
        if (kind) {
            continue;
        }
        const [, of, labels, value] = sample.exec(line) ?? assert.fail(`no sample: ${line}`);
        assert.ok(types.has(of) || types.has(of.replace(/_(bucket|sum|count)$/, '')), line);
        const key = labels ? `${of}{${labels}}` : of;
        assert.ok(!(key in samples), `${key} appears twice`);
        samples[key] = Number(value);
    }
    return samples;
}

/** Starts Prometheus, which scrapes `port` five times a second. */
export async function start_prometheus(world, port) {
    const directory = world.path('prometheus');
    fs.mkdirSync(directory);
    const file = path.join(directory, 'prometheus.yml');
    fs.writeFileSync(file, JSON.stringify({ // JSON is YAML
        scrape_configs: [{
            job_name: 'msd',
            scrape_interval: '200ms',
            scrape_timeout: '200ms',
            static_configs: [{ targets: [`127.0.0.1:${port}`] }],
        }],
    }));
    const own = await free_port();
    const started = world.track(new program('prometheus', 'prometheus', [
        `--config.file=${file}`,
        `--storage.tsdb.path=${path.join(directory, 'data')}`,
        `--web.listen-address=127.0.0.1:${own}`,
        '--log.level=warn',
    ]));
    const ask = async (what) => {
        const reply = await fetch(`http://127.0.0.1:${own}/api/v1/${what}`);
        return (await reply.json()).data;
    };
    /** The values of the series that the expression gives, as numbers. */
    const query = async (expression) => {
        const { result } = await ask(`query?query=${encodeURIComponent(expression)}`);
        return result.map(({ value }) => Number(value[1]));
    };
    await until('prometheus has scraped msd', async () =>
        started.ended || (await query('up{job="msd"}'))[0] === 1);
    assert.equal(started.ended, undefined, started.log);
    return { query, ask };
}
