// SPDX-License-Identifier: Apache-2.0
// scripts/load-sample: it loads invoice lines through the gateway; each line is stored once, also
// when programs are interrupted or killed meanwhile.

import assert from 'node:assert/strict';
import crypto from 'node:crypto';
import fs from 'node:fs';
import path from 'node:path';

import { http } from './harness/http_client.mjs';
import { mariadb_password } from './harness/mariadb.mjs';
import { program, run } from './harness/program.mjs';
import { repeated, sanitized } from './harness/scale.mjs';
import { test } from './harness/test.mjs';
import { until } from './harness/until.mjs';
import { repository } from './harness/world.mjs';

const script = path.join(repository, 'scripts', 'load-sample');
const sample = process.env.MSD_SAMPLE ??
    path.join(repository, '..', 'shared', 'data', 'online-retail-sample.csv');
const header = 'InvoiceNo,StockCode,Description,Quantity,InvoiceDate,UnitPrice,CustomerID,Country';

const none_other = /^others +0 purchases of these members, 0 products alike$/m;

function load(port, file, ...more) {
    const args = [file, '--gateway', `http://127.0.0.1:${port}`, '--connections', '8', ...more];
    return run(script, args, { limit_ms: 60_000 });
}

function write(world, name, lines, end = '\n') {
    const file = world.path(name);
    fs.writeFileSync(file, lines.map((line) => line + end).join(''));
    return file;
}

test('valid lines are stored once, invalid lines are refused with their number', async (world) => {
    const up = await world.up();
    const file = write(world, 'lines.csv', [
        header,
        '536365,85123A,"WHITE, ""T-LIGHT"" HOLDER",6,2010-12-01 08:26:00,2.55,17850.0,UK',
        '536365,85123A,WHITE HANGING HOLDER,6,2010-12-01 08:26:00,2.55,17850.0,United Kingdom',
        '536365,85123A,WHITE HANGING HOLDER,6,2010-12-01 08:26:00,2.55,17850.0,United Kingdom',
        'C536379,85123A,RETURNED,-2,2010-12-01 09:41:00,2.95,,United Kingdom',
        '1,B,two,1,2010-12-01 08:26:00,1.00,17850.0', // line 6: a field is missing
        '1,B,two,0,2010-12-01 08:26:00,1.00,17850.0,X', // line 7
        '1,B,two,x,2010-12-01 08:26:00,1.00,17850.0,X',
        '1,B,two,1,2010-13-01 08:26:00,1.00,17850.0,X',
        '1,B,two,1,2010-02-30 08:26:00,1.00,17850.0,X', // line 10
        '1,B,two,1,2010-12-01 08:26:00,-1.00,17850.0,X',
        '1,B,two,1,2010-12-01 08:26:00,1.23456,17850.0,X',
        '1,,two,1,2010-12-01 08:26:00,1.00,17850.0,X',
        '1,B,"two',
        'lines",1,2010-12-01 08:26:00,0.0,17850.0,X', // line 14 continues in line 15
        '1,C,three,1,2010-12-01 08:26:00,0.0001,99.0,X',
        '1,D,"not closed,1,2010-12-01 08:26:00,1.00,17850.0,X', // line 17
    ]);
    const { code, output, log } = await load(up.port('gateway'), file);
    assert.equal(code, 0, output + log);
    const refused = [...output.matchAll(/^line (\d+) refused: (.+)$/gm)].map(([, n]) => Number(n));
    assert.deepEqual(refused, [6, 7, 8, 9, 10, 11, 12, 13, 17]);
    assert.match(output, /^line 7 refused: Quantity is 0$/m);
    assert.match(output, /^purchases +6 found, 6 in the file$/m);
    // 3 × 6 × 2.55 − 2 × 2.95 + 1 × 0 + 1 × 0.0001
    assert.match(output, /^sum +40\.0001 found, 40\.0001 in the file$/m);
    const goods = (await up.http('GET', '/goods')).json.results;
    const priced = goods.map(({ name, price }) => `${name} ${price}`).sort();
    assert.deepEqual(priced, ['85123A 2.55', '85123A 2.95', 'B 0', 'C 0.0001']);

    const again = await load(up.port('gateway'), file);
    assert.equal(again.code, 0, again.output + again.log);
    assert.match(again.output, /^purchases +6 found, 6 in the file$/m);
    assert.match(again.output, none_other);
});

