// SPDX-License-Identifier: Apache-2.0
// Other users of the same machine: what they prepare in a data directory, lock or put in the place
// of a directory or file changes nothing for root and does not prevent a start.

import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';

import { skip_unless_root } from './harness/permitted.mjs';
import { free_port } from './harness/ports.mjs';
import { program, run } from './harness/program.mjs';
import { test } from './harness/test.mjs';
import { until } from './harness/until.mjs';
import { msd_binary, repository } from './harness/world.mjs';

const skip = skip_unless_root;
const nobody = 65534;
const as_nobody = ['setpriv', `--reuid=${nobody}`, `--regid=${nobody}`, '--clear-groups'];
const prepare = path.join(repository, 'tests/functional/harness/prepared_journal.py');
const limit_ms = 10_000; // a command that is not refused may run forever

/** A directory or file of that user; `text`: it is a file. */
function make(file, { owner = 0, mode = 0o700, text } = {}) {
    if (text === undefined) {
        fs.mkdirSync(file, { recursive: true });
    } else {
        fs.writeFileSync(file, text);
    }
    fs.chmodSync(file, mode);
    fs.chownSync(file, owner, owner);
    return file;
}

/** A link of that user. */
function link(file, target, owner = 0) {
    fs.symlinkSync(target, file);
    fs.lchownSync(file, owner, owner);
    return file;
}

function give(directory, owner) {
    for (const name of fs.readdirSync(directory)) {
        fs.chownSync(path.join(directory, name), owner, owner);
    }
    fs.chownSync(directory, owner, owner);
}

/** A world that every user may enter, and a data directory of nobody with empty databases. */
async function data_of_nobody(world) {
    fs.chmodSync(world.dir, 0o755);
    const data = make(world.path('data'), { owner: nobody });
    const made = await run(as_nobody[0], [
        ...as_nobody.slice(1), msd_binary, 'migrate', '--data-dir', data,
    ]);
    assert.equal(made.code, 0, made.log);
    return data;
}

/** Runs a program that holds a lock on `file` as nobody. */
async function lock_as_nobody(world, file) {
    const holder = world.track(new program('a neighbour', as_nobody[0], [
        ...as_nobody.slice(1), 'flock', '--nonblock', '--no-fork', file,
        'sh', '-c', 'echo locked; exec sleep 600',
    ]));
    await until('the neighbour has its lock', () => holder.output.includes('locked'));
}

async function refused(world, args, expected, code = 1) {
    const ended = await world.command(args, { limit_ms });
    assert.equal(ended.code, code, `${args.join(' ')}: ${ended.output}${ended.log}`);
    assert.match(ended.log, expected);
}

test('commands of root delete no file that the owner of a data directory names', { skip },
    async (world) => {
        fs.chmodSync(world.dir, 0o755);
        const data = world.path('data');
        const config = world.path('check.toml');
        fs.writeFileSync(config, `data_dir = "${data}"\n`);
        make(world.path('shop'));
        const victim = world.path('victim');
        const prepared = make(world.path('prepared'));
        make(victim, { text: 'of root', mode: 0o600 });
        const made = await run('python3', [prepare, path.join(prepared, 'goods.db'), victim]);
        assert.equal(made.code, 0, made.log);
        for (const [args, is_read_only] of [
            [['migrate', '--dry-run', '--data-dir', data], true],
            [['check', config], true],
            [['migrate', '--data-dir', data], false],
            [['export', world.path('shop'), '--data-dir', data], false],
            [['compare', world.path('shop'), '--data-dir', data], false],
            [['import', `sqlite:${data}`, '--data-dir', world.path('new')], false],
        ]) {
            fs.cpSync(prepared, make(data), { recursive: true });
            give(data, nobody);
            const done = await world.command(args, { limit_ms });
            assert.ok(fs.existsSync(victim), `${args[0]} deleted the file: ${done.log}`);
            if (is_read_only) {
                assert.equal(done.code, 0, done.log);
                assert.ok(fs.existsSync(path.join(data, 'goods.db-journal')), args[0]);
                assert.deepEqual(fs.readdirSync(data).sort(), ['goods.db', 'goods.db-journal']);
            }
            if (args[0] === 'check') {
                assert.match(done.output, /note: .*goods\.db-journal is from an interrupted/);
            }
            fs.rmSync(data, { recursive: true });
        }
    });

