// SPDX-License-Identifier: Apache-2.0
// The length of the supervision tests. scripts/test runs them with few repetitions and short
// periods; scripts/soak sets MSD_TEST_FULL=1 for the numbers that msd guarantees.

export const full = process.env.MSD_TEST_FULL === '1';
/** A sanitizer build: every process runs several times slower. */
export const sanitized = process.env.MSD_SANITIZED === '1';

/** `short` in a test run, `long` in a soak. */
export function scaled(short, long) {
    return full ? long : short;
}

/** Repetitions: `few` in a test run, a fifth of them under sanitizers, `many` in a soak. */
export function repeated(few, many) {
    return full ? many : sanitized ? Math.ceil(few / 5) : few;
}
