// SPDX-License-Identifier: Apache-2.0
// A reload of live keys: the workers apply them while they serve, so no connection is closed and no
// worker is replaced. Later workers and masters have the new values.

import assert from 'node:assert/strict';
import fs from 'node:fs';
import http from 'node:http';

import { installed_msd } from './harness/builds.mjs';
import { control } from './harness/control.mjs';
import { test } from './harness/test.mjs';
import { until } from './harness/until.mjs';
import { msd_binary } from './harness/world.mjs';

const shop = 'https://shop.example';
const partner = 'https://partner.example';

/** The origin that a reply on that connection allows. */
async function allowed_of(connection) {
    const allowed = [];
    for (const origin of [shop, partner]) {
        connection.write(`GET /goods HTTP/1.1\r\nHost: a\r\nOrigin: ${origin}\r\n\r\n`);
        const { status, headers, text } = await connection.response();
        assert.equal(status, 200, text);
        if (headers.get('access-control-allow-origin') === origin) {
            allowed.push(origin);
        }
    }
    return allowed.join(' ');
}

/**
 * `first` and `second` are contents of the configuration file, and `see` gets what a connection
 * shows of them: `shows.first`, `shows.second`. `wrong` has the line `wrong_line` of its file in
 * the messages, with each of `named`.
 */
async function check_reloads(world, { first, second, wrong, wrong_line, named, see, shows }) {
    const at = new installed_msd(world);
    const file = world.path('msd.toml');
    fs.writeFileSync(file, first);
    const up = await world.up({ workers: 2, binary: at.path, args: ['--config', file] });
    const port = up.port('gateway');
    const master = new control(world.path('run'), up);
    const ctl = (...args) => world.command(['ctl', ...args, '--runtime-dir', world.path('run')]);
    const all_pids = async () => Promise.all(['gateway', 'goods'].map((pool) => master.pids(pool)));
    // Connections spread over the workers, so each worker has some of these.
    const connections = [];
    for (let n = 0; n < 8; ++n) {
        connections.push(await world.connection(port));
        assert.equal(await see(connections[n]), shows.first);
    }
    const before = await all_pids();

    fs.writeFileSync(file, second);
    const done = await ctl('reload');
    assert.equal(done.code, 0, done.log);
    for (const each of connections) {
        assert.equal(await see(each), shows.second);
        assert.ok(!each.is_closed);
    }
    assert.deepEqual(await all_pids(), before);
    assert.equal((await master.status()).roll.id, 0);

    fs.writeFileSync(file, wrong);
    const refused = await ctl('reload');
    assert.equal(refused.code, 1);
    for (const part of [`${file}:${wrong_line}: `, ...named]) {
        assert.ok(refused.log.includes(part), refused.log);
    }
    assert.equal(await see(connections[0]), shows.second);
    assert.deepEqual(await all_pids(), before);

    // A worker that starts later has the configuration that was applied last, not the wrong one.
    up.expect_deaths();
    const see_in_new_workers = async () => {
        const old = await master.pids('gateway');
        old.forEach((pid) => process.kill(pid, 'SIGKILL'));
        await until('all workers are replaced', async () =>
            (await master.pids('gateway')).every((pid) => !old.includes(pid)));
        const fresh = await world.connection(port);
        assert.equal(await see(fresh), shows.second);
        return fresh;
    };
    const fresh = await see_in_new_workers();
    // The master that takes over has the copy of the file, not the wrong one.
    at.put(msd_binary); // a new file, as after an update
    const upgraded = await ctl('upgrade', '--wait');
    assert.equal(upgraded.code, 0, upgraded.log);
    assert.equal(await see(fresh), shows.second);
    const last = await see_in_new_workers();

    fs.writeFileSync(file, first);
    const again = await ctl('reload');
    assert.equal(again.code, 0, again.log);
    assert.equal(await see(last), shows.first);
    assert.ok(!last.is_closed);
}

test('gateway.cors changes without a closed connection or a new worker', async (world) => {
    const file = (origin, ...more) =>
        ['[gateway]', `cors = "${origin}"`, ...more].map((line) => `${line}\n`).join('');
    await check_reloads(world, {
        first: file(shop),
        second: file(partner),
        wrong: file(shop, 'corz = "x"'),
        wrong_line: 3,
        named: ['gateway.corz', 'did you mean gateway.cors'],
        see: allowed_of,
        shows: { first: shop, second: partner },
    });
});

/** The replies of three routes: a text, a web program, and none. */
async function routes_of(connection) {
    const seen = [];
    for (const target of ['/text', '/program/x', '/gone']) {
        connection.write(`GET ${target} HTTP/1.1\r\nHost: a\r\n\r\n`);
        const { status, text } = await connection.response();
        seen.push(status === 200 ? text : String(status));
    }
    return seen.join(' ');
}

/** A web program that replies with its name. */
async function web_program(world, name) {
    const server = http.createServer((request, reply) => {
        reply.setHeader('Content-Length', name.length);
        reply.end(name);
    });
    await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
    world.on_close(() => {
        server.closeAllConnections();
        server.close();
    });
    return server.address().port;
}

test('routes and their programs change without a closed connection or a new worker',
    async (world) => {
        const ports = [await web_program(world, 'alpha'), await web_program(world, 'beta')];
        const file = (text, port, more = '') => `
[[gateway.routes]]
path = "/text"
respond = { body = "${text}" }

[[gateway.routes]]
path = "/program/"
service = "program"
${more}
[upstream.program]
addresses = ["127.0.0.1:${port}"]
`;
        const gone = '[[gateway.routes]]\npath = "/gone"\nrespond = { body = "here" }\n';
        await check_reloads(world, {
            first: file('one', ports[0], gone),
            second: file('two', ports[1]),
            wrong: file('three', ports[0], '[[gateway.routes]]\npath = "/text"\nservice = "a"\n'),
            wrong_line: 9,
            named: ['gateway.routes.path'],
            see: routes_of,
            shows: { first: 'one alpha here', second: 'two beta 404' },
        });
    });