test('a byte-order mark, CR LF and American dates are accepted', async (world) => {
    const up = await world.up();
    const lines = [
        `\ufeff${header}`,
        '1,A,one,1,12/1/2010 8:26,1.5,1,X',
        '1,B,two,2,1/31/2011 18:05,0.25,2,X',
        '1,B,two,2,31/1/2011 18:05,0.25,2,X',
        '',
        '1,C,three,3,2010-12-01 8:26,1,,X',
    ];
    const file = write(world, 'other.csv', lines, '\r\n');
    const { code, output, log } = await load(up.port('gateway'), file);
    assert.equal(code, 0, output + log);
    assert.match(output, /^line 4 refused: InvoiceDate is not a date/m);
    assert.match(output, /^lines +4 read, 1 refused$/m);
    assert.match(output, /^sum +5 found/m);
});

test('purchases already in the store are not counted for a file', async (world) => {
    const up = await world.up();
    const line = '1,A,one,1,2010-12-01 08:26:00,1.5,,X';
    const one = write(world, 'one.csv', [header, line]);
    assert.equal((await load(up.port('gateway'), one)).code, 0);
    // Another client buys as the same member.
    const { id } = (await up.http('GET', '/goods')).json.results[0];
    const body = { userid: 1, goodsid: id, quantity: 5 };
    assert.equal((await up.http('POST', '/purchases', { body })).status, 200);
    // The second file contains the line of the first file twice.
    const two = write(world, 'two.csv', [header, line, line]);
    for (const again of [false, true]) {
        const { code, output, log } = await load(up.port('gateway'), two);
        assert.equal(code, 0, `again: ${again}\n${output}${log}`);
        assert.match(output, /^purchases +2 found, 2 in the file$/m);
        assert.match(output, /^others +2 purchases of these members, 0 products alike$/m);
    }
    const all = (await up.http('GET', '/purchases?userid=1')).json.results;
    assert.deepEqual(all.map(({ quantity }) => quantity), [1, 5, 1, 1]);
});

test('a difference between file and store exits with 1', async (world) => {
    const up = await world.up();
    const line = '1,A,one,1,2010-12-01 08:26:00,1.5,7,X';
    const one = write(world, 'one.csv', [header, line]);
    assert.equal((await load(up.port('gateway'), one)).code, 0);
    // The price changes between two files.
    const { id, ...product } = (await up.http('GET', '/goods')).json.results[0];
    const body = { ...product, price: 2.75 };
    assert.equal((await up.http('PUT', `/goods/${id}`, { body })).status, 200);
    const two = write(world, 'two.csv', [header, line, line]);
    const { code, output } = await load(up.port('gateway'), two);
    assert.equal(code, 1);
    assert.match(output, /^DIFFERENT +product \d+: A at 2\.75 instead of A at 1\.5$/m);
    assert.match(output, /^DIFFERENT +sum of the purchases of 7: 5\.5 instead of 3$/m);
});

test('an existing member is used if the derived password is right, else named', async (world) => {
    const up = await world.up();
    const file = write(world, 'one.csv', [header, '1,A,one,1,2010-12-01 08:26:00,1.5,7,X']);
    const sign_up = async (password) => {
        const body = { username: '7', password };
        assert.equal((await up.http('POST', '/members', { body })).status, 200);
    };
    await sign_up('of their own');
    const refused = await load(up.port('gateway'), file);
    assert.equal(refused.code, 1);
    assert.match(refused.log, /the member "7" is in the way: .*invalid password/);

    await up.http('DELETE', '/members?username=7');
    await sign_up(crypto.createHmac('sha256', 'sample').update('7').digest('base64url'));
    const { code, output, log } = await load(up.port('gateway'), file);
    assert.equal(code, 0, output + log);
});

test('an unreachable gateway is reported after --patience', async (world) => {
    const file = write(world, 'one.csv', [header, '1,A,one,1,2010-12-01 08:26:00,1.5,7,X']);
    const { code, log } = await load(1, file, '--patience', '0.3');
    assert.equal(code, 1);
    assert.match(log, /ECONNREFUSED/);
});

// Tests with the sample file, also with interrupts and killed processes. CI requires the file.
const missing = !fs.existsSync(sample);
const skip = missing && !process.env.CI ? `no sample file at ${sample}` : false;
const first_lines = (count) =>
    fs.readFileSync(sample, 'utf8').split(/\r?\n/).slice(0, count + 1);

