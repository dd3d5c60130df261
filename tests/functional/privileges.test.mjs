// SPDX-License-Identifier: Apache-2.0
// Started as root, msd binds its ports, creates its files and switches to another user.

import assert from 'node:assert/strict';
import fs from 'node:fs';

import { own_network, skip_unless_root, skip_without_networks } from './harness/permitted.mjs';
import { children } from './harness/proc.mjs';
import { run } from './harness/program.mjs';
import { sanitized } from './harness/scale.mjs';
import { test } from './harness/test.mjs';
import { until } from './harness/until.mjs';
import { roles } from './harness/world.mjs';

const nobody = 65534;
const skip = skip_unless_root;

/** User, group and capabilities of a process, from /proc/PID/status. */
function credentials(pid) {
    const text = fs.readFileSync(`/proc/${pid}/status`, 'utf8');
    const field = (name) => new RegExp(`^${name}:\\s+(.*)$`, 'm').exec(text)[1].split(/\s+/);
    return {
        uid: [...new Set(field('Uid').map(Number))],
        gid: [...new Set(field('Gid').map(Number))],
        capabilities: field('CapEff')[0] + field('CapPrm')[0],
        new_privileges: field('NoNewPrivs')[0] === '0',
    };
}

function assert_is_nobody(pid) {
    const none = '0'.repeat(32);
    const expected = {
        uid: [nobody], gid: [nobody], capabilities: none, new_privileges: false,
    };
    assert.deepEqual(credentials(pid), expected, `pid ${pid}`);
}

function owner_and_mode(file) {
    const facts = fs.statSync(file);
    return [facts.uid, facts.gid, (facts.mode & 0o7777).toString(8)];
}

/** Lets every user enter the directory of the world, as with /var. */
function open_world(world) {
    fs.chmodSync(world.dir, 0o755);
}

test('msd started as root binds, creates directories and files, then runs as nobody', { skip },
    async (world) => {
        open_world(world);
        const log = world.path('msd.log');
        const up = await world.up({
            args: ['--user', 'nobody', '--group', String(nobody), '--log-file', log],
        });
        const processes = [up.pid, ...children(up.pid)];
        assert.equal(processes.length, 1 + roles.length);
        processes.forEach(assert_is_nobody);
        const [gateway] = up.workers('gateway');
        const soft_and_hard = /^Max open files +(\d+) +(\d+)/m
            .exec(fs.readFileSync(`/proc/${gateway.pid}/limits`, 'utf8'));
        assert.equal(soft_and_hard[1], soft_and_hard[2]);

        const instance = `up-${up.port('gateway')}`;
        for (const [name, mode] of [
            ['data', '700'], ['data/goods.db', '600'], ['run', '700'],
            [`run/${instance}.pid`, '644'], [`run/${instance}.sock`, '660'], ['msd.log', '600'],
        ]) {
            assert.deepEqual(owner_and_mode(world.path(name)), [nobody, nobody, mode], name);
        }
        const goods = { name: 'a', category: 'b', price: 1, description: 'c' };
        assert.equal((await up.http('POST', '/goods', { body: goods })).status, 200);

        // A worker that starts later runs as nobody, too.
        up.expect_deaths();
        process.kill(gateway.pid, 'SIGKILL');
        await until('the worker is replaced', () => up.workers('gateway').some(
            ({ pid }) => pid !== gateway.pid));
        await until('the gateway answers', async () =>
            (await up.http('GET', '/goods')).status === 200);
        up.workers().forEach(({ pid }) => assert_is_nobody(pid));
        assert.equal((await up.stop('SIGTERM')).code, 0);
        assert.ok(!fs.existsSync(world.path(`run/${instance}.pid`)), 'the pid file is removed');
        assert.doesNotMatch(fs.readFileSync(log, 'utf8'), /runs as root| error /);
    });

test('a master that has switched its user can log to /dev/stderr', { skip },
    async (world) => {
        open_world(world);
        const distributor = await world.role('distributor', {
            args: ['--user', 'nobody', '--log-file', '/dev/stderr'],
        });
        assert_is_nobody(distributor.pid);
        const [worker] = distributor.workers();
        const mode = () => fs.lstatSync('/dev/stderr').uid;
        assert.equal(mode(), 0);
        const node = await world.packets(distributor.port('distributor'));
        node.register({ port: 1, name: 'node', urls: [] });
        await until('the worker logs', () =>
            new RegExp(` info distributor\\[0\\] ${worker.pid} `).test(distributor.log));
        assert.equal((await distributor.stop('SIGTERM')).code, 0);
        assert.match(distributor.log, new RegExp(` info master ${distributor.pid} stopped`));
    });

