// SPDX-License-Identifier: Apache-2.0
// msd as process 1 of a container: it reaps orphaned processes, handles the signals that have no
// default action in process 1, and ignores the pid file of an earlier process 1.

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import fs from 'node:fs';

import { http } from './harness/http_client.mjs';
import { own_processes, skip_without_process_namespaces } from './harness/permitted.mjs';
import { children, is_alive, process_state } from './harness/proc.mjs';
import { program } from './harness/program.mjs';
import { test } from './harness/test.mjs';
import { until } from './harness/until.mjs';
import { msd_binary, roles } from './harness/world.mjs';

const skip = skip_without_process_namespaces;

/** Runs the shell command `before` as process 1, which then becomes `msd up`. */
async function container(world, { before = 'true', ports } = {}) {
    const port_of = (role) => String(ports?.get(role) ?? 0);
    const args = ['up', ...roles.flatMap((role) => [`--${role}-port`, port_of(role)]),
        '--workers', '1', ...world.own_dirs()];
    const [command, ...rest] = own_processes;
    const outside = new program('container', command, [
        ...rest, 'sh', '-c', `${before}\nexec "$@"`, 'sh', msd_binary, ...args,
    ]);
    for (const role of roles) {
        await outside.ready(role);
    }
    const [pid] = children(outside.pid);
    await world.routed(outside.ready_ports().get('gateway'));
    return { outside, pid, port: outside.ready_ports().get('gateway') };
}

test('msd as process 1 reaps orphans and stops cleanly on TERM', { skip }, async (world) => {
    // Both wait until a process opens the pipe for writing.
    const pipe = world.path('pipe');
    assert.equal(spawnSync('mkfifo', [pipe]).status, 0);
    const before = `(cat ${pipe} &)\ncat ${pipe} &`;
    const { outside, pid, port } = await container(world, { before });
    const name_of = (child) => fs.readFileSync(`/proc/${child}/comm`, 'utf8').trim();
    const adopted = await until('msd is the parent of an orphan and of a child of `before`', () => {
        const found = children(pid).filter((child) => name_of(child) === 'cat');
        return found.length === 2 && found;
    });
    fs.closeSync(fs.openSync(pipe, 'w'));
    await until('both are reaped', () =>
        adopted.every((one) => process_state(one) === undefined));
    assert.equal((await http(port, 'GET', '/goods')).status, 200);
    assert.equal(children(pid).length, roles.length);
    assert.ok(children(pid).every(is_alive), 'no worker is a zombie');
    process.kill(pid, 'SIGTERM');
    assert.deepEqual(await outside.exit, { code: 0, signal: null });
});

test('msd as process 1 replaces workers, reloads its configuration and stops on INT', { skip },
    async (world) => {
        const { outside, pid, port } = await container(world);
        const [first] = children(pid);
        process.kill(first, 'SIGKILL');
        await until('the worker is replaced', () => children(pid).length === roles.length &&
            !children(pid).includes(first));
        process.kill(pid, 'SIGHUP');
        await until('the configuration is read', () =>
            outside.log.includes('configuration read: nothing has changed'));
        await until('the gateway answers', async () =>
            (await http(port, 'GET', '/goods')).status === 200);
        process.kill(pid, 'SIGINT');
        assert.deepEqual(await outside.exit, { code: 0, signal: null });
    });

test('the pid file of a killed container does not keep the next one from starting', { skip },
    async (world) => {
        const killed = await container(world);
        const file = world.path('run', `up-${killed.port}.pid`);
        assert.equal(fs.readFileSync(file, 'utf8'), '1\n');
        process.kill(killed.pid, 'SIGKILL');
        await killed.outside.exit;
        assert.ok(fs.existsSync(file), 'the killed container leaves its pid file');
        const ports = killed.outside.ready_ports();
        const next = await container(world, { ports });
        process.kill(next.pid, 'SIGTERM');
        assert.equal((await next.outside.exit).code, 0);
        assert.ok(!fs.existsSync(file));
    });
