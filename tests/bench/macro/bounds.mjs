// SPDX-License-Identifier: Apache-2.0
// The bounds that `scripts/bench --check` compares with. Names are those of the table; the bounds
// are for a machine with two cores.

export const bounds = [
    // Five times the rate and a quarter of the p99 of the gateway msd replaces (3,000/s, 44 ms).
    { name: 'msd 64 conn 10 rows: rate', at_least: 15_000 },
    { name: 'msd 64 conn 10 rows: p99', at_most: 11 },
    { name: 'msd 64 conn 10 rows: failed', at_most: 0 },
    { name: 'GET by id: share of the rate without a store', at_least: 0.8 },
    { name: 'GET by id: failed', at_most: 0 },
    { name: 'join of 200 foreign nodes: time', at_most: 1000 },
    { name: 'join of 200 foreign nodes: lists each', at_most: 1.4 },
    { name: 'join of 1000 msd nodes: time', at_most: 1000 },
    { name: 'msd up: start to first answer', at_most: 300 },
    { name: 'service: READY to routable', at_most: 50 },
    { name: 'master: private', at_most: 2 },
    { name: 'gateway worker: private at rest', at_most: 6 },
    { name: 'idle kept-alive connection', at_most: 8 },
    // Allows for heaps that still settle. A leak in one of two hundred requests exceeds it.
    { name: 'worker: growth over a million requests', at_most: 128 },
    { name: 'a million requests: failed', at_most: 0 },
    { name: 'KILL to replacement, idle: p50', at_most: 20 },
    { name: 'KILL to replacement, saturated: p50', at_most: 50 },
    { name: 'KILL to replacement, saturated: p99', at_most: 150 },
    { name: 'worker: fork and exec to READY: p50', at_most: 30 },
    { name: 'KILL of the master to free listener', at_most: 50 },
    { name: 'rolls: throughput of that between', at_least: 80 },
    { name: 'store mariadb pool to bare loop', at_least: 0.6 },
    { name: 'store mariadb pool to connection each', at_least: 8 },
    { name: 'store sqlite 4 processes to 1', at_least: 0.6 },
    { name: 'store sqlite 4 processes: longest wait', at_most: 500 },
    { name: 'MariaDB that was killed: back to writes', at_most: 3000 },
    { name: 'MariaDB that was hung: back to writes', at_most: 3000 },
    { name: 'proxy small kept: rate to the better peer', at_least: 1.1 },
    { name: 'proxy small kept: p99 to the better peer', at_most: 1 },
    { name: 'proxy small kept: msd failed', at_most: 0 },
    { name: 'proxy small, connection each: msd failed', at_most: 0 },
    { name: 'proxy 10 KiB kept: msd failed', at_most: 0 },
    { name: 'proxy 1 GiB down: rate to the better peer', at_least: 0.9 },
    { name: 'proxy 1 GiB down: msd growth', at_most: 1024 },
    { name: 'proxy 1 GiB down: msd failed', at_most: 0 },
    { name: 'proxy 1 GiB up: rate to the better peer', at_least: 0.9 },
    { name: 'proxy 1 GiB up: msd growth', at_most: 1024 },
    { name: 'proxy 1 GiB up: msd failed', at_most: 0 },
    { name: 'proxy WebSocket echo: msd failed', at_most: 0 },
    { name: 'proxy slow client: msd holds', at_most: 256 },
    { name: 'proxy 10,000 routes: p99 with a reload each second to that without', at_most: 1.2 },
    { name: 'proxy 10,000 routes: failed', at_most: 0 },
    { name: 'rolls: failed', at_most: 0 },
    { name: 'rolls: lost or doubled writes', at_most: 0 },
];

/** One text for each figure that misses its bound or was not measured. */
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
