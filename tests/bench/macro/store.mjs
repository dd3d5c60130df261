// SPDX-License-Identifier: Apache-2.0
// Stores at the repository interface, in one program without msd's network: the cost of a pool
// compared with bare loops over the same driver, and SQLite with several writing processes.

import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';

import { mariadb_password, mariadb_server } from '../../functional/harness/mariadb.mjs';
import { run } from '../../functional/harness/program.mjs';
import { binary } from './msd.mjs';

const program = path.join(path.dirname(binary), 'msd_bench_store');
const least = /wait$/;

export async function store({ seconds }) {
    // On a disk, because commits are measured; /tmp may be in memory.
    const base = process.env.MSD_BENCH_DIR ?? os.tmpdir();
    const dir = fs.mkdtempSync(path.join(base, 'msd-bench-'));
    const server = await mariadb_server.start(path.join(dir, 'db'), { durable: true });
    try {
        const { code, output, log } = await run(program, [dir, String(seconds), server.url], {
            env: { MSD_STORE_PASSWORD: mariadb_password },
            limit_ms: 60_000 + 8 * seconds * 1000,
        });
        if (code !== 0) {
            throw new Error(`${program} failed: ${log}`);
        }
        return output.split('\n').filter(Boolean).map((line) => {
            const [name, value, unit] = line.split('\t');
            return { name, value: Number(value), unit, best: least.test(name) ? 'least' : 'most' };
        });
    } finally {
        await server.stop();
        fs.rmSync(dir, { recursive: true, force: true });
    }
}
