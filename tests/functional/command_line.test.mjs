// SPDX-License-Identifier: Apache-2.0
// The command line: help, exit codes, errors that name file, line and key, the precedence of
// settings, and the commands that show a running instance.

import assert from 'node:assert/strict';
import fs from 'node:fs';
import net from 'node:net';
import path from 'node:path';

import { free_port } from './harness/ports.mjs';
import { run } from './harness/program.mjs';
import { scripted_service } from './harness/scripted.mjs';
import { test } from './harness/test.mjs';
import { until } from './harness/until.mjs';
import { msd_binary, repository } from './harness/world.mjs';

const commands = [
    'up', 'distributor', 'gateway', 'service', 'nodes', 'routes', 'status', 'call', 'check',
    'migrate', 'export', 'import', 'compare', 'ctl', 'version',
];
const ctl_commands = ['status', 'roll', 'scale', 'drain', 'upgrade', 'reopen', 'stop'];

test('--help of every command prints an example to standard output', async (world) => {
    const all = await world.command(['--help']);
    assert.equal(all.code, 0);
    for (const command of commands) {
        assert.match(all.output, new RegExp(`^ +${command}\\b`, 'm'), command);
        const { code, output, log } = await world.command([command, '--help']);
        assert.equal(code, 0, command);
        assert.equal(log, '', command);
        assert.match(output, new RegExp(`\\bmsd ${command}\\b`), `an example of ${command}`);
    }
    for (const command of ctl_commands) {
        const { code, output } = await world.command(['ctl', command, '--help']);
        assert.equal(code, 0, command);
        assert.match(output, new RegExp(`\\bmsd ctl ${command}\\b`), `an example of ${command}`);
    }
    assert.match(all.output, /MSD_DATA_DIR/);
});

