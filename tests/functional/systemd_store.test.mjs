// SPDX-License-Identifier: Apache-2.0
// systemd's file descriptor store: a master that is killed leaves its listening sockets there for
// the next one. The test plays systemd.

import assert from 'node:assert/strict';
import path from 'node:path';

import { all_gone } from './harness/control.mjs';
import { http } from './harness/http_client.mjs';
import { children } from './harness/proc.mjs';
import { program } from './harness/program.mjs';
import { test } from './harness/test.mjs';
import { until } from './harness/until.mjs';
import { msd_binary, repository } from './harness/world.mjs';

const nobody = 1; // a port where no distributor is
const name = 'stored/gateway';

function kill(pid) {
    try {
        process.kill(pid, 'SIGKILL');
    } catch (error) {
        assert.equal(error.code, 'ESRCH');
    }
}

const gateway_unit = { command: ['gateway'], role: 'gateway', distributor: nobody };

/** A unit that runs one role of msd, by default `msd gateway`. */
class unit {
    static async load(world, what = gateway_unit) {
        const script = path.join(repository, 'tests/functional/harness/unit.py');
        const args = [script, world.path('notify.sock')];
        const systemd = world.track(new program('systemd', 'python3', args, { input: 'pipe' }));
        await until('systemd is there', () => systemd.output.includes('READY unit'));
        return new unit(world, systemd, what);
    }

    constructor(world, systemd, { command, role, distributor }) {
        Object.assign(this, { world, systemd, command, role, distributor, starts: 0 });
    }

    /** Everything that happened so far. */
    events() {
        return this.systemd.output.split('\n').filter((line) => line.startsWith('{'))
            .map((line) => JSON.parse(line));
    }

    get pid() {
        return this.events().findLast(({ started }) => started).started;
    }

    /** What systemd has of the unit: { name: how many }. */
    get store() {
        return this.events().findLast(({ store }) => store).store;
    }

    /** How often systemd was told `line`, by the process `pid` if it is given. */
    said(line, pid) {
        const from = pid === undefined ? line : `MAINPID=${pid}`;
        return this.events()
            .filter(({ said }) => said?.includes(line) && said.includes(from)).length;
    }

    /** Returns the port on which the role serves then; `host` is its address. */
    async start(...args) {
        const command = [msd_binary, ...this.command];
        command.push('--distributor', `127.0.0.1:${this.distributor}`);
        command.push('--workers', '1', ...this.world.own_dirs(), ...args);
        this.systemd.child.stdin.write(`${JSON.stringify(command)}\n`);
        this.starts += 1;
        const line = new RegExp(`^READY ${this.role} (\\S+):(\\d+)$`, 'gm');
        const ready = () => [...this.systemd.output.matchAll(line)];
        await until(`${this.role} is ready`, () => ready().length === this.starts);
        await until('systemd knows', () => this.said('READY=1', this.pid));
        const [, host, port] = ready().at(-1);
        this.host = host;
        return Number(port);
    }

    async ended() {
        const { pid } = this;
        await until('systemd sees the end', () => this.events().some(({ ended }) => ended === pid));
    }

    /** What is left of a unit after its main process is killed by systemd, too. */
    async kill_all() {
        const pids = [this.pid, ...children(this.pid)];
        pids.forEach(kill);
        await this.ended();
        await all_gone(pids, 15_000);
    }

    async stop() {
        process.kill(this.pid, 'SIGTERM');
        await this.ended();
    }

    /** What systemd does after a stop that no start follows. */
    async release() {
        this.systemd.child.stdin.write('release\n');
        await until('the store is empty', () => this.events().some(({ released }) => released));
    }
}

function hosts_of({ store }) {
    return ['127.0.0.1', '::1'].slice(0, store[name]);
}

function assert_refused(world, port) {
    return assert.rejects(world.connection(port), { code: 'ECONNREFUSED' });
}

