// SPDX-License-Identifier: Apache-2.0
// The services on a MariaDB server: the replies equal those on SQLite, also after the server stops
// and restarts, and no reply or log line contains the server's secrets.

import assert from 'node:assert/strict';
import fs from 'node:fs';

import { assert_no_secrets } from './harness/secrets.mjs';
import { mariadb_password } from './harness/mariadb.mjs';
import { test } from './harness/test.mjs';
import { until } from './harness/until.mjs';

const pencil = { name: '연필 \u{1F58A} a\u00b6b', category: 'c', price: 1.2345, description: 'd' };
const env = { MSD_STORE_PASSWORD: mariadb_password };

async function up_on(world, server, options = {}) {
    return world.up({ args: ['--store', server.url], env, ...options });
}

test('the replies on MariaDB equal those on SQLite', async (world) => {
    const server = await world.mariadb();
    const config = { 'services.goods.negative_prices': true };
    const ups = [await world.up({ config }), await up_on(world, server, { workers: 2, config })];
    const asked = [
        ['GET', '/goods'],
        ['POST', '/goods', { body: pencil }],
        ['POST', '/goods', { body: { ...pencil, price: '0.00001' } }],
        ['GET', '/goods/1'],
        ['GET', '/goods/2'],
        ['GET', `/goods?category=${encodeURIComponent("c' OR '1'='1")}`],
        ['PUT', '/goods/1', { body: { ...pencil, price: -3 } }],
        ['GET', '/goods?limit=1'],
        ['POST', '/members', { body: { username: "test_account' -- ", password: 'p' } }],
        ['POST', '/members', { body: { username: "test_account' -- ", password: 'p' } }],
        ['GET', '/members?username=test_account&password=p'],
        ['GET', `/members?username=${encodeURIComponent("test_account' -- ")}&password=p`],
        ['POST', '/purchases', { body: { userid: 1, goodsid: 1, quantity: 3 } }],
        ['POST', '/purchases', { body: { userid: 1, goodsid: 99 } }],
        ['DELETE', '/goods/1'],
        ['DELETE', '/goods/1'],
    ];
    for (const [method, target, body] of asked) {
        const [embedded, other] = await Promise.all(
            ups.map((up) => up.http(method, target, body)),
        );
        assert.equal(other.text, embedded.text, `${method} ${target}`);
        assert.equal(other.status, embedded.status);
        assert_no_secrets(other.text, world.secrets);
    }
    const { results } = (await ups[1].http('GET', '/purchases?userid=1')).json;
    assert.deepEqual(
        results.map(({ goodsid, quantity, price }) => ({ goodsid, quantity, price })),
        [{ goodsid: 1, quantity: 3, price: -3 }],
    );
    assert.ok(Math.abs(Date.parse(results[0].date) - Date.now()) < 120_000, results[0].date);
});

test('requests get 503 while the server is down, and no secret is shown', async (world) => {
    const server = await world.mariadb({ durable: true });
    const up = await up_on(world, server, { workers: 2 });
    const { id } = (await up.http('POST', '/goods', { body: pencil })).json;
    let replies = '';
    const ask = async () => {
        const reply = await up.http('GET', `/goods/${id}`);
        replies += reply.text;
        return reply;
    };
    for (const fault of ['kill', 'freeze']) {
        await server[fault]();
        const begun = Date.now();
        for (let n = 0; n < 20; ++n) {
            const { status, text } = await ask();
            // With a frozen server, the first call of each worker waits for its whole timeout.
            assert.ok(status === 503 || status === 504, `${status} ${text}`);
        }
        assert.ok(Date.now() - begun < 60_000);
        assert.equal((await up.http('GET', '/nothing')).status, 404, 'the gateway answers');
        const write = await up.http('POST', '/goods', { body: pencil });
        assert.equal(write.status, 503);
        replies += write.text;
        if (fault === 'kill') {
            await server.start();
        } else {
            server.thaw();
        }
        const back = Date.now();
        await until('goods answers again', async () => (await ask()).status === 200);
        assert.ok(Date.now() - back < 30_000); // ten times the promised 3 s
    }
    // Another worker than the one that logged the outage may have answered.
    await until('the recovery is logged', () => /store of goods: works again/.test(up.log));
    await up.stop('SIGINT');
    assert_no_secrets(replies, world.secrets);
    assert.match(up.log, /store of goods: .*MySQL error/);
});

test('services start while the server is down', async (world) => {
    const server = await world.mariadb();
    await server.stop();
    const goods = await world.role('goods', { args: ['--store', server.url], env });
    await until('the outage is logged', () =>
        /store of goods: the server cannot be reached/.test(goods.log));
    const client = await world.packets(goods.port('goods'));
    const ask = () => client.request('GET', '/goods', {});
    assert.equal((await ask()).errormessage, 'store unavailable');
    await server.start();
    await until('goods answers', async () => (await ask()).errormessage === 'no data');
});

test('forty concurrent requests succeed on a server with ten connections', async (world) => {
    const server = await world.mariadb({ connections_max: 10 });
    const up = await up_on(world, server, { workers: 3 });
    for (let round = 0; round < 5; ++round) {
        const all = Array.from({ length: 40 }, (_, n) =>
            n % 2 === 0
                ? up.http('GET', '/goods')
                : up.http('POST', '/goods', { body: pencil }));
        const failed = (await Promise.all(all)).filter(({ status }) => status !== 200);
        assert.deepEqual(failed.map(({ text }) => text), []);
    }
});

