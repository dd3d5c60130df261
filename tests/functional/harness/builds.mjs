// SPDX-License-Identifier: Apache-2.0
// An msd of the test's own on the disk, which is replaced as an update would replace it.

import fs from 'node:fs';
import path from 'node:path';

import { msd_binary } from './world.mjs';

/** Builds that are no good: they exit at start, never get READY, or die soon after it. */
export const bad_build = (fault) => path.join(path.dirname(msd_binary), `msd_bad_${fault}`);

/** What is at a path that msd was started from. */
export class installed_msd {
    constructor(world) {
        this.path = world.path('msd');
        this.put(msd_binary);
    }

    /** Puts a copy of `file` there, in one step. */
    put(file) {
        this.write(fs.readFileSync(file));
    }

    write(bytes, mode = 0o755) {
        fs.writeFileSync(`${this.path}.new`, bytes, { mode });
        fs.renameSync(`${this.path}.new`, this.path);
    }
}
