// SPDX-License-Identifier: Apache-2.0
// Random choices of a test. A seed determines them: 1, or MSD_TEST_SEED. The test program prints
// the seed, so that a run can be repeated.

const seed = Number(process.env.MSD_TEST_SEED ?? 1);
if (!Number.isInteger(seed) || seed < 0 || seed > 0xffff_ffff) {
    throw new Error(`MSD_TEST_SEED '${process.env.MSD_TEST_SEED}' is not an integer of 32 bits`);
}
process.stderr.write(`MSD_TEST_SEED=${seed}\n`);

let state = seed;

// A linear congruential generator: equal seeds give equal numbers on every machine.
function next_32_bits() {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state;
}

/** An integer from 0 to `count` - 1. */
export function chosen_below(count) {
    // Uses the high bits: the low bits of such a generator repeat soon.
    return Math.floor((next_32_bits() / 0x1_0000_0000) * count);
}

export function chosen_of(list) {
    return list[chosen_below(list.length)];
}
