// SPDX-License-Identifier: Apache-2.0
// `msd export`, `msd import` and `msd compare`: the data of the services moves between SQLite,
// MariaDB and files with ids and passwords, also from the database of an existing deployment.

import assert from 'node:assert/strict';
import fs from 'node:fs';

import { mariadb_password, mariadb_user } from './harness/mariadb.mjs';
import { test } from './harness/test.mjs';

// With a line end, as a variable has that a shell reads from a file.
const passwords = {
    MSD_STORE_PASSWORD: `${mariadb_password}\n`,
    MSD_OTHER_PASSWORD: `${mariadb_password}\n`,
};
const services = ['goods', 'members', 'purchases', 'stores'];

const any_price = { 'services.goods.negative_prices': true };

async function fill(up) {
    const post = async (target, body) => {
        const { json } = await up.http('POST', target, { body });
        assert.equal(json.errorcode, 0, JSON.stringify(json));
        return json;
    };
    const product = { name: 'a¶b 연필 🖍', category: "x' -- ", price: 4.15, description: '"\\\n' };
    const { id } = await post('/goods', product);
    await post('/goods', { ...product, price: -0.0001 });
    await up.http('DELETE', `/goods/${(await post('/goods', product)).id}`);
    const { userid } = await post('/members', { username: '김', password: 'open it' });
    await post('/purchases', { userid, goodsid: id, quantity: -3 });
    await post('/stores', { name: '서울', lat: 37.566535123456, lon: 126.9779692 });
    return { id, userid };
}

async function everything(up, userid) {
    const ask = async (target) => (await up.http('GET', target)).json;
    return {
        goods: await ask('/goods'),
        login: await ask(`/members?${new URLSearchParams({ username: '김', password: 'open it' })}`),
        purchases: await ask(`/purchases?userid=${userid}`),
        stores: await ask('/stores?lat=37.5&lon=127&radius_m=1e5'),
    };
}

/** The output of `msd ARGS… --json` on the world's data directory; the command must succeed. */
async function rows(world, args) {
    const all = [...args, '--json', '--data-dir', world.path('data')];
    const { code, output, log } = await world.command(all, { env: passwords });
    assert.equal(code, 0, `${args.join(' ')}: ${log}${output}`);
    assert.equal(log, '');
    return JSON.parse(output);
}

test('an export of SQLite is imported into MariaDB, and both are equal', async (world) => {
    const server = await world.mariadb();
    const embedded = await world.up({ config: any_price });
    const { userid } = await fill(embedded);
    const before = await everything(embedded, userid);
    await embedded.stop('SIGINT');

    const shop = world.path('shop');
    assert.deepEqual(
        await rows(world, ['export', shop]),
        [{ service: 'goods', rows: 2, added: 2 }, { service: 'members', rows: 1, added: 1 },
            { service: 'purchases', rows: 1, added: 1 },
            { service: 'stores', rows: 1, added: 1 }],
    );
    assert.deepEqual(fs.readdirSync(shop).sort(), services.map((name) => `${name}.jsonl`));
    for (const name of fs.readdirSync(shop)) {
        assert.equal(fs.statSync(world.path('shop', name)).mode & 0o777, 0o600);
    }
    const store = ['--store', server.url];
    const [goods] = await rows(world, ['import', shop, ...store]);
    assert.deepEqual(goods, { service: 'goods', rows: 2, added: 2 });
    const [again] = await rows(world, ['import', shop, ...store]);
    assert.deepEqual(again, { service: 'goods', rows: 2, added: 0 });
    for (const other of [shop, `sqlite:${world.path('data')}`]) {
        for (const compared of await rows(world, ['compare', other, ...store])) {
            const { different, only_here, only_there } = compared;
            assert.deepEqual([different, only_here, only_there], [0, 0, 0]);
            assert.ok(compared.equal > 0);
        }
    }

    const served = await world.up({ args: store, env: passwords });
    assert.deepEqual(await everything(served, userid), before);
    const { json } = await served.http('POST', '/goods', {
        body: { name: 'new', category: 'c', price: 1, description: 'd' },
    });
    assert.equal(json.id, 4, 'the id of the deleted product is not used again');
    // An export of a version without stores.
    fs.rmSync(world.path('shop', 'stores.jsonl'));
    const { code, output } = await world.command(
        ['compare', shop, ...store, '--data-dir', world.path('data')],
        { env: passwords },
    );
    assert.equal(code, 1);
    assert.match(output, /^goods +2 +0 +1 +0 +id 4$/m);
    assert.match(output, /^stores +0 +0 +1 +0 +id 1$/m);
    assert.equal((await rows(world, ['import', shop, ...store])).at(-1).rows, 0);
});

