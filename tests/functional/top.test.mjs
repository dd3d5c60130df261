// SPDX-License-Identifier: Apache-2.0
// `msd top`: the requests of routes, services and instances in a terminal.

import assert from 'node:assert/strict';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

import { free_port } from './harness/ports.mjs';
import { children } from './harness/proc.mjs';
import { program } from './harness/program.mjs';
import { answer, start_origin } from './harness/raw_origin.mjs';
import { test } from './harness/test.mjs';
import { until } from './harness/until.mjs';
import { msd_binary } from './harness/world.mjs';
import { exchange } from './harness/wire_http.mjs';

const here = path.dirname(fileURLToPath(import.meta.url));
const on_terminal = path.join(here, 'harness', 'on_terminal.py');
const shown_first = '\x1b[?1049h\x1b[?25l';
const restored = '\x1b[?25h\x1b[?1049l';

/** Sends requests until the world ends, so that every interval has some. */
function keep_busy(world, port, ...targets) {
    let goes_on = true;
    const ended = (async () => {
        while (goes_on) {
            for (const target of targets) {
                await exchange(world, port, 'GET', target).catch(() => {});
            }
        }
    })();
    world.on_close(async () => {
        goes_on = false;
        await ended;
    });
}

test('figures of an interval: routes, services and instances', async (world) => {
    const origin = await start_origin(world, { default: answer });
    const good = `127.0.0.1:${origin.port}`;
    const dead = `127.0.0.1:${await free_port()}`;
    const up = await world.up({
        args: ['--route', `/web/=${good},${dead}`, '--route', `/gone/=${dead}`],
    });
    keep_busy(world, up.port('gateway'), '/web/x', '/gone/x', '/goods');
    const run_dir = ['--runtime-dir', world.path('run')];
    const sample = await until('all have figures', async () => {
        const { code, output, log } = await world.command(['top', '--json', ...run_dir]);
        assert.equal(code, 0, log);
        const read = JSON.parse(output);
        const names = (rows, key) => rows.filter((row) => row.requests_per_s > 0)
            .map((row) => row[key]);
        return ['/web/', '/gone/', '/goods'].every((each) =>
            names(read.routes, 'route').includes(each)) && read;
    });
    assert.ok(sample.interval_ms >= 1000);
    const route = (name) => sample.routes.find((each) => each.route === name);
    assert.equal(route('/goods').errors_per_s, 0);
    assert.ok(route('/gone/').errors_per_s > 0);
    assert.ok(route('/web/').p99_us >= route('/web/').p50_us && route('/web/').p50_us > 0);
    const service = (name) => sample.services.find((each) => each.service === name);
    assert.ok(service('goods').requests_per_s > 0 && service('goods').breaker === 'closed');
    const instance = (address) => sample.instances.filter((each) => each.instance === address);
    assert.ok(instance(good)[0].requests_per_s > 0);
    assert.equal(Math.max(...instance(dead).map(({ ejected }) => ejected)), 1);
    const rates = sample.routes.map(({ requests_per_s: rate }) => rate);
    assert.deepEqual(rates, [...rates].sort((a, b) => b - a));

    const table = await world.command(['top', '--once', ...run_dir], { env: { NO_COLOR: '1' } });
    assert.equal(table.code, 0);
    for (const line of [/^msd top: /m, /^ROUTE +REQ\/S/m, /^\/web\/ +\d/m, /^SERVICE /m,
        /^goods +\d.* closed$/m, new RegExp(`^${dead}.* ejected$`, 'm')]) {
        assert.match(table.output, line);
    }
    assert.ok(!table.output.includes('\x1b'));
});

test('the terminal shows what happens, and is as it was after every end', async (world) => {
    const up = await world.up();
    keep_busy(world, up.port('gateway'), '/goods');
    const open = async (env = {}) => {
        const shown = world.track(new program('terminal', 'python3',
            [on_terminal, msd_binary, 'top', '--runtime-dir', world.path('run')],
            { input: 'pipe', env }));
        world.on_close(() => children(shown.pid).forEach((each) => process.kill(each, 'SIGKILL')));
        await until('a route is shown', () => /\/goods +\d/.test(shown.output));
        const pid = Number(/^PID (\d+)/m.exec(shown.output)[1]);
        return { shown, pid, say: (word) => shown.child.stdin.write(`${word}\n`) };
    };
    const ends = async ({ shown }, code) => {
        await until('msd top has ended', () => /^ENDED /m.test(shown.output));
        assert.match(shown.output, new RegExp(`^ENDED ${code}$`, 'm'));
        world.programs.splice(world.programs.indexOf(shown), 1); // it has ended as expected
        assert.ok(shown.output.includes(shown_first));
        return shown.output;
    };
    const is_restored = (output) => {
        assert.ok(output.lastIndexOf(restored) > output.lastIndexOf(shown_first));
        assert.match(output, /^MODES 1 1$/m);
    };

    const quit = await open();
    assert.ok(quit.shown.output.includes('\x1b[1mROUTE'));
    // A smaller window: the frame is drawn again, and no line is longer than that.
    quit.say('size 12 40');
    const frame = await until('the smaller frame is shown', () => {
        const frames = quit.shown.output.split('\x1b[H').slice(1, -1);
        const lines = frames.at(-1).split('\r\n');
        return lines.length <= 12 && lines.every((line) =>
            line.replaceAll(/\x1b\[[0-9?]*[A-Za-z]/g, '').length < 40) && lines;
    });
    assert.ok(frame.some((line) => line.startsWith('/goods')));
    quit.say('quit');
    is_restored(await ends(quit, 0));

    const interrupted = await open({ NO_COLOR: '1' });
    assert.ok(!interrupted.shown.output.includes('\x1b[1m'));
    interrupted.say('interrupt');
    is_restored(await ends(interrupted, 0));

    const terminated = await open();
    process.kill(terminated.pid, 'SIGTERM');
    is_restored(await ends(terminated, -15));
    const crashed = await open();
    process.kill(crashed.pid, 'SIGSEGV');
    is_restored(await ends(crashed, -11));

    const closed = await open();
    closed.say('close');
    await ends(closed, '(-1|0)'); // HUP, or the terminal that is gone
});
