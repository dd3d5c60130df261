// SPDX-License-Identifier: Apache-2.0
// Attacks on the log: floods, lines that pretend to be from somebody else, lines that push out
// other lines, and secrets in every notation.

import assert from 'node:assert/strict';
import fs from 'node:fs';

import { encode } from './foreign/framing.mjs';
import { scripted_service } from './harness/scripted.mjs';
import { test } from './harness/test.mjs';
import { until } from './harness/until.mjs';

const directory = (world) => world.path('data', 'logs');

/** Each file of the logs service that begins with `family`. */
function files(world, family = '') {
    const dir = directory(world);
    const names = fs.existsSync(dir) ? fs.readdirSync(dir) : [];
    return names.filter((name) => name.startsWith(family)).map((name) => `${dir}/${name}`);
}

function lines(world, family) {
    return files(world, family)
        .flatMap((file) => fs.readFileSync(file, 'utf8').split('\n'))
        .filter((line) => line !== '')
        .map((line) => JSON.parse(line));
}

function bytes_on_disk(world, family) {
    return files(world, family).reduce((sum, file) => sum + fs.statSync(file).size, 0);
}

async function kept(world, family, matches) {
    return until(`a line in ${family}`, () => lines(world, family).find(matches));
}

const hello = (name) => ({ hello: { proto: 2, name, worker: 0 } });
const log_packet = (params, more) => ({ uri: '/logs', method: 'POST', key: 0, params, ...more });

test('lines are kept by who sent them, and not by what they contain', async (world) => {
    const up = await world.up();
    const forged = { source: 'msd', from: '10.9.9.9', role: 'goods', message: 'forged' };
    const spread = '{"message":"spread",\n\r\n"x":1}\n';
    const tricks = '{"message":"\\u001b[31m\\n{\\"source\\":\\"msd\\"}\u2028\u202e\u009b"}';
    for (const body of [forged, spread, tricks]) {
        const { status } = await up.http('POST', '/logs?client=10.8.8.8', { body });
        assert.equal(status, 202);
    }
    const foreign = await world.packets(up.port('logs'));
    foreign.send(log_packet({ ...forged, by: 'node' }, { client: '10.7.7.7', source: 'msd' }));
    const gateway = await world.packets(up.port('logs'));
    gateway.send(hello('gate'));
    gateway.send(log_packet({ by: 'gate' }, { client: '10.6.6.6' }));
    gateway.send(hello('goods'));
    gateway.send(log_packet({ by: 'gate as goods' }, { client: '10.5.5.5' }));

    const client = (from) => ({ source: 'client', from });
    const facts = ({ source, from }) => ({ source, from });
    const of_gateway = await kept(world, 'client.', ({ params }) => params.by === 'gate as goods');
    assert.deepEqual(facts(of_gateway), client('10.5.5.5'));
    const through = await kept(world, 'client.', ({ params }) => params.by === 'gate');
    assert.deepEqual(facts(through), client('10.6.6.6'));
    const of_node = await kept(world, 'node.', ({ params }) => params.by === 'node');
    assert.deepEqual(facts(of_node), { source: 'node', from: '127.0.0.1' });
    for (const text of ['forged', 'spread', '\u001b[31m\n{"source":"msd"}\u2028\u202e\u009b']) {
        const line = await kept(world, 'client.', ({ params }) => params.message === text);
        assert.deepEqual(facts(line), client('127.0.0.1'));
    }
    assert.equal(lines(world, 'client.').length, 5);
    const stored = fs.readFileSync(files(world, 'client.')[0], 'utf8');
    assert.doesNotMatch(stored, /[\r\u0080-\u009f\u2028\u202e]/);
    const own = await kept(world, 'msd.', ({ params }) => params.role === 'goods');
    assert.deepEqual(facts(own), { source: 'msd', from: '127.0.0.1' });
    assert.ok(lines(world, 'msd.').every(({ params }) => params.message !== 'forged'));
});

test('with a cluster secret only who proved it writes lines of msd', async (world) => {
    const file = world.path('secret');
    assert.equal((await world.command(['secret', 'new', file])).code, 0);
    const foreign_allowed = '127.0.0.1';
    const up = await world.up({
        config: { 'registry.secret_file': file, 'registry.foreign_allowed': foreign_allowed },
    });
    assert.equal((await up.http('POST', '/logs', { body: { by: 'client' } })).status, 202);
    const foreign = await world.packets(up.port('logs'));
    foreign.send(log_packet({ by: 'node' }, { client: '10.7.7.7' }));
    const pretender = await world.packets(up.port('logs'));
    pretender.send(hello('goods'));
    pretender.send(log_packet({ by: 'pretender' }));
    const of_client = await kept(world, 'client.', ({ params }) => params.by === 'client');
    assert.equal(of_client.from, '127.0.0.1');
    await kept(world, 'node.', ({ params }) => params.by === 'node');
    const own = await kept(world, 'msd.', ({ params }) => params.role === 'goods');
    assert.equal(own.proven, true);
    await pretender.closed;
    assert.ok(lines(world, 'msd.').every(({ proven, params }) => proven && params.role));
    assert.ok(!lines(world, '').some(({ params }) => params.by === 'pretender'));
});

