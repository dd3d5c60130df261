// SPDX-License-Identifier: Apache-2.0
// node:test with a world for each test: `test(name, async (world) => …)`. When a test fails, it
// prints the end of every log before it closes the world.

import fs from 'node:fs';
import { test as node_test } from 'node:test';

import { within } from './until.mjs';
import { msd_binary, world } from './world.mjs';

if (!fs.existsSync(msd_binary)) {
    throw new Error(`there is no msd at ${msd_binary}: build it, or set MSD_BIN`);
}

export function test(name, options, body) {
    if (typeof options === 'function') {
        [options, body] = [{}, options];
    }
    const { limit_ms = 280_000, ...rest } = options;
    node_test(name, rest, async (context) => {
        const surroundings = new world();
        let failed = true;
        try {
            await within(name, body(surroundings, context), limit_ms);
            failed = false;
        } finally {
            if (failed) {
                process.stderr.write(`\n=== failed: ${name}\n${surroundings.tails()}`);
            }
            await close(surroundings, name, failed);
        }
    });
}

// A failed test is reported with its own error; errors of the cleanup are only printed.
async function close(surroundings, name, failed) {
    try {
        await surroundings.close();
    } catch (error) {
        if (!failed) {
            process.stderr.write(`\n=== failed at its end: ${name}\n${surroundings.tails()}`);
            throw error;
        }
        process.stderr.write(`also, at its end: ${error.message}\n`);
    }
}
