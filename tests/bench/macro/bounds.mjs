// SPDX-License-Identifier: Apache-2.0
// What msd promises, as `scripts/bench --check` compares it. Names are those of the table; the
// machine in mind has two cores.

export const bounds = [
    // Five times the rate and a quarter of the p99 of the gateway msd replaces (3,000/s, 44 ms).
    { name: 'msd 64 conn 10 rows: rate', at_least: 15_000 },
    { name: 'msd 64 conn 10 rows: p99', at_most: 11 },
    { name: 'msd 64 conn 10 rows: failed', at_most: 0 },
    { name: 'join of 200 foreign nodes: time', at_most: 1000 },
    { name: 'join of 200 foreign nodes: lists each', at_most: 1.4 },
    { name: 'join of 1000 msd nodes: time', at_most: 1000 },
    { name: 'msd up: start to first answer', at_most: 300 },
    { name: 'service: READY to routable', at_most: 50 },
    { name: 'master: private', at_most: 2 },
    { name: 'gateway worker: private at rest', at_most: 6 },
    { name: 'idle kept-alive connection', at_most: 8 },
];

/** What misses its bound, or was not measured, one text each. */
export function misses(figures) {
    return bounds.flatMap(({ name, at_least, at_most }) => {
        const found = figures.find((figure) => figure.name === name);
        if (found === undefined) {
            return [`${name}: not measured`];
        }
        if (at_least !== undefined && !(found.value >= at_least)) {
            return [`${name}: ${found.value.toFixed(1)} ${found.unit}, at least ${at_least}`];
        }
        if (at_most !== undefined && !(found.value <= at_most)) {
            return [`${name}: ${found.value.toFixed(1)} ${found.unit}, at most ${at_most}`];
        }
        return [];
    });
}