/** The output when the store holds exactly the lines of the file. */
const as_in_the_file = (count) => [
    new RegExp(`^lines +${count} read, 0 refused$`, 'm'),
    new RegExp(`^purchases +${count} found, ${count} in the file$`, 'm'),
    /^products +(\d+) found, \1 in the file$/m,
    /^sum +([\d.]+) found, \1 in the file$/m,
    none_other,
];

test('sample lines in MariaDB have the expected counts and equal their SQLite copy',
    { skip, limit_ms: 900_000 }, async (world) => {
        assert.ok(!missing, `there is no sample file at ${sample} (MSD_SAMPLE)`);
        const count = repeated(1000, 30_000);
        const file = write(world, 'sample.csv', first_lines(count));
        const server = await world.mariadb();
        const env = { MSD_STORE_PASSWORD: mariadb_password, MSD_OTHER_PASSWORD: mariadb_password };
        const up = await world.up({ args: ['--store', server.url], env });
        const args = [file, '--gateway', `http://127.0.0.1:${up.port('gateway')}`];
        const { code, output, log } = await run(script, args, { limit_ms: 800_000 });
        assert.equal(code, 0, output + log);
        for (const found of as_in_the_file(count)) {
            assert.match(output, found);
        }
        await up.stop('SIGINT');

        const in_sqlite = ['--data-dir', world.path('data')];
        const shop = world.path('shop');
        const rows = async (...command) => {
            const done = await world.command([...command, '--json'], { env });
            assert.equal(done.code, 0, done.log + done.output);
            return JSON.parse(done.output);
        };
        await rows('export', shop, '--store', server.url, ...in_sqlite);
        await rows('import', shop, ...in_sqlite);
        const compared = await rows('compare', server.url, ...in_sqlite);
        for (const { service, different, only_here, only_there, equal } of compared) {
            assert.deepEqual([service, different, only_here, only_there], [service, 0, 0, 0]);
            assert.equal(equal > 0, service !== 'stores', service); // no stores in the sample
        }
        assert.equal(compared.find(({ service }) => service === 'purchases').equal, count);
    });

test('30,000 lines are stored once despite interrupts and kills', { skip, limit_ms: 1_500_000 },
    async (world, context) => {
        assert.ok(!missing, `there is no sample file at ${sample} (MSD_SAMPLE)`);
        const count = sanitized ? 3000 : 30_000; // further lines run no other code
        const up = await world.up({ workers: 2 });
        up.expect_deaths();
        const port = up.port('gateway');
        const file = write(world, 'sample.csv', first_lines(count));
        const args = [file, '--gateway', `http://127.0.0.1:${port}`, '--progress'];
        const purchases = (started) =>
            Number([...started.log.matchAll(/^(\d+) purchases/gm)].at(-1)?.[1] ?? 0);
        let least = 0;
        for (const signal of ['SIGINT', 'SIGKILL']) {
            const started = new program(`load-sample until ${signal}`, script, args);
            least += count / 10;
            await until('purchases are made', () => purchases(started) > least, 600_000);
            const ended = await started.stop(signal);
            assert.deepEqual(ended, signal === 'SIGINT' ? { code: 130, signal: null }
                : { code: null, signal: 'SIGKILL' });
        }
        const last = new program('load-sample to the end', script, args);
        world.on_close(() => last.signal('SIGKILL'));
        for (const pool of ['goods', 'purchases', 'gateway', 'members', 'goods']) {
            least += count / 10;
            await until('further purchases are made', () =>
                purchases(last) > least || last.ended, 600_000);
            process.kill(up.workers(pool)[0].pid, 'SIGKILL');
        }
        const { code } = await last.exit;
        context.diagnostic(last.output.trim().split('\n').at(-2));
        assert.equal(code, 0, last.output + last.log.slice(-2000));
        for (const found of as_in_the_file(count)) {
            assert.match(last.output, found);
        }
        if (count === 30_000) { // counted by a different program
            assert.match(last.output, /^products +5562 found/m);
            assert.match(last.output, /^members +3570$/m);
            assert.match(last.output, /^sum +575574\.67 found/m);
        }
        assert.equal((await http(port, 'GET', '/goods?limit=1')).status, 200);
    });
