// SPDX-License-Identifier: Apache-2.0
// What 10,000 routes and a reload each second cost: the p99 of small replies of a gateway whose
// file changes, compared with the same gateway and the same routes while nothing changes, in turn.

import { execFile } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { promisify } from 'node:util';

import { toml_text } from '../../functional/harness/proxy.mjs';
import { pause } from '../../functional/harness/until.mjs';
import { binary } from './msd.mjs';

const run = promisify(execFile);
const routes_count = 10_000;
const run_seconds = 3;

/** The text of the file; `version` is in a route that no request uses. */
function text(origin, routes, version) {
    const all = Array.from({ length: routes }, (_, n) =>
        ({ path: n % 2 === 0 ? `/exact/${n}` : `/prefix/${n}/`, service: 'program' }));
    all.push({ path: `/version/${version}`, respond: { status: 200, body: 'version' } });
    return toml_text({
        keys: { 'gateway.body_bytes_max': 2 ** 30 },
        routes: all, upstreams: { program: { addresses: [`127.0.0.1:${origin}`] } },
    });
}

/** Reloads each second until `ended()`; returns how many failed. */
async function reload_each_second(gateway, origin, ended) {
    // Written before, so that as little of what is measured as possible is this program's work.
    const texts = [1, 2].map((version) => text(origin, routes_count, version));
    let failed = 0;
    for (let turn = 0; !ended(); turn = 1 - turn) {
        const begin = performance.now();
        fs.writeFileSync(gateway.file, texts[turn]);
        const where = ['--runtime-dir', path.dirname(gateway.file)];
        await run(binary, ['ctl', ...where, 'reload']).catch(() => { failed += 1; });
        await pause(Math.max(0, 1000 - (performance.now() - begin)));
    }
    return failed;
}

export async function reloads(gateway, origin, { wrk, median, rounds }) {
    process.stderr.write('proxy: reloads of 10,000 routes\n');
    const p99 = { few: [], quiet: [], reloads: [] };
    let failed = 0;
    const once = (routes) => {
        fs.writeFileSync(gateway.file, text(origin, routes, 0));
        return run(binary, ['ctl', '--runtime-dir', path.dirname(gateway.file), 'reload'])
            .catch(() => { failed += 1; });
    };
    const measure = async (kind) => {
        const seen = await wrk(gateway.port, '/bytes/100', { seconds: run_seconds });
        p99[kind].push(seen.p99_us);
        failed += seen.failed;
    };
    for (let round = 0; round < Math.min(rounds, 3); ++round) {
        await once(10);
        await measure('few');
        await once(routes_count);
        await measure('quiet');
        let is_over = false;
        const reloading = reload_each_second(gateway, origin, () => is_over);
        await measure('reloads');
        is_over = true;
        failed += await reloading;
    }
    const ratio = (kind, to) => median(p99[kind].map((value, round) => value / p99[to][round]));
    const name = (title) => `proxy 10,000 routes: ${title}`;
    const many = ratio('quiet', 'few');
    return [
        { name: name('p99 to that with 10'), value: many, unit: '', best: 'least' },
        {
            name: name('p99 with a reload each second to that without'),
            value: ratio('reloads', 'quiet'), unit: '', best: 'least',
        },
        { name: name('failed'), value: failed, unit: 'requests', best: 'none' },
    ];
}
