// SPDX-License-Identifier: Apache-2.0
// A copy of msd on the disk that a test replaces as an update would.

import fs from 'node:fs';
import path from 'node:path';

import { msd_binary } from './world.mjs';

/** Bad builds, by their fault: exits (at start), hangs (never READY), dies (soon after READY). */
export const bad_build = (fault) => path.join(path.dirname(msd_binary), `msd_bad_${fault}`);

/** The file at the path from which msd is started. */
export class installed_msd {
    constructor(world) {
        this.path = world.path('msd');
        this.put(msd_binary);
    }

    /** Replaces it by a copy of `file`, in one step. */
    put(file) {
        this.write(fs.readFileSync(file));
    }

    write(bytes, mode = 0o755) {
        fs.writeFileSync(`${this.path}.new`, bytes, { mode });
        fs.renameSync(`${this.path}.new`, this.path);
    }
}
