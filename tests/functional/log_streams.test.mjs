// SPDX-License-Identifier: Apache-2.0
// Log destinations: closed standard descriptors, pipes and terminals without a reader, a file that
// cannot grow, the journal. None of them may block a process.

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

import { packet_client } from './harness/packet_client.mjs';
import { children } from './harness/proc.mjs';
import { program, run } from './harness/program.mjs';
import { test } from './harness/test.mjs';
import { until } from './harness/until.mjs';
import { msd_binary } from './harness/world.mjs';

const here = path.dirname(fileURLToPath(import.meta.url));
const on_terminal = path.join(here, 'harness', 'on_terminal.py');

/** A command that runs a program in a shell with the redirection `how`: `2>&-`. */
const redirected = (how) => ['sh', '-c', `exec "$@" ${how}`, 'sh'];

const standard = (pid) => [0, 1, 2].map((fd) => fs.readlinkSync(`/proc/${pid}/fd/${fd}`));

/** Sends `count` registrations; a distributor logs each in a line of about 200 bytes. */
async function register(world, port, count) {
    const node = await world.packets(port);
    for (let n = 0; n < count; ++n) {
        node.register({ port: 1 + n, name: 'n'.repeat(120), urls: [] });
    }
    await node.list('the last registration', (list) => list.some((each) => each.port === count));
    return node;
}

/** Asserts that a distributor accepts a new node. */
async function assert_serves(port) {
    const node = await packet_client.open(port);
    node.register({ port: 40_000, name: 'late', urls: [] });
    await node.list('itself', (list) => list.some(({ name }) => name === 'late'));
    node.close();
}

test('closed standard descriptors are /dev/null in master and workers, also after an upgrade',
    async (world) => {
        const log = world.path('msd.log');
        const all = ['distributor', '--port', '0', '--log-file', log, ...world.own_dirs()];
        const started = world.spawn_msd('msd distributor', all, {
            through: redirected('<&- >&- 2>&-'),
        });
        const ask = async (...args) => {
            const { code, output } = await world.command([...args, ...world.own_dirs()]);
            return code === 0 && output;
        };
        const status = () => until('the instance is ready', async () => {
            const text = await ask('ctl', 'status', '--json');
            const found = text && JSON.parse(text).instances[0];
            return found && found.state === 'ready' && found;
        });
        const processes = async () => [started.pid, (await status()).pools[0].slots[0].pid];
        const nowhere = ['/dev/null', '/dev/null', '/dev/null'];
        for (const pid of await processes()) {
            assert.deepEqual(standard(pid), nowhere);
        }
        assert.notEqual(await ask('ctl', 'upgrade', '--wait'), false);
        for (const pid of await processes()) {
            assert.deepEqual(standard(pid), nowhere);
        }
        await assert_serves((await status()).pools[0].port);
        assert.doesNotMatch(fs.readFileSync(log, 'utf8'), / error /);
    });

test('with standard error closed no log line is written to another descriptor', async (world) => {
    const distributor = await world.role('distributor', { through: redirected('2>&-') });
    for (const pid of [distributor.pid, distributor.workers()[0].pid]) {
        assert.equal(standard(pid)[2], '/dev/null');
    }
    await assert_serves(distributor.port('distributor'));
});

test('a full pipe as standard error blocks neither workers nor the master', async (world) => {
    const pipe = world.path('pipe');
    assert.equal((await run('mkfifo', [pipe])).code, 0);
    const holder = spawn('sh', ['-c', 'exec 3<"$0"; exec sleep 600', pipe], { stdio: 'ignore' });
    world.on_close(() => holder.kill('SIGKILL'));
    const distributor = await world.role('distributor', { through: redirected(`2>'${pipe}'`) });
    const port = distributor.port('distributor');
    await register(world, port, 600);
    await assert_serves(port);
    const { code } = await world.command(['ctl', 'status', '--json', ...world.own_dirs()]);
    assert.equal(code, 0);
    assert.deepEqual(await distributor.stop('SIGTERM'), { code: 0, signal: null });
});

test('a stopped terminal blocks no process; HUP reloads; closing the terminal stops msd',
    async (world) => {
        const all = ['distributor', '--port', '0', ...world.own_dirs()];
        const shown = world.track(new program('terminal', 'python3', [
            on_terminal, msd_binary, ...all,
        ], { input: 'pipe' }));
        const port = await shown.ready('distributor');
        const pid = Number(/^PID (\d+)/m.exec(shown.output)[1]);
        world.on_close(() => children(shown.pid).forEach((each) => process.kill(each, 'SIGKILL')));
        const say = (word) => shown.child.stdin.write(`${word}\n`);
        process.kill(pid, 'SIGHUP');
        await until('the configuration is read', () => /configuration read/.test(shown.output));

        say('stop');
        await register(world, port, 600);
        await assert_serves(port);
        say('go');
        await until('the number of dropped lines is logged', () =>
            /\d+ log lines were dropped: their reader was too slow/.test(shown.output));

        say('close');
        await until('msd has ended', () => /^ENDED /m.test(shown.output));
        assert.match(shown.output, /^ENDED 0$/m);
        world.programs.pop(); // the terminal has ended as expected
    });

test('a log file that cannot grow blocks no process; dropped lines are counted', async (world) => {
    const log = world.path('msd.log');
    const distributor = await world.role('distributor', { args: ['--log-file', log] });
    const port = distributor.port('distributor');
    for (const pid of [distributor.pid, distributor.workers()[0].pid]) {
        assert.equal((await run('prlimit', ['--pid', String(pid), '--fsize=20000'])).code, 0);
    }
    await register(world, port, 600);
    await assert_serves(port);
    assert.ok(fs.statSync(log).size <= 20_000);
    fs.renameSync(log, `${log}.1`);
    const reopened = await world.command(['ctl', 'reopen', ...world.own_dirs()]);
    assert.equal(reopened.code, 0);
    await until('the number of dropped lines is logged', () =>
        /\d+ log lines were dropped: File too large/.test(fs.readFileSync(log, 'utf8')));
});

/** Executes a program with JOURNAL_STREAM naming its standard error, as systemd does. */
const journal = ['python3', '-c', `
import os, sys
facts = os.fstat(2)
os.environ["JOURNAL_STREAM"] = f"{facts.st_dev}:{facts.st_ino}"
os.execvp(sys.argv[1], sys.argv[1:])`];

test('log lines for the journal have a priority prefix and no time', async (world) => {
    const distributor = await world.role('distributor', {
        through: journal,
        args: ['--log-file', '-', '--log-level', 'debug'],
    });
    const port = distributor.port('distributor');
    await register(world, port, 1);
    const foreign = await world.packets(port);
    foreign.write('{no json}¶');
    await until('a warning', () => /^<4>warning distributor\[0\] \d+ /m.test(distributor.log));
    assert.match(distributor.log, /^<6>info distributor\[0\] \d+ n+ at /m);
    for (const line of distributor.log.trimEnd().split('\n')) {
        assert.match(line, /^<[3467]>(error|warning|info|debug) \S+ \d+ /);
    }
    const [first, ...rest] = journal;
    const refused = await run(first, [...rest, msd_binary, 'gateway', '--port', String(port),
        ...world.own_dirs()]);
    assert.equal(refused.code, 1);
    assert.match(refused.log, /^<3>msd: .*port \d+ is taken/);
});
