// SPDX-License-Identifier: Apache-2.0
// Log lines: lines sent to the logs service are written, msd ships its own lines to it, and no
// password is written anywhere.

import assert from 'node:assert/strict';
import fs from 'node:fs';

import { test } from './harness/test.mjs';
import { until } from './harness/until.mjs';

/** Every line in the files of the logs service, parsed. */
function lines(world) {
    const dir = world.path('data', 'logs');
    const files = fs.existsSync(dir) ? fs.readdirSync(dir) : [];
    return files
        .flatMap((name) => fs.readFileSync(`${dir}/${name}`, 'utf8').split('\n'))
        .filter((line) => line !== '')
        .map((line) => JSON.parse(line));
}

async function written(world, what, matches) {
    return until(what, () => lines(world).find((line) => matches(line.params)));
}

test('a line over HTTP is accepted and written', async (world) => {
    const up = await world.up();
    const response = await up.http('POST', '/logs', { body: { text: 'one ¶ "line"\n', n: 1.0 } });
    assert.equal(response.status, 202);
    const line = await written(world, 'the line', (params) => params?.text === 'one ¶ "line"\n');
    assert.ok(Math.abs(Date.parse(line.time) - Date.now()) < 600_000, line.time);
});

test('lines sent as packets, text or object, are written and get no reply', async (world) => {
    const up = await world.up();
    const client = await world.packets(up.port('logs'));
    const log = (params) => client.send({ uri: '/logs', method: 'POST', key: 0, params });
    log('{"uri":"/goods","method":"GET","params":{"key":0}}');
    log({ uri: '/goods', method: 'GET' });
    log('text ¶ with \u0000 and \n in it');
    log([1, 'two']);
    client.write('x¶null¶');
    log({ last: true });
    await written(world, 'the last', (params) => params?.last === true);
    const all = lines(world).map(({ params }) => JSON.stringify(params));
    for (const sent of [
        '{"uri":"/goods","method":"GET","params":{"key":0}}',
        { uri: '/goods', method: 'GET' },
        'text ¶ with \u0000 and \n in it',
        [1, 'two'],
    ]) {
        assert.ok(all.includes(JSON.stringify(sent)), JSON.stringify(sent));
    }
    assert.deepEqual(client.packets, []);
});

test('services send their log lines to the logs service', async (world) => {
    const distributor = (await world.role('distributor')).port('distributor');
    const services = ['goods', 'members', 'purchases'];
    for (const name of services) {
        await world.role(name, { distributor });
    }
    // Started last: the first lines of the other roles wait for the logs service.
    await world.role('logs', { distributor });
    for (const name of services) {
        const is_of = (params) => params?.role === name && params.message.length > 0;
        const { params } = await written(world, `a line of ${name}`, is_of);
        assert.ok(['info', 'warning', 'error'].includes(params.level), params.level);
        assert.equal(typeof params.pid, 'number');
    }
    assert.ok(!lines(world).some(({ params }) => params?.role === 'logs'), 'logs ships nothing');
});

test('POST /logs without a logs node gets 404 or 503', async (world) => {
    const distributor = (await world.role('distributor')).port('distributor');
    const gateway = await world.role('gateway', { distributor });
    const logs = await world.role('logs', { distributor });
    await until('202', async () => {
        const { status } = await gateway.http('POST', '/logs', { body: { a: 1 } });
        return status === 202;
    });
    await logs.stop('SIGTERM');
    await until('503', async () => {
        const { status } = await gateway.http('POST', '/logs', { body: { a: 1 } });
        return status === 503;
    });
});

/** Every file below `dir` that holds `text`. */
function files_with(dir, text) {
    return fs.readdirSync(dir, { withFileTypes: true }).flatMap((entry) => {
        const path = `${dir}/${entry.name}`;
        if (entry.isDirectory()) {
            return files_with(path, text);
        }
        return entry.isFile() && fs.readFileSync(path).includes(text) ? [path] : [];
    });
}

test('no password is written to any file', async (world) => {
    const up = await world.up({ args: ['--log-level', 'trace'] });
    const secret = 'Tr0ub4dor-and-3';
    const account = { username: 'ann', password: secret };
    const form = { 'Content-Type': 'application/x-www-form-urlencoded' };
    const key = { 'Idempotency-Key': 'member-ann' };
    const requests = [
        ['POST', '/members', { body: account, headers: key }],
        ['POST', '/members', { body: account }],
        ['POST', '/members', { body: { password: secret } }],
        ['POST', '/members', { body: { username: 5, password: [secret] } }],
        ['POST', '/members', { body: `{"username":"bob","password":"${secret}"` }],
        ['POST', '/members', { body: `username=bob&password=${secret}`, headers: form }],
        ['GET', `/members?username=ann&password=${secret}`],
        ['GET', `/members?username=ann&password=${secret}x`],
        ['GET', `/members?username=nobody&password=${secret}`],
        ['GET', `/members?password=${secret}`],
        ['GET', `/members?username=%ff&password=${secret}`],
        ['GET', `/members/${secret}?password=${secret}`],
        ['PATCH', `/members?username=ann&password=${secret}`],
    ];
    for (const [method, target, options] of requests) {
        const response = await up.http(method, target, options);
        assert.ok(!response.text.includes(secret), `${method} ${target}: ${response.text}`);
    }
    const client = await world.packets(up.port('members'));
    client.write(`{"uri":"/members","method":"GET","key":1,"params":{"password":"${secret}"}}¶`);
    client.write(`{"uri":"/members","method":"GET","key":2,"params":{"password":"${secret}"}¶`);
    client.write(`{"uri":"/nothing","method":"GET","key":3,"params":{"password":"${secret}"}}¶`);
    await client.reply(3);
    assert.ok(!JSON.stringify(client.packets).includes(secret));
    await up.stop('SIGTERM');
    assert.ok(up.log.length > 0);
    assert.ok(!up.log.includes(secret), 'not in the log');
    assert.ok(!up.output.includes(secret), 'not in the output');
    assert.deepEqual(files_with(world.dir, secret), [], 'not in any file');
});
