// SPDX-License-Identifier: Apache-2.0
// Waits for conditions. Tests do not sleep for a fixed time: they check a condition repeatedly,
// until a deadline much longer than the expected time, because other tests run at the same time.

import { sanitized } from './scale.mjs';

/** The factor for every deadline, because sanitizers slow msd down several times. */
export const patience = sanitized ? 5 : 1;

export function pause(ms) {
    return new Promise((resolve) => setTimeout(resolve, ms));
}

/** Waits for a truthy value of `condition`, which may be async; an exception counts as false. */
export async function until(what, condition, limit_ms = 60_000) {
    const end = performance.now() + limit_ms * patience;
    let problem;
    for (;;) {
        try {
            const value = await condition();
            if (value) {
                return value;
            }
            problem = undefined;
        } catch (error) {
            problem = error;
        }
        if (performance.now() > end) {
            throw new Error(`not within ${limit_ms * patience} ms: ${what}`, { cause: problem });
        }
        await pause(5);
    }
}

/** The value of `promise`; throws an error that names `what` after the time limit. */
export async function within(what, promise, limit_ms = 60_000) {
    let timer;
    const late = new Promise((_, reject) => {
        const ms = limit_ms * patience;
        timer = setTimeout(() => reject(new Error(`not within ${ms} ms: ${what}`)), ms);
    });
    try {
        return await Promise.race([promise, late]);
    } finally {
        clearTimeout(timer);
    }
}
