// SPDX-License-Identifier: Apache-2.0
// Facts about a process, read from /proc.

import { execFileSync } from 'node:child_process';
import fs from 'node:fs';

function read(path) {
    try {
        return fs.readFileSync(path, 'utf8');
    } catch {
        return undefined;
    }
}

function readlink(path) {
    try {
        return fs.readlinkSync(path);
    } catch {
        return ''; // the descriptor was closed meanwhile
    }
}

/** { parent, state }, or undefined if there is no such process. */
export function process_state(pid) {
    const stat = read(`/proc/${pid}/stat`);
    if (stat === undefined) {
        return undefined;
    }
    // The command in brackets may contain spaces and brackets.
    const [state, parent] = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    return { state, parent: Number(parent) };
}

/** The processor time used so far, in steps of 10 ms. */
export function cpu_ms(pid) {
    const stat = read(`/proc/${pid}/stat`);
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    return (Number(fields[11]) + Number(fields[12])) * 10;
}

/** How often the process has waited for something so far. */
export function waits(pid) {
    return Number(/^voluntary_ctxt_switches:\s+(\d+)$/m.exec(read(`/proc/${pid}/status`))[1]);
}

export function is_alive(pid) {
    const found = process_state(pid);
    return found !== undefined && found.state !== 'Z';
}

export function children(pid) {
    return fs
        .readdirSync('/proc')
        .filter((name) => /^\d+$/.test(name) && process_state(name)?.parent === pid)
        .map(Number);
}

export function environment(pid) {
    const entries = (read(`/proc/${pid}/environ`) ?? '').split('\0').filter(Boolean);
    return Object.fromEntries(entries.map((entry) => {
        const at = entry.indexOf('=');
        return [entry.slice(0, at), entry.slice(at + 1)];
    }));
}

/** The sum in bytes of the fields `names` of smaps_rollup. */
function mapped_bytes(pid, names) {
    const rollup = fs.readFileSync(`/proc/${pid}/smaps_rollup`, 'utf8');
    const kib = (name) => Number(new RegExp(`^${name}:\\s+(\\d+) kB`, 'm').exec(rollup)[1]);
    return names.reduce((sum, name) => sum + kib(name) * 1024, 0);
}

/** Private memory in bytes. */
export function private_bytes(pid) {
    return mapped_bytes(pid, ['Private_Clean', 'Private_Dirty']);
}

/** Private memory without unmodified pages of files that only this process has mapped. */
export function written_bytes(pid) {
    return mapped_bytes(pid, ['Private_Dirty']);
}

export function descriptors(pid) {
    return fs.readdirSync(`/proc/${pid}/fd`).length;
}

/** The inodes of the process's sockets. */
function sockets_of(pid) {
    const inodes = new Set();
    for (const fd of fs.readdirSync(`/proc/${pid}/fd`)) {
        const socket = /^socket:\[(\d+)\]$/.exec(readlink(`/proc/${pid}/fd/${fd}`));
        if (socket !== null) {
            inodes.add(socket[1]);
        }
    }
    return inodes;
}

/** The inodes of the TCP connections whose own (sport) or remote (dport) port is `port`. */
function connections_of(pid, side, port) {
    const inodes = sockets_of(pid);
    const filter = ['state', 'established', side, '=', `:${port}`];
    const rows = execFileSync('ss', ['-tneH', ...filter], { encoding: 'utf8' }).split('\n');
    return rows.map((row) => /\bino:(\d+)/.exec(row)?.[1]).filter((inode) => inodes.has(inode));
}

/** Whether the process has a TCP connection whose own (sport) or remote (dport) port is `port`. */
export function is_connected(pid, side, port) {
    return connections_of(pid, side, port).length > 0;
}

/**
 * Returns a condition: the process has closed each connection to `port` that it has at the time of
 * this call. A connection that its peer has ended stays open until the process has read the end.
 */
export function has_closed(pid, port) {
    const before = connections_of(pid, 'dport', port);
    return () => {
        const inodes = sockets_of(pid);
        return before.every((inode) => !inodes.has(inode));
    };
}

/** The ports of the clients that are connected over IPv4 to `port` of the process. */
export function clients_of(pid, port) {
    const inodes = sockets_of(pid);
    // Not /proc/net/tcp, which also lists connections that ended within the last minute.
    const filter = ['state', 'established', 'sport', '=', `:${port}`];
    const rows = execFileSync('ss', ['-4tneH', ...filter], { encoding: 'utf8' }).split('\n');
    return rows
        .map((row) => /:\d+\s+\S+:(\d+)\s.*\bino:(\d+)/.exec(row))
        .filter((found) => found !== null && inodes.has(found[2]))
        .map(([, peer]) => Number(peer));
}
