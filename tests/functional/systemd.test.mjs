// SPDX-License-Identifier: Apache-2.0
// Notifications to systemd (sd_notify) and socket activation. The test acts as systemd.

import assert from 'node:assert/strict';
import path from 'node:path';

import { http } from './harness/http_client.mjs';
import { environment } from './harness/proc.mjs';
import { program } from './harness/program.mjs';
import { test } from './harness/test.mjs';
import { until } from './harness/until.mjs';
import { repository } from './harness/world.mjs';

const harness = path.join(repository, 'tests/functional/harness');

/** The service manager's socket: { env, datagrams(), lines() }. */
async function notify_socket(world) {
    const address = world.path('notify.sock');
    const script = path.join(harness, 'notify_socket.py');
    const listening =
        world.track(new program('service manager', 'python3', [script, address]));
    await until('the socket of the service manager', () =>
        listening.output.includes('READY notify'));
    const datagrams = () => listening.output.split('\n').filter((line) => line.startsWith('['))
        .map((line) => JSON.parse(line));
    return { env: { NOTIFY_SOCKET: address }, datagrams, lines: () => datagrams().flat() };
}

function activated(descriptors) {
    return ['python3', path.join(harness, 'activate.py'), descriptors];
}

test('msd notifies the service manager of start, state, reload, roll and stop', async (world) => {
    const manager = await notify_socket(world);
    const config = { 'supervision.soak_ms': 50, 'log.level': 'info' };
    const distributor = (await world.role('distributor')).port('distributor');
    const gateway = await world.role('gateway', {
        distributor, config, workers: 2, env: { ...manager.env, WATCHDOG_USEC: '400000' },
    });
    await until('READY', () => manager.lines().includes('READY=1'));
    const lines = manager.lines();
    const before_ready = lines.slice(0, lines.indexOf('READY=1'));
    assert.ok(before_ready.some((line) => /^EXTEND_TIMEOUT_USEC=\d{7,}$/.test(line)), lines);
    assert.ok(before_ready.includes('STATUS=starting, 0 of 2 workers ready: gateway 0/2'), lines);
    for (const datagram of manager.datagrams()) {
        assert.ok(datagram.includes(`MAINPID=${gateway.pid}`), datagram.join());
    }
    await until('STATUS=ready', () =>
        manager.lines().includes('STATUS=ready, 2 of 2 workers ready'));
    const signs = () => manager.lines().filter((line) => line === 'WATCHDOG=1').length;
    const so_far = signs();
    await until('three watchdog notifications', () => signs() >= so_far + 3);

    gateway.signal('SIGHUP');
    await until('RELOADING=1, then READY=1', () => {
        const all = manager.lines();
        const begin = all.indexOf('RELOADING=1');
        return begin >= 0 && /^MONOTONIC_USEC=\d+$/.test(all[begin + 1]) &&
            all.indexOf('READY=1', begin) > begin;
    });

    gateway.expect_deaths();
    gateway.signal('SIGUSR2');
    await until('the status of each step of a roll', () => {
        const text = manager.lines().join('\n');
        return text.includes('; rolling gateway/0, 0 of 2 done') &&
            text.includes('; rolling gateway/1, 1 of 2 done') && text.includes('; roll 1 done');
    });

    gateway.signal('SIGTERM');
    await gateway.exit;
    await until('STOPPING=1', () => manager.lines().includes('STOPPING=1'));
    const last = manager.lines();
    const stopping = last.indexOf('STOPPING=1');
    assert.ok(stopping > 0, last.join());
    assert.ok(last.slice(stopping).some((line) => line.startsWith('EXTEND_TIMEOUT_USEC=')));
    assert.ok(last.slice(stopping).some((line) => line.startsWith('STATUS=stopping, ')));
});

test('workers do not get the variables of the service manager', async (world) => {
    const manager = await notify_socket(world);
    const distributor = await world.role('distributor', {
        env: { ...manager.env, WATCHDOG_USEC: '60000000' },
        through: activated('distributor=tcp'),
    });
    const [{ pid }] = distributor.workers('distributor');
    const names = Object.keys(environment(pid));
    assert.ok(names.includes('MSD_WORKER'));
    const forbidden = /^(NOTIFY_SOCKET|WATCHDOG_.*|LISTEN_.*)$/;
    assert.deepEqual(names.filter((name) => forbidden.test(name)), []);
    await until('READY', () => manager.lines().includes('READY=1'));
    assert.ok(!manager.lines().includes('FDSTORE=1'), 'sockets of a .socket unit are not stored');
});

test('pools serve on the activated sockets with their names', async (world) => {
    const everything = world.spawn_msd(
        'msd up',
        ['up', '--workers', '1', '--distributor-port', '0', '--members-port', '0',
            '--purchases-port', '0', '--logs-port', '0', '--stores-port', '0', '--events-port', '0',
            ...world.own_dirs()],
        { through: activated('goods=tcp,msd-gateway.socket=tcp') },
    );
    const roles = [
        'distributor', 'gateway', 'goods', 'members', 'purchases', 'stores', 'events', 'logs',
    ];
    for (const name of roles) {
        await everything.ready(name);
    }
    everything.note_workers();
    // The configured ports, which msd would bind without the activation.
    assert.notEqual(everything.port('gateway'), 8000);
    assert.notEqual(everything.port('goods'), 9010);
    await world.routed(everything.port('gateway'));
    assert.equal((await http(everything.port('gateway'), 'GET', '/goods')).status, 200);
});

test('an activated descriptor of a wrong kind or name is refused with a remedy', async (world) => {
    for (const [descriptors, problem] of [
        ['gateway=udp', 'is a datagram socket; it has to be a listening TCP socket'],
        ['gateway=unix', 'is a UNIX socket; it has to be a listening TCP socket'],
        ['gateway=file', 'is not a socket; it has to be a listening TCP socket'],
        ['goods=tcp', "is named 'goods', but there is no such pool"],
    ]) {
        const refused = world.spawn_msd(
            'msd gateway',
            ['gateway', '--port', '0', ...world.own_dirs()],
            { through: activated(descriptors) },
        );
        refused.end_expected = true;
        assert.deepEqual(await refused.exit, { code: 78, signal: null }, descriptors);
        assert.ok(refused.log.includes(problem), refused.log);
    }
});