test('msd --version prints the version and the build', async (world) => {
    const { code, output } = await world.command(['version']);
    assert.equal(code, 0);
    const declared = fs.readFileSync(`${repository}/CMakeLists.txt`, 'utf8');
    const [, version] = /project\(msd VERSION (\S+)/.exec(declared);
    assert.match(output, new RegExp(`^msd ${version.replaceAll('.', '\\.')}\\+[0-9a-f]{8}$`, 'm'));
    assert.match(output, /gcc|clang/i);
    assert.equal((await world.command(['--version'])).output, output);
});

test('a wrong command line exits with 2, the problem and a hint to the help', async (world) => {
    const wrong = {
        '': '--help',
        'frobnicate': 'frobnicate',
        'up --frobnicate': '--frobnicate',
        'gateway --port x': '--port',
        'gateway --port 70000': '--port',
        'gateway --workers -1': '--workers',
        'distributor --workers 2': '--workers',
        'service': 'service',
        'service nope': 'nope',
        'call GET': 'call',
        'up --log-level loud': 'loud',
        'up --distributor nowhere': '--distributor',
        'gateway --distributor nowhere': 'nowhere',
        'check': 'check',
        'nodes --log-level debug': '--log-level',
        'export sqlite:/srv/msd': 'directory',
        'compare --service nothing shop': '--service',
    };
    for (const [line, word] of Object.entries(wrong)) {
        const { code, output, log } = await world.command(line.split(' ').filter(Boolean));
        assert.equal(code, 2, `msd ${line}: ${log}`);
        assert.equal(output, '', `msd ${line}`);
        assert.ok(log.includes(word), `msd ${line} prints: ${log}`);
        assert.ok(log.trim().split('\n').length <= 4, `msd ${line} is brief: ${log}`);
    }
});

test('a wrong configuration exits with 78, file, line, key and a suggestion', async (world) => {
    const file = world.path('msd.toml');
    const wrong = [
        ['[gateway]\n\nprot = 8000\n', /:3: .*gateway\.prot.*gateway\.port/s],
        ['[gatway]\nport = 8000\n', /:[12]: .*gatway.*gateway/s],
        ['# ok\n[gateway]\nport = "8000"\n', /:3: .*gateway\.port.*integer/s],
        ['[gateway]\nport = 65536\n', /:2: .*gateway\.port.*65535/s],
        ['[gateway]\nport = -1\n', /:2: .*gateway\.port/s],
        ['[gateway]\nport = 1.5\n', /:2: .*gateway\.port/s],
        ['[log]\nlevel = "loud"\n', /:2: .*log\.level.*info/s],
        ['host = 5\n', /:1: .*host.*string/s],
        ['[gateway]\nport = 1\nport = 2\n', /:3: /s],
        ['[gateway\nport = 1\n', /:1: /s],
        ['a = "\n', /:1: /s],
        ['[registry]\ndistributor = "nowhere"\n', /:2: .*registry\.distributor/s],
    ];
    for (const [text, expected] of wrong) {
        fs.writeFileSync(file, text);
        for (const args of [['check', file], ['up', '--config', file, ...world.own_dirs()]]) {
            const { code, log } = await world.command(args);
            assert.equal(code, 78, `${text}: ${log}`);
            assert.ok(log.includes(`${file}:`), log);
            assert.match(log, expected, text);
        }
    }
    const missing = await world.command(['check', world.path('missing.toml')]);
    assert.equal(missing.code, 78);
    assert.match(missing.log, /missing\.toml/);
});

test('an error does not repeat a misplaced value that may hold a password',
    async (world) => {
        const url = 'mysql://shop:secret@db/shop';
        for (const line of [`migrate ${url}`, `up ${url}`, `up --store=${url}`]) {
            const { code, log } = await world.command(line.split(' '));
            assert.equal(code, 2, log);
            assert.ok(!log.includes('secret'), log);
        }
    });

test('conflicting values exit with 78, from file, environment and command line', async (world) => {
    const file = world.path('msd.toml');
    fs.writeFileSync(file, '[supervision]\nheartbeat_every_ms = 20000\n');
    const started = ['gateway', '--port', '0', '--config', file, ...world.own_dirs()];
    for (const args of [['check', file], started]) {
        const { code, log } = await world.command(args);
        assert.equal(code, 78, log);
        assert.match(log, /heartbeat_timeout_ms = 15000 .*heartbeat_every_ms = 20000/);
    }
});

test('one run reports every mistake of a file', async (world) => {
    const file = world.path('msd.toml');
    const lines = [
        'hosst = "a"', '[gateway]', 'port = "x"', '[log]', 'level = "loud"', 'format = = "json"',
        '[[gateway.routes]]', 'path = "api"', 'servise = "a"',
        '[upstream.a]', 'addresses = ["here"]', '[store]',
        ...Array.from({ length: 25 }, (_, i) => `unheard_of_${i} = 1`),
    ];
    fs.writeFileSync(file, lines.join('\n'));
    const { code, log } = await world.command(['check', file]);
    assert.equal(code, 78);
    for (const [i, line] of lines.entries()) {
        const is_wrong = !line.startsWith('[');
        assert.equal(log.includes(`${file}:${i + 1}: `), is_wrong, `line ${i + 1} in ${log}`);
    }
    assert.match(log, /:8: gateway\.routes\.path: "api" must begin with/);
    assert.match(log, /:9: gateway\.routes\.servise: .*did you mean gateway\.routes\.service\?/);
});

test('the documented configuration is valid', async (world) => {
    const { code, log } = await world.command(['check', `${repository}/config/msd.toml`]);
    assert.equal(code, 0, log);
});

test('a flag overrides the environment, which overrides the file', async (world) => {
    const from_file = await free_port();
    const from_environment = await free_port();
    const from_flag = await free_port();
    const file = world.config({ 'distributor.port': from_file });
    const env = { MSD_PORT: String(from_environment) };
    const flag = ['--port', String(from_flag)];
    const tries = [
        [[...file], {}, from_file],
        [[...file], env, from_environment],
        [[...file, ...flag], env, from_flag],
        [['--config', file[1], ...flag], {}, from_flag],
    ];
    for (const [args, environment, port] of tries) {
        const all = ['distributor', ...world.own_dirs(), ...args];
        const started = world.spawn_msd('msd distributor', all, { env: environment });
        assert.equal(await started.ready('distributor'), port);
        await started.stop('SIGINT');
    }
    const all = ['distributor', ...world.own_dirs()];
    const by_variable = { MSD_CONFIG: file[1] };
    const started = world.spawn_msd('msd distributor', all, { env: by_variable });
    assert.equal(await started.ready('distributor'), from_file);
    const wrong = await world.command(all, { env: { MSD_PORT: 'x' } });
    assert.notEqual(wrong.code, 0);
    assert.match(wrong.log, /MSD_PORT/);
});

test('a port in use exits with 1 and names the port and its process', async (world) => {
    const server = net.createServer();
    await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
    world.on_close(() => server.close());
    const { port } = server.address();
    const args = ['up', '--purchases-port', String(port)];
    for (const role of ['distributor', 'gateway', 'goods', 'members', 'logs']) {
        args.push(`--${role}-port`, '0');
    }
    const { code, log, output } = await world.command([...args, ...world.own_dirs()]);
    assert.equal(code, 1, log);
    assert.match(log, new RegExp(`\\b${port}\\b`));
    assert.match(log, new RegExp(`\\b${process.pid}\\b`), 'the process that uses the port');
    assert.doesNotMatch(output, /READY/);
});

test('nodes, routes and status print tables, and JSON with --json', async (world) => {
    const up = await world.up({ workers: 2 });
    const at = ['--distributor', `127.0.0.1:${up.port('distributor')}`];
    const json = async (...args) => {
        const { code, output, log } = await world.command([...args, '--json']);
        assert.equal(code, 0, log);
        return JSON.parse(output);
    };
    const nodes = await json('nodes', ...at);
    const names = nodes.map(({ name }) => name).sort();
    assert.deepEqual(
        names,
        ['events', 'gateway', 'goods', 'logs', 'members', 'purchases', 'stores'],
    );
    const goods = nodes.find(({ name }) => name === 'goods');
    assert.deepEqual([goods.host, goods.port], ['127.0.0.1', up.port('goods')]);

    const routes = await json('routes', ...at);
    const has = (method, path, service) =>
        routes.some((each) =>
            each.method === method && each.path === path && each.service === service);
    assert.ok(has('GET', '/goods', 'goods'));
    assert.ok(has('GET', '/goods/{id}', 'goods'));
    assert.ok(has('POST', '/purchases', 'purchases'));

    const status = await json('status', '--runtime-dir', world.path('run'));
    const text = JSON.stringify(status);
    for (const { pid } of up.workers()) {
        assert.match(text, new RegExp(`"pid":${pid}\\b`));
    }
    const own_status = ['status', '--runtime-dir', world.path('run')];
    for (const args of [['nodes', ...at], ['routes', ...at], own_status]) {
        const { code, output } = await world.command(args);
        assert.equal(code, 0);
        assert.match(output, /goods/);
        assert.doesNotMatch(output, /\x1b/, 'colours only on a terminal');
    }
});

test('msd call sends a request to a service without the gateway', async (world) => {
    const up = await world.up();
    const at = ['--distributor', `127.0.0.1:${up.port('distributor')}`];
    const call = (...args) => world.command(['call', ...args, ...at]);
    const empty = await call('GET', '/goods');
    assert.equal(empty.code, 1, 'errorcode is not 0');
    assert.equal(JSON.parse(empty.output).errormessage, 'no data');
    const made = await call('POST', '/goods', 'name=연필', 'category=c', 'price=1.5', 'description=');
    assert.equal(made.code, 0, made.log);
    const { id } = JSON.parse(made.output);
    const by_json = await call('POST', '/goods', JSON.stringify({
        name: '두번째', category: 'c', price: 2, description: 'd',
    }));
    assert.equal(by_json.code, 0, by_json.log);
    const one = await call('GET', '/goods', `id=${id}`);
    assert.equal(JSON.parse(one.output).results[0].name, '연필');
    const by_path = await call('GET', `/goods/${id}`);
    assert.equal(JSON.parse(by_path.output).results[0].id, id);
    const unknown = await call('GET', '/nowhere');
    assert.equal(unknown.code, 1);
    assert.match(unknown.log, /\/nowhere/);
});

test('msd call lets no reply control the terminal that shows it', async (world) => {
    const distributor = (await world.role('distributor')).port('distributor');
    const name = 'echo';
    const text = 'a\u202e\u009b2Jb';
    await scripted_service(world, {
        distributor, name, urls: ['GET/echo'], on_request: (_, reply) => reply({ text }),
    });
    const call = ['call', 'GET', '/echo', '--distributor', `127.0.0.1:${distributor}`];
    const raw = await until('a reply', async () => {
        const done = await world.command(call);
        return done.code === 0 ? done.output : undefined;
    });
    assert.ok(raw.includes(`"text":"${text}"`), 'the bytes of the reply');
    const on_terminal = 'import pty, sys; pty.spawn(sys.argv[1:])';
    const { output: shown } = await run('python3', ['-c', on_terminal, msd_binary, ...call]);
    assert.ok(shown.includes('"text":"a\\u202e\\u009b2Jb"'), shown);
    assert.deepEqual(JSON.parse(shown), JSON.parse(raw));
});

test('msd call of a route without replies succeeds once the request is sent', async (world) => {
    const up = await world.up();
    const at = ['--distributor', `127.0.0.1:${up.port('distributor')}`];
    const call = ['call', 'POST', '/logs', 'word=heard', ...at];
    const { code, output, log } = await world.command(call);
    assert.equal(code, 0, log);
    assert.equal(output, '');
    await until('the line is in the log', () => {
        const dir = world.path('data', 'logs');
        const text = (name) => fs.readFileSync(path.join(dir, name), 'utf8');
        return fs.readdirSync(dir).some((name) => text(name).includes('heard'));
    });
});

test('a distributor that does not answer exits with 1, naming the address', async (world) => {
    const port = await free_port();
    for (const args of [['nodes'], ['routes'], ['call', 'GET', '/goods']]) {
        const all = [...args, '--distributor', `127.0.0.1:${port}`];
        const { code, log } = await world.command(all);
        assert.equal(code, 1);
        assert.match(log, new RegExp(`127\\.0\\.0\\.1:${port}`));
    }
});

test('variables that a container platform sets for services named like msd are ignored',
    async (world) => {
        const env = {
            MSD_PORT: 'tcp://10.43.0.4:80',
            MSD_GATEWAY_PORT: 'tcp://10.43.0.5:8000',
            MSD_GATEWAY_PORT_8000_TCP: 'tcp://10.43.0.5:8000',
            MSD_GOODS_PORT: 'tcp://10.43.0.6:9010',
        };
        const status = await world.command(['status', '--runtime-dir', world.path('run')], { env });
        assert.equal(status.code, 1);
        assert.doesNotMatch(status.log, /tcp:/);
        const port = await free_port();
        const [, file] = world.config({ 'distributor.port': port });
        const args = ['distributor', '--config', file, ...world.own_dirs()];
        const started = world.spawn_msd('msd distributor', args, { env });
        assert.equal(await started.ready('distributor'), port);
        started.note_workers();
        assert.equal(started.log.match(/tcp:/g).length, 1, 'one warning');
        assert.match(started.log, /warning .*ignored: MSD_PORT=tcp:.*container platform/);
        const named = await world.command(['nodes'], { env: { MSD_DISTRIBUTOR: 'tcp://h:9000' } });
        assert.equal(named.code, 78);
        assert.match(named.log, /MSD_DISTRIBUTOR.*write h:9000/);
    });

test('an advertised host that nodes cannot connect to exits with 78', async (world) => {
    for (const host of ['0.0.0.0', '::', 'node 1', '-x']) {
        const { code, log } = await world.command(['service', 'goods', '--advertise', host]);
        assert.equal(code, 78, log);
        assert.ok(log.includes(`--advertise: host '${host}' `), log);
    }
});

test('msd status names the directories that it searched, and --runtime-dir', async (world) => {
    const env = { XDG_RUNTIME_DIR: world.path('xdg') };
    const { code, log } = await world.command(['status', '--runtime-dir', 'no/where'], { env });
    assert.equal(code, 1);
    assert.ok(log.includes(`${process.cwd()}/no/where`), log);
    assert.match(log, /--runtime-dir/);
});

test('a runtime directory that is too long for a socket path is reported', async (world) => {
    const long = world.path('r'.repeat(120));
    const { code, log } = await world.command(
        ['distributor', '--port', '0', '--runtime-dir', long, '--data-dir', world.path('data')],
    );
    assert.notEqual(code, 0);
    assert.match(log, /107/);
});

test('msd ctl reload fails with the reason when the configuration is wrong', async (world) => {
    const [, file] = world.config({ 'gateway.port': 0, 'supervision.soak_ms': 0 });
    const args = ['gateway', '--config', file, '--workers', '1', '--distributor', '127.0.0.1:1'];
    const gateway = world.spawn_msd('msd gateway', [...args, ...world.own_dirs()]);
    await gateway.ready('gateway');
    gateway.note_workers();
    const reload = () => world.command(
        ['ctl', '--runtime-dir', world.path('run'), '--pid', String(gateway.pid), 'reload'],
    );
    assert.equal((await reload()).code, 0);
    fs.appendFileSync(file, 'nonsense = 1\n');
    const refused = await reload();
    assert.equal(refused.code, 1);
    assert.match(refused.log, /:\d+: nonsense: unknown key/);
    const other = await world.command(
        ['ctl', '--runtime-dir', world.path('run'), '--pid', '1', 'reload'],
    );
    assert.match(other.log, /no instance of process 1 runs/);
});

test('with JSON logging each log line is a JSON object with the expected fields', async (world) => {
    const distributor = await world.role('distributor', { args: ['--log-format', 'json'] });
    const node = await world.packets(distributor.port('distributor'));
    node.register({ port: 1, name: 'a "b" \\ ¶', urls: [] });
    await until('a line about the node', () => distributor.log.includes('joined'));
    node.register({ port: 1, name: 'a\n{"forged":1}\n\u001b[31m', urls: [] });
    await until('a line about malformed input', () => distributor.log.includes('malformed input'));
    for (const line of distributor.log.trim().split('\n')) {
        const { time, level, message } = JSON.parse(line);
        assert.ok(!Number.isNaN(Date.parse(time)), line);
        assert.ok(['trace', 'debug', 'info', 'warning', 'error'].includes(level), line);
        assert.equal(typeof message, 'string');
    }
    assert.doesNotMatch(distributor.log, /\x1b/);
});
