// SPDX-License-Identifier: Apache-2.0
// systemd's file descriptor store keeps the listening sockets of a killed master for the next
// master. The test acts as systemd.

import assert from 'node:assert/strict';
import path from 'node:path';

import { all_gone } from './harness/control.mjs';
import { http } from './harness/http_client.mjs';
import { children, has_closed } from './harness/proc.mjs';
import { program } from './harness/program.mjs';
import { test } from './harness/test.mjs';
import { until } from './harness/until.mjs';
import { msd_binary, repository } from './harness/world.mjs';

const no_distributor = 1; // a port without a listener
const name = 'stored/gateway';

function kill(pid) {
    try {
        process.kill(pid, 'SIGKILL');
    } catch (error) {
        assert.equal(error.code, 'ESRCH');
    }
}

const gateway_unit = { command: ['gateway'], role: 'gateway', distributor: no_distributor };

/** A unit that runs one role of msd, by default `msd gateway`. */
class unit {
    static async load(world, what = gateway_unit) {
        const script = path.join(repository, 'tests/functional/harness/unit.py');
        const args = [script, world.path('notify.sock')];
        const systemd = world.track(new program('systemd', 'python3', args, { input: 'pipe' }));
        await until('the simulated systemd is ready', () => systemd.output.includes('READY unit'));
        return new unit(world, systemd, what);
    }

    constructor(world, systemd, { command, role, distributor }) {
        Object.assign(this, { world, systemd, command, role, distributor, starts: 0 });
    }

    /** All events so far. */
    events() {
        return this.systemd.output.split('\n').filter((line) => line.startsWith('{'))
            .map((line) => JSON.parse(line));
    }

    get pid() {
        return this.events().findLast(({ started }) => started).started;
    }

    /** The sockets in the store of the unit: { name: count }. */
    get store() {
        return this.events().findLast(({ store }) => store).store;
    }

    /** How often systemd got the notification `line`, from the process `pid` if it is given. */
    notified(line, pid) {
        const from = pid === undefined ? line : `MAINPID=${pid}`;
        return this.events()
            .filter(({ notified }) =>
                notified?.includes(line) && notified.includes(from)).length;
    }

    /** Starts the unit; returns the port of the role and sets `host` to its address. */
    async start(...args) {
        const command = [msd_binary, ...this.command];
        command.push('--distributor', `127.0.0.1:${this.distributor}`);
        command.push('--workers', '1', ...this.world.own_dirs(), ...args);
        this.systemd.child.stdin.write(`${JSON.stringify(command)}\n`);
        this.starts += 1;
        const line = new RegExp(`^READY ${this.role} (\\S+):(\\d+)$`, 'gm');
        const ready = () => [...this.systemd.output.matchAll(line)];
        await until(`${this.role} is ready`, () => ready().length === this.starts);
        await until('systemd gets READY=1', () => this.notified('READY=1', this.pid));
        const [, host, port] = ready().at(-1);
        this.host = host;
        return Number(port);
    }

    async ended() {
        const { pid } = this;
        await until('systemd reaps the master', () =>
            this.events().some(({ ended }) => ended === pid));
    }

    /** Kills the master and its workers, as systemd does after the main process is killed. */
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

    /** Empties the store, as systemd does after a stop that no start follows. */
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

test('no connection is refused between a killed master and the next one', async (world) => {
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
    assert.equal(gateway.notified('FDSTORE=1'), 1, 'the sockets are stored once');
    assert.equal(gateway.notified('FDSTOREREMOVE=1'), 0);
    await gateway.stop();
});

test('no request fails while a killed service starts with the stored sockets', async (world) => {
    const distributor = (await world.role('distributor')).port('distributor');
    // The connect timeout is shorter than a start.
    const config = { 'upstream.connect_timeout_ms': 50, 'gateway.request_timeout_ms': 15_000 };
    const gateway = await world.role('gateway', { distributor, config });
    const port = gateway.port('gateway');
    const goods = await unit.load(world, {
        command: ['service', 'goods'], role: 'goods', distributor,
    });
    const goods_port = await goods.start('--port', '0');
    await world.routed(port, ['/goods']);
    const has_noticed = has_closed(children(gateway.pid)[0], goods_port);
    await goods.kill_all();
    // A request that the gateway sends on a connection before it has read its end may be lost.
    await until('the gateway has read the end of its connections', has_noticed);
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

test('connections during the restart of a unit wait for the next master', async (world) => {
    const gateway = await unit.load(world);
    const port = await gateway.start('--port', '0');
    assert.deepEqual(Object.keys(gateway.store), [name]);
    await gateway.stop();
    assert.deepEqual(Object.keys(gateway.store), [name]);
    const waiting = await world.connection(port);
    waiting.send('GET', '/goods');
    assert.equal(await gateway.start('--port', String(port)), port);
    const { status } = await waiting.response();
    assert.ok(status >= 400, `status ${status}`); // no service is registered
    await gateway.stop();
    await gateway.release();
    await assert_refused(world, port);
});

test('a long drain removes the sockets from the store', async (world) => {
    const gateway = await unit.load(world);
    const port = await gateway.start('--port', '0');
    const [worker] = children(gateway.pid);
    process.kill(worker, 'SIGSTOP'); // so that it does not drain
    process.kill(gateway.pid, 'SIGTERM');
    await until('the store is empty', () => Object.keys(gateway.store).length === 0, 30_000);
    process.kill(worker, 'SIGCONT');
    await gateway.ended();
    await assert_refused(world, port);
});

test('stored sockets that do not match the configuration are closed and removed', async (world) => {
    const gateway = await unit.load(world);
    const port = await gateway.start('--port', '0');
    await gateway.kill_all();
    // An address that conflicts with the stored sockets.
    const all = ['--host', '0.0.0.0', '--port', String(port)];
    assert.equal(await gateway.start(...all), port);
    assert.equal(gateway.notified('FDSTOREREMOVE=1'), 1);
    assert.deepEqual(gateway.store, { [name]: 1 });
    assert.equal((await (await world.connection(port)).request('GET', '/goods')).status, 503);

    await gateway.kill_all();
    const other = ['--host', '127.0.0.2', '--port', String(port)];
    assert.equal(await gateway.start(...other), port);
    assert.deepEqual(gateway.store, { [name]: 1 });
    await assert_refused(world, port);
    await gateway.stop();
});

test('an in-place upgrade of the master does not store the sockets again', async (world) => {
    const gateway = await unit.load(world);
    const port = await gateway.start('--port', '0');
    const upgrade = ['ctl', '--runtime-dir', world.path('run'), 'upgrade', '--wait'];
    const { code, log } = await world.command(upgrade);
    assert.equal(code, 0, log);
    await until('the upgraded master sends READY=1', () => gateway.notified('READY=1') === 2);
    assert.equal(gateway.notified('FDSTORE=1'), 1);
    await gateway.kill_all();
    const waiting = await world.connection(port);
    waiting.send('GET', '/goods');
    assert.equal(await gateway.start('--port', '0'), port);
    assert.equal((await waiting.response()).status, 503);
    assert.equal(gateway.notified('FDSTORE=1'), 1);
    await gateway.stop();
});