test('an interrupted export continues with the first incomplete service', async (world) => {
    const up = await world.up({ config: any_price });
    await fill(up);
    await up.stop('SIGINT');
    const shop = world.path('shop');
    await rows(world, ['export', shop]);
    const read = (name) => fs.readFileSync(world.path('shop', `${name}.jsonl`), 'utf8');
    const whole = services.map(read);

    // The files after an interrupt: goods complete, members begun, nothing else.
    const members = read('members');
    const last_line = members.lastIndexOf('\n', members.length - 2) + 1;
    fs.writeFileSync(world.path('shop', 'members.jsonl'), members.slice(0, last_line));
    fs.rmSync(world.path('shop', 'purchases.jsonl'));
    fs.rmSync(world.path('shop', 'stores.jsonl'));
    assert.deepEqual(
        await rows(world, ['export', shop]),
        [{ service: 'goods', rows: 2, added: 0 }, { service: 'members', rows: 1, added: 0 },
            { service: 'purchases', rows: 1, added: 1 },
            { service: 'stores', rows: 1, added: 1 }],
    );
    assert.deepEqual(services.map(read), whole);
    const again = await world.command(['export', shop, '--data-dir', world.path('data')]);
    assert.equal(again.code, 1);
    assert.match(again.log, /goods\.jsonl is a complete export: remove it/);
});

test('an import from an existing deployment does not change its database', async (world) => {
    const server = await world.mariadb();
    await server.query(`
        CREATE DATABASE monolithic CHARACTER SET latin1;
        GRANT SELECT ON monolithic.* TO ${mariadb_user}@'%';
        USE monolithic;
        CREATE TABLE goods(id INT NOT NULL AUTO_INCREMENT PRIMARY KEY, name VARCHAR(128) NOT NULL,
            category VARCHAR(128) NOT NULL, price INT NOT NULL, description TEXT NOT NULL);
        CREATE TABLE members(id INT NOT NULL AUTO_INCREMENT PRIMARY KEY,
            username VARCHAR(128) NOT NULL UNIQUE, password VARCHAR(256) NOT NULL);
        CREATE TABLE purchases(id INT NOT NULL AUTO_INCREMENT PRIMARY KEY, userid INT NOT NULL,
            goodsid INT NOT NULL, date DATETIME DEFAULT CURRENT_TIMESTAMP);
        INSERT INTO goods VALUES(3, 'caf\u00e9', 'old', 1000, 'of the first days');
        INSERT INTO members VALUES(9, 'ann', PASSWORD('her secret'));
        INSERT INTO purchases VALUES(5, 9, 3, '2019-07-01 12:00:00');
    `);
    const schema = () => server.query('SHOW CREATE TABLE monolithic.purchases');
    const before = await schema();
    const old = server.url.replace(/\/msd$/, '/monolithic');
    const file = world.path('msd.toml');
    fs.writeFileSync(file, '[store]\nlegacy_time_zone = "+09:00"\n');
    for (const args of [['import', old], ['import', old, '--store', server.url]]) {
        const done = await rows(world, [...args, '--config', file]);
        assert.deepEqual(done.map(({ added }) => added), [1, 1, 1, 0]);
        args[0] = 'compare';
        const compared = await rows(world, [...args, '--config', file]);
        assert.deepEqual(compared.map(({ equal }) => equal), [1, 1, 1, 0]);
    }
    assert.deepEqual(await schema(), before);

    const up = await world.up();
    const goods = (await up.http('GET', '/goods')).json.results;
    const description = 'of the first days';
    assert.deepEqual(goods, [{ id: 3, name: 'café', category: 'old', price: 1000, description }]);
    const login = '/members?username=ann&password=her+secret';
    assert.equal((await up.http('GET', login)).json.userid, 9);
    const [bought] = (await up.http('GET', '/purchases?userid=9')).json.results;
    assert.equal(bought.date, '2019-07-01T03:00:00.000Z');
});

test('a transfer that cannot be done reports the reason and leaves nothing', async (world) => {
    const own = ['--data-dir', world.path('data')];
    const refused = async (args, code, expected, env = {}) => {
        const ended = await world.command([...args, ...own], { env });
        assert.equal(ended.code, code, `${args.join(' ')}: ${ended.log}`);
        assert.match(ended.log, expected);
        assert.doesNotMatch(ended.log, /geheim/);
    };
    await refused(['export', world.path('shop')], 1, /goods\.db/);
    assert.ok(!fs.existsSync(world.path('shop')), 'a refused export creates nothing');
    await refused(['import', world.path('shop')], 1, /goods\.jsonl/);
    assert.ok(!fs.existsSync(world.path('data')));
    await refused(['import', 'mysql://u:geheim@127.0.0.1:1/d'], 2, /MSD_OTHER_PASSWORD/);
    await refused(['import', 'mysql://u@127.0.0.1:1/d'], 1, /cannot be reached/);
    await refused(['import', 'x', '--service', 'logs'], 2, /logs/);
    await refused(['import', '--service', 'goods', world.path('shop')], 1, /goods\.jsonl/);
    fs.writeFileSync(world.path('readable'), 'geheim', { mode: 0o644 });
    const store = ['--store', 'mysql://u@127.0.0.1:1/d'];
    const file = { MSD_STORE_PASSWORD_FILE: world.path('readable') };
    await refused(['export', world.path('shop'), ...store], 78, /readable/, file);
    await refused(['export', 'sqlite:/x'], 2, /directory/);
    fs.mkdirSync(world.path('shop'));
    fs.writeFileSync(world.path('shop', 'goods.jsonl'), '{"msd_export":1,"service":"goods"}\n');
    await refused(['import', world.path('shop')], 1, /goods\.jsonl is incomplete, because/);
});