test('an existing database is adopted, shared with existing nodes, and migrated', async (world) => {
    const server = await world.mariadb();
    await server.query(`
        CREATE TABLE members(id INT NOT NULL AUTO_INCREMENT PRIMARY KEY,
            username VARCHAR(128) UNIQUE, password VARCHAR(256)) CHARACTER SET utf8;
        INSERT INTO members(username, password) VALUES ('kim', PASSWORD('of kim')),
            ('lee', PASSWORD('of lee')), ('early', '')`);
    const planned = await world.command(
        ['migrate', '--dry-run', '--json', '--store', server.url, ...world.own_dirs()],
        { env },
    );
    assert.equal(planned.code, 0, planned.log);
    const [, members] = JSON.parse(planned.output);
    assert.deepEqual([members.service, members.found, members.adopts], ['members', 0, true]);
    assert.equal((await server.query('SHOW TABLES')).length, 1, 'no table was created');

    const up = await up_on(world, server);
    const login = async (username, password) => {
        const body = new URLSearchParams({ username, password });
        return (await up.http('GET', `/members?${body}`)).json;
    };
    const let_in = (userid) => ({ errorcode: 0, errormessage: 'success', userid });
    const refused = { errorcode: 1, errormessage: 'invalid password' };
    const hashes = async (name) => (await server.query(
        `SELECT password, password_argon2id FROM members WHERE username = '${name}'`))[0];
    /** The query by which a node of the existing deployment finds a member. */
    const existing_node = async (username, password) => (await server.query(
        `SELECT id FROM members WHERE username = '${username}'
            AND password = PASSWORD('${password}')`)).length === 1;

    assert.deepEqual(await login('kim', 'wrong'), refused);
    for (const name of ['kim', 'KIM', 'kim']) {
        assert.deepEqual(await login(name, 'of kim'), let_in(1));
        assert.deepEqual(await login(name, 'of  kim'), refused);
        const [password, argon2id] = await hashes('kim');
        assert.match(password, /^\*/);
        assert.match(argon2id, /^\$argon2id\$/);
        assert.ok(await existing_node('Kim', 'of kim'));
    }
    const ann = { username: 'ann', password: '\uc5f0\ud544' };
    const add = (member) => up.http('POST', '/members', { body: member });
    const { userid } = (await add(ann)).json;
    assert.deepEqual(await login('ann', ann.password), let_in(userid));
    assert.ok(await existing_node('ann', ann.password));
    assert.equal((await add({ ...ann, username: 'ANN' })).status, 409);

    // A node of the existing deployment sets another password: the old password is refused.
    await server.query("UPDATE members SET password = PASSWORD('new') WHERE username = 'kim'");
    assert.deepEqual(await login('kim', 'of kim'), refused);
    assert.deepEqual(await login('kim', 'new'), let_in(1));
    // A row of an earlier version of msd holds only msd's own hash.
    await server.query(`UPDATE members early, members k SET early.password = k.password_argon2id
        WHERE early.username = 'early' AND k.username = 'kim'`);
    assert.deepEqual(await login('early', 'new'), let_in(3));
    assert.ok(await existing_node('early', 'new'));

    const finish = async (...more) => {
        const done = await world.command(
            ['migrate', '--finish', '--json', '--store', server.url, ...world.own_dirs(), ...more],
            { env },
        );
        assert.equal(done.code, 0, done.log);
        return JSON.parse(done.output)[1];
    };
    const would = await finish('--dry-run');
    assert.equal(would.legacy_use, 'shared');
    assert.match(would.finishing.join(), /convert members.*argon2id hash of 3 members.*1 others/);
    assert.ok(await existing_node('kim', 'new'));
    assert.deepEqual((await finish()).finishing, would.finishing);
    assert.deepEqual((await finish()).finishing, []);

    const [password, argon2id] = await hashes('kim');
    assert.match(password, /^\$argon2id\$/);
    assert.equal(argon2id, 'NULL');
    assert.deepEqual(await login('kim', 'new'), let_in(1));
    assert.deepEqual(await login('KIM', 'new'), refused);
    assert.match((await hashes('lee'))[0], /^\*/, 'until its next login');
    assert.deepEqual(await login('lee', 'of lee'), let_in(2));
    assert.match((await hashes('lee'))[0], /^\$argon2id\$/);
    assert.equal((await add({ ...ann, username: 'ANN' })).status, 200);
    assert.match((await hashes('ANN'))[0], /^\$argon2id\$/);
});

test('passwords are accepted from a file or the environment only', async (world) => {
    const server = await world.mariadb();
    const start = (args, variables = {}) =>
        world.command(['service', 'goods', '--port', '0', ...world.own_dirs(), ...args], {
            env: variables,
        });
    const typed = server.url.replace('@', ':hush-4711@');
    const refused = await start(['--store', typed]);
    assert.equal(refused.code, 2);
    assert.match(refused.log, /MSD_STORE_PASSWORD/);
    assert.doesNotMatch(refused.log, /hush/);

    const file = world.path('password');
    fs.writeFileSync(file, `${mariadb_password}\n`, { mode: 0o644 });
    const open = await start(['--store', server.url], { MSD_STORE_PASSWORD_FILE: file });
    assert.equal(open.code, 78);
    assert.match(open.log, /other users can read/);
    fs.chmodSync(file, 0o600);
    const goods = await world.role('goods', {
        args: ['--store', server.url],
        env: { MSD_STORE_PASSWORD_FILE: file },
    });
    await goods.stop('SIGINT');

    const wrong = await start(['--store', server.url], { MSD_STORE_PASSWORD: 'wrong' });
    assert.equal(wrong.code, 78);
    assert.match(wrong.log, /store of goods: the server denies access/);
});
