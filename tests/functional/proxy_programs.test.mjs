// SPDX-License-Identifier: Apache-2.0
// Web programs as people have them, behind `msd gateway --route …` without a file: a Node.js
// program, python3 -m http.server and nginx. Clients: curl, a browser, a WebSocket and an
// EventSource.

import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import fs from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

import { open_page } from './harness/browser.mjs';
import { event_source } from './harness/event_source.mjs';
import { start_nginx } from './harness/nginx.mjs';
import { program, run } from './harness/program.mjs';
import { is_reference, shared_cases, start_proxy } from './harness/proxy.mjs';
import { test } from './harness/test.mjs';
import { until } from './harness/until.mjs';
import { open_websocket } from './harness/websocket.mjs';
import { exchange } from './harness/wire_http.mjs';

const here = path.dirname(fileURLToPath(import.meta.url));

async function start_web(world) {
    const file = path.join(here, 'programs', 'web_program.mjs');
    const web = world.track(new program('web program', process.execPath, [file]));
    return `127.0.0.1:${await web.ready('web')}`;
}

/** python3 -m http.server with the files of `directory`. It prints its port only unbuffered. */
async function start_python(world, directory) {
    const args = ['-u', '-m', 'http.server', '0', '--bind', '127.0.0.1'];
    const python = world.track(new program('python', '/usr/bin/python3', args, { cwd: directory }));
    const port = () => /port (\d+)/.exec(python.output)?.[1];
    return `127.0.0.1:${await until('python listens', port)}`;
}

async function start_files(world, directory) {
    const nginx = await start_nginx(world.path('files-nginx'), {
        http: (port) => `server { listen 127.0.0.1:${port}; location /files/ {
            alias ${directory}/; } }`,
    });
    world.track(nginx.program);
    return `127.0.0.1:${nginx.port}`;
}

/** The three programs and the proxy before them; `url` is its address for curl and the browser. */
async function start_all(world) {
    const directory = world.path('site');
    fs.mkdirSync(path.join(directory, 'python'), { recursive: true });
    const large = Buffer.alloc(3_000_000, 'three million bytes ');
    fs.writeFileSync(path.join(directory, 'python', 'large.txt'), large);
    fs.writeFileSync(path.join(directory, 'large.txt'), large);
    const [web, python, files] = await Promise.all([
        start_web(world), start_python(world, directory), start_files(world, directory),
    ]);
    const routes = { '/': web, '/python/': python, '/files/': files };
    const proxy = is_reference ? await start_reference(world, routes)
        : await start_proxy(world, { keys: { 'gateway.body_bytes_max': 8_000_000 } }, {
            args: Object.entries(routes).flatMap(([at, to]) => ['--route', `${at}=${to}`]),
        });
    return { large, directory, proxy, url: `http://127.0.0.1:${proxy.port}`, web };
}

function start_reference(world, routes) {
    const names = Object.keys(routes);
    const name = (at) => `service${names.indexOf(at)}`;
    return start_proxy(world, {
        keys: { 'gateway.body_bytes_max': 8_000_000 },
        routes: names.map((at) => ({ path: at, service: name(at) })),
        upstreams: Object.fromEntries(names.map((at) => [name(at), { addresses: [routes[at]] }])),
    });
}

async function curl(...args) {
    const { code, output, log } = await run('curl', ['-sS', '--max-time', '60', ...args]);
    assert.equal(code, 0, log);
    return output;
}

const sha256 = (bytes) => createHash('sha256').update(bytes).digest('hex');

