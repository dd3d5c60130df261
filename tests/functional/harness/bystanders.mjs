// SPDX-License-Identifier: Apache-2.0
// Who may suffer when a worker dies: the clients whose connections it holds at that moment. The
// worker is stopped first, so that the moment lasts long enough to look.

import { clients_of, is_alive, process_state } from './proc.mjs';
import { until } from './until.mjs';

/** Stops `pid` for good; the ports of the clients that it holds on `port`. */
export async function stop_worker(pid, port) {
    process.kill(pid, 'SIGSTOP');
    await until(`${pid} is stopped`, () => process_state(pid)?.state === 'T');
    return clients_of(pid, port);
}

/** KILLs the workers `pids` of a pool at `port`; the ports of the clients that were on them. */
export async function kill_workers(pids, port) {
    const held = [];
    for (const pid of pids) {
        held.push(...await stop_worker(pid, port));
    }
    for (const pid of pids) {
        process.kill(pid, 'SIGKILL');
    }
    await until(`${pids} are gone`, () => !pids.some(is_alive));
    return held;
}