test('a flood of log lines takes bounded space and pushes out no other line', async (world) => {
    const up = await world.up();
    const before = await kept(world, 'msd.', ({ params }) => params.role === 'goods');
    // 6 MB of clients, over four connections that keep sending whatever the answer is.
    const body = JSON.stringify({ flood: 'x'.repeat(60_000) });
    const statuses = [];
    let refused;
    await Promise.all([1, 2, 3, 4].map(async () => {
        const connection = await world.connection(up.port('gateway'));
        for (let n = 0; n < 25; ++n) {
            connection.send('POST', '/logs', { body });
            const response = await connection.response();
            statuses.push(response.status);
            refused = response.status === 429 ? response : refused;
        }
        connection.close();
    }));
    assert.deepEqual([...new Set(statuses)].sort(), [202, 429]);
    assert.ok(Number(refused.headers.get('retry-after')) > 0);
    // 22 MB of a node.
    const node = await world.packets(up.port('logs'));
    const large = encode(log_packet('y'.repeat(900_000)));
    for (let n = 0; n < 24; ++n) {
        node.write(large);
    }
    node.send(log_packet('the last'));
    await until('the flood is over', () =>
        lines(world, 'node.').some(({ params, dropped }) => dropped || params === 'the last'));
    // Everybody else can still log.
    const other = await world.packets(up.port('logs'));
    other.send(hello('goods'));
    other.send(log_packet({ from: 'goods' }));
    await kept(world, 'msd.', ({ params }) => params.from === 'goods');
    node.close();
    other.close(); // an open connection delays the stop
    await up.stop('SIGTERM');
    assert.ok(bytes_on_disk(world, 'client.') < 1_500_000, 'clients');
    assert.ok(bytes_on_disk(world, 'node.') < 3_000_000, 'nodes');
    assert.ok(lines(world, 'msd.').some(({ time }) => time === before.time));
    assert.match(up.log, /log lines \(\d+ bytes\) of source node exceeded/);
    const { dropped } = lines(world, 'node.').find((line) => line.dropped);
    assert.ok(dropped.lines >= 5 && dropped.most_from === '127.0.0.1', JSON.stringify(dropped));
});

test('secrets are masked in every notation', async (world) => {
    const up = await world.up({ args: ['--log-level', 'trace'] });
    const secret = 'Tr0ub4dor-and-3';
    const form = { 'Content-Type': 'application/x-www-form-urlencoded' };
    const bodies = [
        { new_password2: secret },
        { headers: { 'X-Api-Key': secret, Cookie: `a=${secret}`, authorization: secret } },
        `{"pass\\u0077ord":"${secret}"}`,
        { '%70assword': secret, sessionToken: [{ a: secret }] },
        { list: [[{ PASSWD: { x: secret } }]], client_secret: secret },
        { url: `/members?username=a&pass%77ord=${secret}&b=1` },
        { text: JSON.stringify({ body: JSON.stringify({ apiKey: secret }) }) },
        { text: `POST /members\r\nAuthorization: Basic ${secret}\r\n` },
        { text: `{ username: 'ann', password: '${secret}' }` },
        { text: `{'password': '${secret}'}` },
        { text: `data=%7B%22token%22%3A%22${secret}%22%7D` },
        { body: `username=ann&password=a b ${secret}` },
    ];
    for (const body of bodies) {
        const { status } = await up.http('POST', '/logs', { body });
        assert.equal(status, 202, JSON.stringify(body));
    }
    for (const body of [`api_key=${secret}&a=1`, `%70asswd=${secret}`]) {
        const { status } = await up.http('POST', '/logs', { body, headers: form });
        assert.equal(status, 202);
    }
    const { status } = await up.http('POST', `/logs?access%5ftoken=${secret}`);
    assert.equal(status, 202);
    const node = await world.packets(up.port('logs'));
    node.send(log_packet(`received {"uri":"/members","params":{"password":"${secret}"}}`));
    node.send(log_packet({ password: `cut ${secret} ${'x'.repeat(100_000)}` }));
    node.send(log_packet({ last: 1 }));
    await kept(world, '', ({ params }) => params?.access_token !== undefined);
    await kept(world, '', ({ params }) => params?.last === 1);
    await up.stop('SIGTERM');
    const text = files(world).map((file) => fs.readFileSync(file, 'utf8')).join('');
    assert.ok(!text.includes(secret), text.slice(text.indexOf(secret) - 200).slice(0, 300));
    assert.equal(lines(world, 'client.').length, bodies.length + 3);
    assert.equal(lines(world, 'node.').length, 3);
    assert.ok(!up.log.includes(secret));
});

test('a gateway adds the address of the client only where a route wants it', async (world) => {
    const distributor = (await world.role('distributor')).port('distributor');
    const on_request = (packet, reply, socket) => {
        if (packet.hello) {
            socket.write(encode({ hello: { slot: 0, workers: 1, generation: 1 } }));
        } else {
            reply();
        }
    };
    const route = (path, more) => ({ method: 'POST', path, ...more });
    const urls = ['POST/wanting', 'POST/plain'];
    const routes = [route('/wanting', { wants: ['client'] }), route('/plain')];
    const msd = await scripted_service(world, {
        distributor, name: 'scripted', urls, on_request, extra: { proto: 2, routes },
    });
    const foreign = await scripted_service(world, {
        distributor, name: 'foreign', urls: ['POST/foreign'], on_request,
        extra: { routes: [route('/foreign', { wants: ['client'] })] },
    });
    const gateway = await world.role('gateway', { distributor });
    const sent = async (service, target) => {
        await until(`a reply of ${target}`, async () => {
            const { status } = await gateway.http('POST', target, { body: { client: '10.9.9.9' } });
            return status === 200;
        });
        return service.requests.findLast(({ uri }) => uri === target);
    };
    const wanted = await sent(msd, '/wanting');
    assert.equal(wanted.client, '127.0.0.1');
    assert.deepEqual(wanted.params, { client: '10.9.9.9' });
    assert.ok(!('client' in await sent(msd, '/plain')));
    assert.ok(!('client' in await sent(foreign, '/foreign')));
});
