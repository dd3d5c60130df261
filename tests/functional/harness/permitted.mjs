// SPDX-License-Identifier: Apache-2.0
// Permissions that tests need. Without them a test is skipped on a developer's machine and fails in
// CI, where every test has to run.

import { spawnSync } from 'node:child_process';

/** The value of node:test's option `skip`: the reason, or false. */
function skip_unless(is_there, reason) {
    return is_there || process.env.CI ? false : reason;
}

export const skip_unless_root = skip_unless(process.geteuid() === 0, 'needs root');

/** A new process namespace, in which msd is process 1. */
export const own_processes = ['unshare', '-Urpf', '--kill-child', '--mount-proc'];
export const skip_without_process_namespaces = skip_unless(
    spawnSync(own_processes[0], [...own_processes.slice(1), 'true']).status === 0,
    'unshare -Urpf --mount-proc is refused',
);

/** A new network namespace with a loopback interface, in which every port is free. */
export const own_network = ['unshare', '-n', 'sh', '-c', 'ip link set lo up && exec "$@"', 'sh'];
/** The same with a loopback interface without an IPv4 address. */
export const own_network_without_ipv4 = ['unshare', '-n', 'sh', '-c',
    'ip link set lo up && ip address delete 127.0.0.1/8 dev lo && exec "$@"', 'sh'];
export const skip_without_networks = skip_unless(
    spawnSync(own_network[0], [...own_network.slice(1), 'true']).status === 0,
    'unshare -n is refused',
);