test('commands of root open a data directory as its owner, and export as root', { skip },
    async (world) => {
        const data = await data_of_nobody(world);
        const shop = world.path('shop');
        const dirs = ['--data-dir', data];
        assert.equal((await world.command(['export', shop, ...dirs])).code, 0);
        for (const name of ['', 'goods.jsonl', 'members.jsonl', 'purchases.jsonl',
            'stores.jsonl']) {
            const facts = fs.statSync(path.join(shop, name));
            assert.equal(facts.uid, 0, name);
            assert.equal(facts.mode & 0o777, name === '' ? 0o700 : 0o600, name);
        }
        // Only root can read the files of the export.
        const again = await world.command(['import', shop, ...dirs]);
        assert.equal(again.code, 0, again.log);
        assert.equal((await world.command(['compare', shop, ...dirs])).code, 0);
        await refused(world, ['export', shop, ...dirs], /goods\.jsonl is a complete export/);
        for (const name of fs.readdirSync(data)) {
            assert.equal(fs.statSync(path.join(data, name)).uid, nobody, name);
        }
        const other = make(world.path('other'), { owner: 1 });
        await refused(world, ['compare', `sqlite:${other}`, ...dirs], /no user may open both/);

        // The configured user gets a new directory.
        const fresh = world.path('fresh');
        const name = String(nobody);
        const config = world.config({ data_dir: fresh, user: name, group: name });
        const made = await world.command(['migrate', ...config]);
        assert.equal(made.code, 0, made.log);
        assert.equal(fs.statSync(path.join(fresh, 'goods.db')).uid, nobody);
    });

test('a lock of another user on the pid file does not prevent a start', { skip }, async (world) => {
    fs.chmodSync(world.dir, 0o755);
    make(world.path('run'), { mode: 0o755 });
    const port = await free_port();
    const first = await world.role('distributor', { port });
    first.expect_deaths();
    first.end_expected = true;
    const pid_file = world.path('run', `distributor-${port}.pid`);
    await refused(
        world,
        ['distributor', '--port', String(port), '--host', '127.0.0.2', ...world.own_dirs()],
        new RegExp(`already running as pid ${first.pid} `),
    );
    first.signal('SIGKILL');
    await first.exit;
    await lock_as_nobody(world, pid_file); // everybody may read it
    const second = await world.role('distributor', { port });
    assert.equal(fs.readFileSync(pid_file, 'utf8'), `${second.pid}\n`);
    // Nothing in the runtime directory that other users can open is locked.
    for (const name of fs.readdirSync(world.path('run'))) {
        if (name.endsWith('.pid') || name.endsWith('.sock')) {
            continue;
        }
        assert.equal(fs.statSync(world.path('run', name)).mode & 0o077, 0, name);
    }
});

test('directories of others, and those that others can write to, are refused', { skip },
    async (world) => {
        fs.chmodSync(world.dir, 0o755);
        const good = make(world.path('good'));
        const foreign = make(world.path('foreign'), { owner: nobody });
        const open = make(world.path('open'), { mode: 0o777 });
        const group = make(world.path('group'), { mode: 0o770 });
        const sticky = make(world.path('sticky'), { mode: 0o1777 });
        const linked = link(world.path('linked'), good, nobody);
        const start = (data, runtime, log = '-') => ['service', 'goods', '--port', '0',
            '--data-dir', data, '--runtime-dir', runtime, '--log-file', log];
        const is_foreign = /belongs to user 65534, but this process has user 0: run msd as user/;
        const is_open = /other users can write to .* \(mode [0-7]+\): .*chmod go-w/;
        for (const [directory, expected] of [
            [foreign, is_foreign], [linked, is_foreign],
            [open, is_open], [group, is_open], [sticky, is_open],
        ]) {
            await refused(world, start(directory, good), expected);
            await refused(world, start(good, directory), expected);
            if (directory !== sticky) { // /tmp
                const log = path.join(directory, 'msd.log');
                await refused(world, start(good, world.path('run'), log), expected);
            }
        }
        assert.deepEqual(fs.readdirSync(foreign), []);
        assert.deepEqual(fs.readdirSync(open), []);
    });

test('files that others put in the place of a log, lock or database are refused', { skip },
    async (world) => {
        fs.chmodSync(world.dir, 0o755);
        const tmp = make(world.path('tmp'), { mode: 0o1777 });
        const victim = make(world.path('victim'), { text: 'of root', mode: 0o600 });
        const file = (name) => path.join(tmp, name);
        make(file('foreign'), { owner: nobody, mode: 0o666, text: '' });
        make(file('open'), { mode: 0o666, text: '' });
        fs.linkSync(victim, file('hard'));
        link(file('soft'), victim, nobody);
        await run('mkfifo', [file('fifo')]);
        fs.chownSync(file('fifo'), nobody, nobody);
        const log_to = (log) => ['distributor', '--port', '0', ...world.own_dirs(),
            '--log-file', log];
        for (const [name, expected] of [
            ['foreign', /belongs to user 65534/], ['open', /other users can write to/],
            ['hard', /has 2 names \(hard links\)/], ['soft', /belongs to user 65534/],
            // Without a reader a FIFO is refused in any case.
            ['fifo', /no process reads it|belongs to user 65534/],
        ]) {
            await refused(world, log_to(file(name)), expected);
        }
        const data = make(world.path('data'));
        for (const name of ['goods.lock', 'goods.db', 'goods.db-wal']) {
            link(path.join(data, name), victim);
            await refused(world, ['migrate', '--data-dir', data], /is not a regular file|symbolic/);
            fs.rmSync(data, { recursive: true });
            make(data);
        }
        make(path.join(data, 'goods.db'), { owner: nobody, mode: 0o644, text: '' });
        await refused(world, ['migrate', '--data-dir', data], /goods\.db belongs to user 65534/);
        assert.equal(fs.readFileSync(victim, 'utf8'), 'of root');

        // A link of root to a directory, as a service manager makes it, is followed.
        make(world.path('private'));
        link(world.path('linked'), 'private');
        const log = link(world.path('msd.log'), world.path('private', 'msd.log'));
        const linked = ['--data-dir', world.path('linked', 'data'), '--runtime-dir',
            world.path('linked')];
        const started = world.spawn_msd('msd service goods',
            ['service', 'goods', '--port', '0', ...linked, '--log-file', log]);
        await started.ready('goods');
        assert.match(fs.readFileSync(world.path('private', 'msd.log'), 'utf8'), /goods/);
    });

