// SPDX-License-Identifier: Apache-2.0
// Waits until something is true. Tests never sleep for a fixed time: they ask again until a
// deadline that is far beyond what is expected, because other tests run beside them.

import { sanitized } from './scale.mjs';

/** Sanitizers slow msd down by several times; every deadline is stretched by this much. */
export const patience = sanitized ? 5 : 1;

export function pause(ms) {
    return new Promise((resolve) => setTimeout(resolve, ms));
}

/** The first truthy value of `condition` (may be async; a throw counts as not yet). */
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

/** `promise`, or an error that names `what` when the limit passes first. */
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