test('a port below 1024 is bound by root and served by the user nobody',
    { skip: skip || skip_without_networks }, async (world) => {
        open_world(world);
        const all = ['up', '--gateway-port', '80', '--workers', '1', '--user', 'nobody'];
        const up = world.spawn_msd('msd up', [...all, ...world.own_dirs()], {
            through: own_network,
        });
        for (const role of roles) {
            await up.ready(role);
        }
        up.note_workers();
        assert.equal(up.port('gateway'), 80);
        [up.pid, ...children(up.pid)].forEach(assert_is_nobody);
        const ask = 'fetch("http://127.0.0.1/goods").then((r) => process.exit(r.ok ? 0 : 1))';
        await until('the gateway answers on port 80', async () => {
            const asked = await run('nsenter', [
                '-t', String(up.pid), '-n', process.execPath, '-e', ask,
            ]);
            return asked.code === 0;
        });
    });

test('files of an earlier instance that ran as root are given to the new user', { skip },
    async (world) => {
        open_world(world);
        const goods = { name: 'kept', category: 'b', price: 1, description: 'c' };
        const first = await world.up();
        assert.equal((await first.http('POST', '/goods', { body: goods })).status, 200);
        assert.match(first.log, /warning master \d+ runs as root, and so do its workers/);
        await first.stop('SIGTERM');
        assert.equal(fs.statSync(world.path('data/goods.db')).uid, 0);

        const second = await world.up({ args: ['--user', 'nobody'] });
        const kept = await second.http('GET', '/goods');
        assert.equal(kept.json.results[0].name, 'kept');
        assert.equal((await second.http('POST', '/goods', { body: goods })).status, 200);
    });

test('no warning is logged when root is the configured user', { skip }, async (world) => {
    const distributor = await world.role('distributor', { args: ['--user', 'root'] });
    assert.doesNotMatch(distributor.log, /runs as root/);
});

test('an unknown or unsuitable user is refused with a remedy', { skip },
    async (world) => {
        open_world(world);
        const role = ['distributor', '--port', '0', ...world.own_dirs()];
        for (const [args, code, text] of [
            [['--user', 'no-such-user'], 78, "user: there is no user 'no-such-user'"],
            [['--user', 'nobody', '--group', 'no-such'], 78, "group: there is no group 'no-such'"],
            [['--group', 'daemon'], 78, 'group: needs a user, too'],
        ]) {
            const refused = await world.command([...role, ...args]);
            assert.deepEqual([refused.code, refused.log], [code, `msd: ${text}\n`]);
        }
        fs.mkdirSync(world.path('roots'), { mode: 0o755 });
        const closed = await world.command([
            'service', 'goods', '--port', '0', '--user', 'nobody',
            '--data-dir', world.path('roots'), '--runtime-dir', world.path('run'),
        ]);
        assert.equal(closed.code, 1);
        assert.equal(
            closed.log,
            `msd: user ${nobody} cannot use the directory ${world.path('roots')}: Permission ` +
                'denied; give it to that user, or choose another one\n',
        );
    });

test('msd that is not started as root keeps its user', { skip }, async (world) => {
    fs.chmodSync(world.dir, 0o777);
    const through = ['setpriv', '--reuid=nobody', '--regid=nogroup', '--clear-groups'];
    const own = await world.role('distributor', { through, args: ['--user', 'nobody'] });
    assert.deepEqual(credentials(own.pid).uid, [nobody]);
    assert.doesNotMatch(own.log, /runs as root/);
    const refused = world.spawn_msd(
        'msd distributor',
        ['distributor', '--port', '0', '--user', 'daemon', ...world.own_dirs()],
        { through },
    );
    refused.end_expected = true;
    assert.equal((await refused.exit).code, 78);
    assert.match(refused.log, /only root can switch to another user; this process has user 65534/);
});

test('a hung worker writes a core file when that is configured', { skip: skip || sanitized },
    async (world) => {
        fs.chmodSync(world.dir, 0o777);
        const pattern = fs.readFileSync('/proc/sys/kernel/core_pattern', 'utf8').trim();
        const limit_of = (pid) => /^Max core file size +(\S+)/m
            .exec(fs.readFileSync(`/proc/${pid}/limits`, 'utf8'))[1];
        const inside = ['sh', '-c', 'cd "$0" && exec prlimit --core=unlimited "$@"', world.dir];
        const plain = await world.role('distributor', { through: inside });
        assert.equal(limit_of(plain.workers()[0].pid), '0');

        const dumping = await world.role('distributor', {
            through: inside, args: ['--user', 'nobody'],
            config: { 'supervision.core_dumps': true },
        });
        dumping.expect_deaths();
        const [worker] = dumping.workers();
        assert.equal(limit_of(worker.pid), 'unlimited');
        process.kill(worker.pid, 'SIGABRT'); // the signal that the master sends to a hung worker
        await until('the end of the worker is logged', () =>
            dumping.log.includes('signal 6 (Aborted)'));
        // With other patterns the kernel passes cores to a program or writes them elsewhere.
        if (!/^\||\//.test(pattern)) {
            assert.match(dumping.log, /signal 6 \(Aborted\), core dumped/);
            assert.ok(fs.readdirSync(world.dir).some((name) => name.startsWith('core')));
        }
    });
