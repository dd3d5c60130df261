// SPDX-License-Identifier: Apache-2.0
// Starts the release build for a measurement, on free ports and in a directory of its own.

import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

import { http } from '../../functional/harness/http_client.mjs';
import { children, environment } from '../../functional/harness/proc.mjs';
import { program } from '../../functional/harness/program.mjs';
import { until } from '../../functional/harness/until.mjs';

const pools = [
    'gateway', 'distributor', 'goods', 'members', 'purchases', 'stores', 'events', 'logs',
];

const here = path.dirname(fileURLToPath(import.meta.url));

export const binary = process.env.MSD_BIN ?? path.resolve(here, '../../../build/release/msd');

/** Calls `use` with an empty directory and removes it afterwards. */
export async function with_directory(use) {
    const directory = fs.mkdtempSync(path.join(os.tmpdir(), 'msd-bench-'));
    try {
        return await use(directory);
    } finally {
        fs.rmSync(directory, { recursive: true, force: true });
    }
}

/** The part of a test's world that the harness uses: functions to call at the end. */
export class scope {
    constructor(directory) {
        this.path = (name) => path.join(directory, name);
        this.ends = [];
    }

    on_close(end) {
        this.ends.push(end);
    }

    async close() {
        for (const end of this.ends.reverse()) {
            await end();
        }
    }
}

export function start_msd(directory, args, env = {}) {
    const places = ['--data-dir', path.join(directory, 'data'), '--runtime-dir', directory];
    const level = args.includes('--log-level') ? [] : ['--log-level', 'warning'];
    return new program(`msd ${args[0]}`, binary, [...args, ...places, ...level], { env });
}

/**
 * Calls `use` with a running `msd up`, the directory of its files and its ports by name. `args` are
 * added to the command line, `env` to the environment; `config` is the text of a configuration
 * file.
 */
export async function with_system({ args = [], env = {}, config = '' }, use) {
    return with_directory(async (directory) => {
        const free = pools.flatMap((name) => [`--${name}-port`, '0']);
        const file = path.join(directory, 'msd.toml');
        fs.writeFileSync(file, config);
        const system = start_msd(directory, ['up', ...free, '--config', file, ...args], env);
        try {
            const ports = {};
            for (const name of pools) {
                ports[name] = await system.ready(name);
            }
            await until('the gateway routes', async () =>
                (await http(ports.gateway, 'GET', '/goods')).status === 200);
            return await use({ system, ports, directory });
        } finally {
            await system.stop();
        }
    });
}

/** The processes of one pool. */
export function workers(master, pool) {
    return children(master.pid).filter((pid) => {
        const said = environment(pid).MSD_WORKER ?? '';
        return said.split(' ').includes(`pool=${pool}`);
    });
}