async function curl_cases(cases, world, { large, directory, url, web }) {
    const last = world.path('curl-output');
    const download = async (...args) => {
        await curl('-o', last, ...args);
        return sha256(fs.readFileSync(last));
    };
    await cases.run('curl loads a page with the headers of the program', async () => {
        const through = await curl('-i', `${url}/style.css`);
        assert.match(through, /^HTTP\/1\.1 200 OK\r\n/);
        assert.match(through, /^content-type: text\/css\r$/im);
        assert.ok(through.endsWith('\r\n\r\nbody { color: rgb(1, 2, 3); }'));
        assert.equal(await curl(`${url}/`), await curl(`http://${web}/`));
    });
    await cases.run('curl downloads large files of python and nginx', async () => {
        for (const name of ['python', 'files']) {
            assert.equal(await download(`${url}/${name}/large.txt`), sha256(large));
        }
        const part = await download('-r', '1000-1999999', `${url}/files/large.txt`);
        assert.equal(part, sha256(large.subarray(1000, 2_000_000)));
        const headers = await curl('-I', `${url}/files/large.txt`);
        assert.match(headers, /^content-length: 3000000\r$/im);
        assert.equal(await curl('-o', last, '-w', '%{http_code}', `${url}/files/none`), '404');
    });
    await cases.run('curl gets 304 without a body for a file it has', async () => {
        const etag = /^etag: (\S+)\r$/im.exec(await curl('-I', `${url}/files/large.txt`))[1];
        const fields = ['-H', `If-None-Match: ${etag}`, `${url}/files/large.txt`];
        assert.equal(await curl('-w', '%{http_code} %{size_download}', ...fields), '304 0');
    });
    await cases.run('curl uploads a file with a length, with chunks and with Expect', async () => {
        const file = path.join(directory, 'large.txt');
        const expected = { bytes: large.length, sha256: sha256(large) };
        for (const fields of [[], ['-H', 'Transfer-Encoding: chunked'],
            ['-H', 'Expect: 100-continue']]) {
            const reply = await curl('-T', file, ...fields, `${url}/upload`);
            assert.deepEqual(JSON.parse(reply), expected);
        }
    });
    await cases.run('curl follows a redirect and keeps the cookies of a login', async () => {
        const jar = world.path('cookies');
        const reply = await curl('-L', '-b', jar, '-c', jar, '-d', 'name=x', `${url}/login`);
        assert.match(reply, /^cookies: (user=7; b=2|b=2; user=7)$/);
    });
}

test('web programs behind the gateway serve curl, a browser, WebSockets and event sources',
    async (world, context) => {
        const all = await start_all(world);
        const { port } = all.proxy;
        const cases = new shared_cases(context);
        await curl_cases(cases, world, all);
        await cases.run('a browser loads a page with assets, an upload, events and a WebSocket',
            async () => {
                const page = await open_page(world, `${all.url}/`);
                const text = "document.getElementById('said')?.textContent";
                const all_said = 'event-1 image socket-hello style upload-100000';
                let said;
                await until('the page has loaded everything', async () => {
                    said = await page.value(text);
                    return said === all_said;
                }).catch((problem) => assert.equal(said, all_said, problem.message));
                await page.close();
            });
        await cases.run('a WebSocket carries small and large messages in both directions',
            async () => {
                const socket = await open_websocket(world, port, '/echo');
                await socket.echo('first');
                await socket.echo('large '.repeat(40_000));
                await socket.close(4321);
            });
        await cases.run('an event source connects again with the last id it got', async () => {
            const source = await new event_source(world, port, '/events').open();
            for (const id of ['1', '2', '3']) {
                assert.deepEqual(await source.next(), { type: 'tick', data: id, id });
            }
            source.close();
        });
        await cases.run('a program learns the address, the scheme and the host of the client',
            async () => {
                const fields = { Host: 'shop.example:81' };
                const reply = await exchange(world, port, 'GET', '/request?a=%20b', { fields });
                const { url, headers } = JSON.parse(reply.text);
                assert.equal(url, '/request?a=%20b');
                assert.equal(headers.host, 'shop.example:81');
                assert.equal(headers['x-forwarded-for'], '127.0.0.1');
                assert.equal(headers['x-forwarded-proto'], 'http');
                assert.equal(headers['x-forwarded-host'], 'shop.example:81');
                assert.match(headers['x-request-id'], /^[0-9a-f-]{32,36}$/);
            });
        cases.finish();
    });
