// SPDX-License-Identifier: Apache-2.0
// The access log: a line for each request, as JSON or in the combined format, to a file that can be
// rotated; secrets in queries are not in it.

import assert from 'node:assert/strict';
import fs from 'node:fs';

import { free_port } from './harness/ports.mjs';
import { is_reference, shared_cases, start_proxy } from './harness/proxy.mjs';
import { answer, start_origin } from './harness/raw_origin.mjs';
import { test } from './harness/test.mjs';
import { until } from './harness/until.mjs';
import { exchange } from './harness/wire_http.mjs';

const skip = is_reference && 'the log of msd';

async function start_logging(world, format) {
    const origin = await start_origin(world, {
        default: answer,
        cut: async (peer) => {
            peer.write('HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nshort');
            peer.end();
        },
    });
    const file = world.path('access.log');
    const proxy = await start_proxy(world, {
        keys: { 'gateway.access_log': format, 'gateway.access_log_file': file },
        routes: [
            { path: '/', service: 'program', name: 'all' },
            { path: '/refused', service: 'refused' },
            { path: '/fixed', respond: { status: 200, body: 'fixed' } },
        ],
        upstreams: {
            program: { addresses: [origin.address] },
            refused: { addresses: [`127.0.0.1:${await free_port()}`] },
        },
    });
    const lines = () => fs.readFileSync(file, 'utf8').split('\n').slice(0, -1);
    const line = (part) => until(`a line with ${part}`, () =>
        lines().find((each) => each.includes(part)));
    const get = (target, fields) => exchange(world, proxy.port, 'GET', target, { fields });
    return { origin, proxy, file, lines, line, get };
}

async function json_cases(cases, { origin, line, get, lines }) {
    await cases.run('a line names the request, the program, times and bytes', async () => {
        const agent = { 'User-Agent': 'a "quoted" agent', Host: 'shop.example' };
        const reply = await get('/one?a=b', agent);
        const said = JSON.parse(await line('/one'));
        assert.equal(said.method, 'GET');
        assert.equal(said.target, '/one?a=b');
        assert.equal(said.host, 'shop.example');
        assert.equal(said.user_agent, 'a "quoted" agent');
        assert.equal(said.client, '127.0.0.1');
        assert.equal(said.status, 200);
        assert.equal(said.route, 'all');
        assert.equal(said.service, 'program');
        assert.equal(said.endpoint, origin.address);
        assert.equal(said.attempts, 1);
        assert.equal(said.request_id, reply.fields.get('x-request-id'));
        assert.ok(said.t_ttfb_us > 0 && said.t_ttfb_us <= said.t_total_us, JSON.stringify(said));
        assert.ok(said.bytes_in > 50 && said.bytes_out > reply.text.length, JSON.stringify(said));
        assert.ok(Math.abs(Date.parse(said.time) - Date.now()) < 3_600_000);
        assert.equal(said.cut, undefined);
    });
    await cases.run('secrets in a query are not logged', async () => {
        await get('/two?password=hidden1&token=hidden2&a=shown&API_KEY=hidden3');
        const found = await line('/two');
        assert.match(JSON.parse(found).target, /^\/two\?password=\*\*\*&token=\*\*\*&a=shown/);
        assert.doesNotMatch(lines().join('\n'), /hidden\d/);
    });
    await cases.run('a reply that was cut and one of the gateway are lines, too', async () => {
        assert.equal((await get('/cut')).was_cut, true);
        const cut = JSON.parse(await line('/cut'));
        assert.equal(cut.status, 200);
        assert.ok(cut.cut.length > 0);
        await get('/refused');
        const refused = JSON.parse(await line('"/refused"'));
        assert.deepEqual([refused.status, refused.service], [502, 'refused']);
        await get('/fixed');
        const fixed = JSON.parse(await line('"/fixed"'));
        assert.deepEqual([fixed.status, fixed.service], [200, undefined]);
        assert.equal((await get('/%zz')).status, 400);
        assert.equal(JSON.parse(await line('zz')).status, 400);
    });
}

test('the access log as JSON has a line for each request', { skip }, async (world, context) => {
    const log = await start_logging(world, 'json');
    const cases = new shared_cases(context);
    await json_cases(cases, log);
    await cases.run('after a rotation the lines go to a new file', async () => {
        fs.renameSync(log.file, `${log.file}.1`);
        const { code, output } = await log.proxy.ctl('reopen');
        assert.equal(code, 0, output);
        await until('the new file is there', () => fs.existsSync(log.file));
        await log.get('/after-rotation');
        await log.line('/after-rotation');
        assert.doesNotMatch(fs.readFileSync(`${log.file}.1`, 'utf8'), /after-rotation/);
        log.proxy.gateway.signal('SIGUSR1');
        await log.get('/after-signal');
        await log.line('/after-signal');
    });
    cases.finish();
    assert.equal(fs.statSync(log.file).mode & 0o077, 0, 'others may read the log');
});

test('the combined access log has the fields that its readers expect', { skip }, async (world) => {
    const log = await start_logging(world, 'combined');
    const fields = { Referer: 'http://from.example/', 'User-Agent': 'agent "x"\\' };
    await log.get('/combined?secret=hidden', fields);
    const line = await log.line('/combined');
    const date = String.raw`\[\d\d/[A-Z][a-z]{2}/\d{4}:\d\d:\d\d:\d\d \+0000\]`;
    const request = String.raw`"GET /combined\?secret=\*\*\* HTTP/1\.1"`;
    const rest = String.raw`200 \d+ "http://from\.example/" "agent \\"x\\"\\\\"`;
    assert.match(line, new RegExp(`^127\\.0\\.0\\.1 - - ${date} ${request} ${rest}`));
});
