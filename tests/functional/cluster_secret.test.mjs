// SPDX-License-Identifier: Apache-2.0
// The cluster secret: with it everything works as without it. cluster_secret_attacks.test.mjs has
// the attacks.

import assert from 'node:assert/strict';
import fs from 'node:fs';

import { get_goods, load, post_goods, stored_goods } from './harness/load.mjs';
import {
    next_auth, nodes, opening, proof_of, prove, required, some_secret, start_with_secret,
    write_secrets,
} from './harness/proof.mjs';
import { serving } from './harness/serving.mjs';
import { test } from './harness/test.mjs';
import { until } from './harness/until.mjs';

test('with a secret every role works, rolls and is upgraded in place', async (world) => {
    const file = world.path('secret');
    const made = await world.command(['secret', 'new', file]);
    assert.equal(made.code, 0, made.log);
    const { up, master } = await serving(world, {
        workers: 1,
        config: { 'registry.secret_file': file },
    });
    const port = up.port('distributor');
    const buy = async () => {
        const purchase = { userid: 1, goodsid: 1 };
        assert.equal((await up.http('POST', '/purchases', { body: purchase })).status, 200);
    };
    const member = { username: 'a', password: 'b' };
    assert.equal((await up.http('POST', '/members', { body: member })).status, 200);
    await buy();
    const before = await nodes(world, port, '--secret-file', file);
    assert.equal(before.length, 7, before);

    // Connections from before a roll go on after it, at every stage of the proof.
    const secret = fs.readFileSync(file, 'utf8').trim();
    const follower = await world.packets(port);
    await prove(follower, secret);
    await follower.packet('the nodes', (packet) => packet.proto === 2);
    const half = await world.packets(port);
    const opened = opening();
    half.send({ auth: opened });
    const { challenge: answered } = await next_auth(half);
    const silent = await world.packets(port);
    await master.roll('distributor');
    half.send({ auth: { proof: proof_of(secret, 'initiator', opened, answered) } });
    await prove(silent, secret);
    for (const late of [half, silent]) {
        await late.packet('the nodes', (packet) => packet.proto === 2);
    }
    await master.roll();
    await master.ask({ command: 'upgrade' });
    await buy();
    follower.send({ uri: '/ping', method: 'GET', key: 7, params: {} });
    assert.equal((await follower.reply(7)).errorcode, 0);

    const at = ['--distributor', `127.0.0.1:${port}`, '--secret-file', file];
    const call = await world.command(['call', 'GET', '/goods', 'id=1', ...at]);
    assert.equal(call.code, 0, call.log + call.output);
    assert.deepEqual((await nodes(world, port, '--secret-file', file)).sort(), before.sort());
    assert.match(await nodes(world, port), required);
    const other = world.path('other');
    write_secrets(other, some_secret());
    assert.match(await nodes(world, port, '--secret-file', other), /does not hold the cluster/);
});

test('msd secret new makes a file for its owner only, and changes no file', async (world) => {
    const file = world.path('new');
    const made = await world.command(['secret', 'new', file]);
    assert.equal(made.code, 0, made.log);
    assert.match(made.output, /registry[^]*secret_file = /);
    const secret = fs.readFileSync(file, 'utf8');
    assert.match(secret, /^[0-9a-f]{64}\n$/);
    assert.ok(!made.output.includes(secret.trim()), 'the secret is not printed');
    assert.equal(fs.statSync(file).mode & 0o777, 0o600);
    const target = world.path('target');
    fs.symlinkSync(target, world.path('link'));
    for (const place of [file, world.path('link')]) {
        const { code, log } = await world.command(['secret', 'new', place]);
        assert.equal(code, 1);
        assert.match(log, /exists and is not changed/);
    }
    assert.equal(fs.readFileSync(file, 'utf8'), secret);
    assert.ok(!fs.existsSync(target));
    const nowhere = await world.command(['secret', 'new', world.path('no', 'directory')]);
    assert.deepEqual([nowhere.code, /No such file or directory/.test(nowhere.log)], [1, true]);

    fs.chmodSync(file, 0o644);
    const open = await world.command(['distributor', '--port', '0', '--secret-file', file]);
    assert.equal(open.code, 78);
    assert.match(open.log, /secret file .*: other users can read or change it/);
    write_secrets(world.path('weak'), '# weak', 'hush');
    const weak = await world.command(['nodes', '--secret-file', world.path('weak')]);
    assert.match(weak.log, /secret file .*weak: line 2 has 4 characters/);
    assert.ok(!weak.log.includes('hush'));
});

test('nodes of protocol 1 need an entry in registry.foreign_allowed', async (world) => {
    const allowed = { 'registry.foreign_allowed': '10.0.0.0/8, 127.0.0.1' };
    const { port, file, keys } = await start_with_secret(world, { config: allowed });
    const gateway = await world.role('gateway', { distributor: port, config: keys });
    await world.role('goods', { distributor: port, config: keys });
    await world.foreign('members', { distributor: port });
    const old_gateway = await world.foreign('gateway', { distributor: port });
    for (const front of [gateway, old_gateway]) {
        await world.routed(front.ready_ports().get('gateway'), ['/goods', '/members']);
    }
    assert.equal((await nodes(world, port, '--secret-file', file)).length, 4);
    // An msd node has to prove the secret at such an address, too.
    const client = await world.packets(port);
    await client.list('the list', () => true);
    client.register({ port: 1, name: 'x', urls: [], proto: 2 });
    assert.match((await client.reply(0)).errormessage, required);
});