test('an export writes only to files and directories of its user', { skip }, async (world) => {
    const data = await data_of_nobody(world);
    const tmp = make(world.path('tmp'), { mode: 0o1777 });
    const victim = make(world.path('victim'), { text: 'of root', mode: 0o600 });
    const to = (directory) => ['export', '--service', 'goods', directory, '--data-dir', data];
    const planted = path.join(tmp, 'goods.jsonl');
    for (const plant of [
        () => link(planted, victim), () => link(planted, victim, nobody),
        () => fs.linkSync(victim, planted),
        () => make(planted, { owner: nobody, mode: 0o666, text: '' }),
        () => make(planted, { mode: 0o666, text: '' }),
        () => fs.mkdirSync(planted),
    ]) {
        plant();
        const ended = await world.command(to(tmp), { limit_ms });
        assert.equal(ended.code, 1, `${plant}: ${ended.log}`);
        assert.equal(fs.readFileSync(victim, 'utf8'), 'of root', String(plant));
        fs.rmSync(planted, { recursive: true });
    }
    await refused(world, to(make(world.path('foreign'), { owner: nobody })), /belongs to user 655/);
    await refused(world, to(make(world.path('open'), { mode: 0o777 })), /chmod go-w/);
    assert.equal((await world.command(to(tmp))).code, 0);
    assert.equal(fs.statSync(planted).mode & 0o777, 0o600);

    // An export that fails leaves no part of it behind.
    const broken = make(world.path('broken'));
    const shop = world.path('shop');
    const script = 'import sqlite3,sys\non=sqlite3.connect(sys.argv[1])\n' +
        'on.execute("CREATE TABLE goods(id INTEGER)")\non.commit()\n';
    await run('python3', ['-c', script, path.join(broken, 'goods.db')]);
    const failing = ['export', '--service', 'goods', shop, '--data-dir', broken];
    await refused(world, failing, /no such column/);
    assert.deepEqual(fs.readdirSync(shop), []);
});

test('an import reads regular files only, and no hash that costs too much', { skip },
    async (world) => {
        const data = await data_of_nobody(world);
        const dirs = ['--data-dir', data];
        const shop = make(world.path('shop'));
        const file = path.join(shop, 'goods.jsonl');
        const from = ['import', '--service', 'goods', shop, ...dirs];
        for (const plant of [
            () => run('mkfifo', [file]), () => fs.mkdirSync(file), () => link(file, '/dev/zero'),
        ]) {
            await plant();
            await refused(world, from, /goods\.jsonl is not a regular file/);
            fs.rmSync(file, { recursive: true });
        }
        const hash = '$argon2id$v=19$m=38913,t=2,p=1$AAAAAAAAAAAAAAAAAAAAAA$' + 'A'.repeat(43);
        const rows = ['{"msd_export":1,"service":"members"}',
            JSON.stringify({ id: 1, username: 'a', password_hash: hash.replace('38913', '38912') }),
            JSON.stringify({ id: 2, username: 'b', password_hash: hash })];
        const script = 'import hashlib,sys\nprint(hashlib.blake2b(sys.stdin.buffer.read(),' +
            'digest_size=32).hexdigest())';
        const text = world.path('rows');
        fs.writeFileSync(text, `${rows.slice(1).join('\n')}\n`);
        const digest = await run('sh', ['-c', 'python3 -c "$0" < "$1"', script, text]);
        rows.push(`{"rows":2,"next_id":3,"digest":"${digest.output.trim()}"}\n`);
        fs.writeFileSync(path.join(shop, 'members.jsonl'), rows.join('\n'));
        await refused(
            world,
            ['import', '--service', 'members', shop, ...dirs],
            /members\.jsonl:3: password_hash: the argon2id hash costs m=38913,t=2,p=1; at most/,
        );
    });