test('a killed master leaves its sockets to the next one, and nobody is refused', async (world) => {
    const gateway = await unit.load(world);
    const port = await gateway.start('--port', '0');
    assert.deepEqual(Object.keys(gateway.store), [name]);
    for (const configured of ['0', String(port)]) {
        await gateway.kill_all();
        const waiting = [];
        for (const host of hosts_of(gateway)) {
            waiting.push(await world.connection(port, { host }));
            waiting.at(-1).send('GET', '/goods');
        }
        assert.equal(await gateway.start('--port', configured), port);
        assert.equal(gateway.host, '127.0.0.1');
        for (const each of waiting) {
            assert.equal((await each.response()).status, 503);
        }
    }
    assert.equal(gateway.said('FDSTORE=1'), 1, 'they were stored once');
    assert.equal(gateway.said('FDSTOREREMOVE=1'), 0);
    await gateway.stop();
});

test('a killed service that starts again from the store costs no request', async (world) => {
    const distributor = (await world.role('distributor')).port('distributor');
    // Less time to connect than a start takes.
    const config = { 'upstream.connect_timeout_ms': 50, 'gateway.request_timeout_ms': 15_000 };
    const gateway = await world.role('gateway', { distributor, config });
    const port = gateway.port('gateway');
    const goods = await unit.load(world, {
        command: ['service', 'goods'], role: 'goods', distributor,
    });
    await goods.start('--port', '0');
    await world.routed(port, ['/goods']);
    await goods.kill_all();
    const body = { name: 'pencil', category: 'office', price: 1, description: 'HB' };
    const requests = Array.from({ length: 4 }, () => [
        http(port, 'GET', '/goods'),
        http(port, 'POST', '/goods', { body }),
    ]).flat();
    await goods.start('--port', '0');
    for (const { status, text } of await Promise.all(requests)) {
        assert.ok(status === 200 || status === 201, `${status} ${text}`);
    }
    await goods.stop();
});

test('a restarted unit refuses nobody: connections wait for the next master', async (world) => {
    const gateway = await unit.load(world);
    const port = await gateway.start('--port', '0');
    assert.deepEqual(Object.keys(gateway.store), [name]);
    await gateway.stop();
    assert.deepEqual(Object.keys(gateway.store), [name]);
    const waiting = await world.connection(port);
    waiting.send('GET', '/goods');
    assert.equal(await gateway.start('--port', String(port)), port);
    assert.ok((await waiting.response()).status >= 400, 'nobody is registered, but it answers');
    await gateway.stop();
    await gateway.release();
    await assert_refused(world, port);
});

test('a drain that takes long takes the sockets out of the store', async (world) => {
    const gateway = await unit.load(world);
    const port = await gateway.start('--port', '0');
    const [worker] = children(gateway.pid);
    process.kill(worker, 'SIGSTOP'); // so it does not drain
    process.kill(gateway.pid, 'SIGTERM');
    await until('the store is empty', () => Object.keys(gateway.store).length === 0, 30_000);
    process.kill(worker, 'SIGCONT');
    await gateway.ended();
    await assert_refused(world, port);
});

test('stored sockets that are not what is configured are closed everywhere', async (world) => {
    const gateway = await unit.load(world);
    const port = await gateway.start('--port', '0');
    await gateway.kill_all();
    // An address that they are in the way of.
    const all = ['--host', '0.0.0.0', '--port', String(port)];
    assert.equal(await gateway.start(...all), port);
    assert.equal(gateway.said('FDSTOREREMOVE=1'), 1);
    assert.deepEqual(gateway.store, { [name]: 1 });
    assert.equal((await (await world.connection(port)).request('GET', '/goods')).status, 503);

    await gateway.kill_all();
    const other = ['--host', '127.0.0.2', '--port', String(port)];
    assert.equal(await gateway.start(...other), port);
    assert.deepEqual(gateway.store, { [name]: 1 });
    await assert_refused(world, port);
    await gateway.stop();
});

test('a master that was replaced in place leaves what was stored once', async (world) => {
    const gateway = await unit.load(world);
    const port = await gateway.start('--port', '0');
    const upgrade = ['ctl', '--runtime-dir', world.path('run'), 'upgrade', '--wait'];
    const { code, log } = await world.command(upgrade);
    assert.equal(code, 0, log);
    await until('the program after it reports', () => gateway.said('READY=1') === 2);
    assert.equal(gateway.said('FDSTORE=1'), 1);
    await gateway.kill_all();
    const waiting = await world.connection(port);
    waiting.send('GET', '/goods');
    assert.equal(await gateway.start('--port', '0'), port);
    assert.equal((await waiting.response()).status, 503);
    assert.equal(gateway.said('FDSTORE=1'), 1);
    await gateway.stop();
});