test('a secret at one side only is reported by both', async (world) => {
    const file = world.path('secret');
    write_secrets(file, some_secret());
    const config = { 'registry.secret_file': file, 'registry.reconnect_ms': 100 };
    const with_secret = await world.role('distributor', { config });
    const without = await world.role('distributor');
    const unproven = await world.role('goods', {
        distributor: with_secret.port('distributor'),
        config: { 'registry.reconnect_ms': 100 },
    });
    const proven = await world.role('goods', { distributor: without.port('distributor'), config });
    await until('all have a line', () =>
        /the registry refuses this node: .*requires the cluster secret/.test(unproven.log) &&
        /refused 127\.0\.0\.1:\d+: this registry requires/.test(with_secret.log) &&
        /the registry refuses this node: this registry has no cluster secret/.test(proven.log) &&
        /refused 127\.0\.0\.1:\d+: this registry has no cluster secret/.test(without.log));
    assert.deepEqual(await nodes(world, without.port('distributor')), []);
    assert.deepEqual(
        await nodes(world, with_secret.port('distributor'), '--secret-file', file), []);
    const again = () => with_secret.log.match(/refused 127/g).length;
    await until('the node tries again', () => again() >= 3);
    assert.equal(unproven.log.match(/the registry refuses/g).length, 1, 'one line, many attempts');
});

test('HUP replaces the secret under load without a failed request', async (world) => {
    const file = world.path('secret');
    const [old_secret, new_secret] = [some_secret(), some_secret()];
    write_secrets(file, old_secret);
    const config = { 'registry.secret_file': file };
    const { up, master, port, expect } = await serving(world, { config });
    const distributor = up.port('distributor');
    const outsider = await world.packets(distributor);
    await prove(outsider, old_secret);
    await outsider.packet('the nodes', (packet) => packet.proto === 2);
    const running = new load(world, port, {
        kept: get_goods({ mode: 'kept', clients: 4, pause_ms: 20, expect }),
        posts: post_goods({ mode: 'kept', clients: 2, pause_ms: 40 }),
    });
    await running.answers(50);
    const pools = ['gateway', 'goods', 'distributor'];
    for (const secrets of [[new_secret, old_secret], [new_secret]]) {
        const before = new Map();
        for (const pool of pools) {
            before.set(pool, await master.pids(pool));
        }
        write_secrets(file, ...secrets);
        up.signal('SIGHUP');
        for (const pool of pools) {
            await until(`all workers of ${pool} are replaced`, async () =>
                (await master.slots(pool)).every(({ pid }) => !before.get(pool).includes(pid)),
            60_000);
        }
        await master.roll('logs'); // after the roll in progress
    }
    const seen = await running.stop();
    seen.assert_clean();
    seen.assert_written('posts', await stored_goods(up));
    assert.match(up.log, /changed: the content of registry\.secret_file/);
    // The old secret is of no use any more, not even for a connection from before.
    await until('the holder of the old secret is disconnected', () => outsider.saw_end);
    const late = await world.packets(distributor);
    await prove(late, old_secret);
    assert.match((await next_auth(late, 1)).refused, /does not hold the cluster secret/);

    const lines = up.log.split('\n').length;
    up.signal('SIGHUP');
    await until('nothing has changed', () =>
        up.log.split('\n').slice(lines - 1).join('\n').includes('nothing has changed'));
});

test('without a secret, ports beyond loopback are warned of', async (world) => {
    const config = { host: '0.0.0.0' };
    const exposed = await world.role('distributor', { config });
    assert.match(exposed.log, /there is no cluster secret, and other hosts can connect to distrib/);
    const [, file] = world.config(config);
    const check = await world.command(['check', file], { cwd: world.dir });
    assert.match(check.output + check.log, /note: there is no cluster secret, and other hosts/);
    const near = await world.role('distributor');
    assert.doesNotMatch(near.log, /cluster secret/);
    const secret = world.path('secret');
    write_secrets(secret, some_secret());
    const safe = await world.role('distributor', {
        config: { ...config, 'registry.secret_file': secret },
    });
    assert.doesNotMatch(safe.log, /there is no cluster secret/);
});

test('a registration names a host of its own, unless it is allowed or proven', async (world) => {
    const refusal = /is not the address 127\.0\.0\.1 from which this node connects/;
    const attempt = async (port, host, secret) => {
        const client = await world.packets(port);
        if (secret) {
            await prove(client, secret, { from: { name: 'x', host, port: 1 } });
        }
        client.register({ port: 1, name: 'x', urls: ['GET/x'], host, proto: 2 });
        const said = await client.packet('an answer', (packet) =>
            packet.errorcode === 1 || packet.epoch !== undefined);
        client.close();
        return said.errormessage ?? 'accepted';
    };
    const open = await world.role('distributor', {
        config: {
            'registry.allowed_hosts': '10.1.0.0/16, db.example',
            'registry.advertise': '192.0.2.7',
        },
    });
    const port = open.port('distributor');
    const own = ['127.0.0.1', '127.0.0.9', 'localhost', '192.0.2.7', ''];
    for (const host of [...own, '10.1.2.3', 'DB.example']) {
        assert.equal(await attempt(port, host), 'accepted', host);
    }
    for (const host of ['10.2.0.1', '203.0.113.9', 'example.com', '2001:db8::1']) {
        assert.match(await attempt(port, host), refusal, host);
    }
    const closed = await start_with_secret(world);
    assert.equal(await attempt(closed.port, '203.0.113.9', closed.secret), 'accepted');
    for (const host of ['0.0.0.0', '224.0.0.1', '169.254.169.254']) {
        assert.match(await attempt(closed.port, host, closed.secret), /^host '/, host);
        assert.match(await attempt(port, host), /^host '/, host);
    }
});
