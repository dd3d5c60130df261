// SPDX-License-Identifier: Apache-2.0
// The clients that the kill of a worker may affect: those with a connection to that worker. The
// worker is stopped before the kill, so that the list of its connections does not change.

import { clients_of, is_alive, process_state } from './proc.mjs';
import { until } from './until.mjs';

/** Stops `pid`; returns the ports of the clients that are connected to its `port`. */
export async function stop_worker(pid, port) {
    process.kill(pid, 'SIGSTOP');
    await until(`${pid} is stopped`, () => process_state(pid)?.state === 'T');
    return clients_of(pid, port);
}

/** Kills the workers `pids` of a pool at `port`; returns the ports of the connected clients. */
export async function kill_workers(pids, port) {
    const held = [];
    for (const pid of pids) {
        held.push(...await stop_worker(pid, port));
    }
    for (const pid of pids) {
        process.kill(pid, 'SIGKILL');
    }
    await until(`${pids} have exited`, () => !pids.some(is_alive));
    return held;
}
