// SPDX-License-Identifier: Apache-2.0
// Roles that run as different users, as the systemd units start them: a role that an attacker
// controls reaches neither the data nor the control sockets of the others.

import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';

import { skip_unless_root } from './harness/permitted.mjs';
import { run } from './harness/program.mjs';
import { test } from './harness/test.mjs';
import { msd_binary } from './harness/world.mjs';

const skip = skip_unless_root;

// As in systemd/msd.tmpfiles.conf; any numbers will do.
const admins = 64200;
const users = {
    distributor: 64201, gateway: 64202, goods: 64203, members: 64204, purchases: 64205,
    stores: 64206,
};

const services = ['goods', 'members', 'purchases', 'stores'];

const as = (id, ...groups) => [
    'setpriv', '--reuid', String(id), '--regid', String(id),
    ...(groups.length > 0 ? ['--groups', groups.join()] : ['--clear-groups']),
];

function make_directory(name, mode, uid, gid) {
    fs.mkdirSync(name);
    fs.chownSync(name, uid, gid);
    fs.chmodSync(name, mode);
}

/** The documented directories, a program that every user may execute, and the four roles. */
async function start_roles(world) {
    fs.chmodSync(world.dir, 0o755);
    const binary = world.path('msd');
    fs.copyFileSync(msd_binary, binary);
    for (const name of ['data', 'run']) {
        make_directory(world.path(name), 0o755, 0, 0);
    }
    for (const [role, id] of Object.entries(users)) {
        make_directory(world.path('run', role), 0o2750, id, admins);
        if (role !== 'distributor' && role !== 'gateway') {
            make_directory(world.path('data', role), 0o700, id, id);
        }
    }
    let distributor;
    const start = async (role) => {
        const started = await world.role(role, { distributor, binary, through: as(users[role]) });
        distributor ??= started.port(role);
        return started;
    };
    for (const role of ['distributor', 'goods', 'members']) {
        await start(role);
    }
    const gateway = await start('gateway');
    await world.routed(gateway.port('gateway'), ['/goods', '/members']);
    return gateway;
}

test('a role reaches neither the data nor the control socket of another one', { skip },
    async (world) => {
        const gateway = await start_roles(world);
        const made = await gateway.http('POST', '/members', {
            body: JSON.stringify({ username: 'a', password: 'b' }),
        });
        assert.equal(made.status, 200, made.text);

        const database = world.path('data', 'members', 'members.db');
        assert.equal(fs.statSync(database).uid, users.members);
        assert.equal(fs.statSync(path.dirname(gateway_socket(world))).mode & 0o7777, 0o2750);
        const by = (user, ...command) => {
            const [first, ...rest] = [...user, ...command];
            return run(first, rest);
        };
        assert.equal((await by(as(users.members), 'cat', database)).code, 0);
        for (const role of ['gateway', 'distributor', 'goods']) {
            const reading = await by(as(users[role]), 'cat', database);
            assert.notEqual(reading.code, 0, role);
            const listing = await by(as(users[role]), 'ls', path.dirname(database));
            assert.notEqual(listing.code, 0, role);
        }

        // Each role sees itself only; an administrator sees all of them.
        const status = async (user) => {
            const { output } = await by(
                user, world.path('msd'), 'status', '--json', '--runtime-dir', world.path('run'),
            );
            return JSON.parse(output).instances.map((each) => each.instance.split('-')[0]);
        };
        assert.deepEqual(await status(as(users.gateway)), ['gateway']);
        const everything = ['distributor', 'gateway', 'goods', 'members'];
        assert.deepEqual(await status(as(admins + 99, admins)), everything);
        const stopping = await by(
            as(users.gateway), world.path('msd'), 'ctl', '--runtime-dir', world.path('run'),
            '-i', `goods-${port_of(world, 'goods')}`, 'stop',
        );
        assert.equal(stopping.code, 1, stopping.log);
        assert.match(stopping.log, /members of the group msd/);
    });

test('commands of root open the data of each service as its owner', { skip }, async (world) => {
    await start_roles(world);
    const data = ['--data-dir', world.path('data')];
    const command = async (...args) => {
        const done = await world.command([...args, ...data]);
        assert.equal(done.code, 0, done.log);
        return done.output;
    };
    const migrated = JSON.parse(await command('migrate', '--json'));
    assert.deepEqual(migrated.map((each) => each.service), services);
    const files = fs.readdirSync(world.path('data'), { recursive: true });
    assert.ok(files.includes('purchases/purchases.db'), files.join());
    assert.ok(!files.includes('purchases.db') && !files.includes('goods/members.db'), files.join());

    const exported = JSON.parse(await command('export', world.path('export'), '--json'));
    assert.deepEqual(exported.map((each) => each.service), services);
    const table = await command('compare', world.path('export'));
    assert.equal(table.match(/EQUAL/g).length, 4, table);

    const config = world.path('check.toml');
    fs.writeFileSync(config, `data_dir = ${JSON.stringify(world.path('data'))}\n`);
    const checked = await world.command(['check', config, '--json']);
    assert.equal(checked.code, 0, checked.log);
    const { store } = JSON.parse(checked.output);
    assert.equal(store.where, world.path('data'));
    assert.deepEqual(store.schemas.map((each) => each.service), services);
    assert.ok(store.schemas.every((each) => each.found === each.wanted), checked.output);

    const all_in_one = await world.command(['up', ...data, '--runtime-dir', world.path('up')]);
    assert.equal(all_in_one.code, 78, all_in_one.log);
    assert.match(all_in_one.log, /has a directory for each service/);
});

function gateway_socket(world) {
    const [name] = fs.readdirSync(world.path('run', 'gateway')).filter((each) =>
        each.endsWith('.sock'));
    return world.path('run', 'gateway', name);
}

function port_of(world, role) {
    const found = world.programs.find((each) => each.ready_ports().has(role));
    return found.port(role);
}
