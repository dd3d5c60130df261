// SPDX-License-Identifier: Apache-2.0
// Amounts are exact: four decimals, up to 9·10^14, from any client to the store and back.

import assert from 'node:assert/strict';

import { test } from './harness/test.mjs';

// The text that is sent → the JSON number that is returned, without trailing zeros.
const exact = {
    '0': '0',
    '-0': '0',
    '4.15': '4.15',
    '0.1': '0.1',
    '0.0001': '0.0001',
    '-0.5': '-0.5',
    '1000': '1000',
    '1000.0': '1000',
    '12.3400': '12.34',
    '1e3': '1000',
    '1.5E2': '150',
    '25e-2': '0.25',
    '1.50000000': '1.5',
    '9007199254740.993': '9007199254740.993',
    '899999999999999.9999': '899999999999999.9999',
    '-899999999999999.9999': '-899999999999999.9999',
    '900000000000000': '900000000000000',
};

const refused = [
    '1.00001', '0.00009999', '900000000000000.0001', '-900000000000001', '1e15', '1e400', '-1e400',
    '"abc"', '""', '"1,5"', '"0x10"', '"1.5 "', '" 1.5"', '"NaN"', '"Infinity"', '"1e"', 'null',
    'true', '[]', '{}', '[1]',
];

function goods(price) {
    return `{"name":"n","category":"c","price":${price},"description":"d"}`;
}

test('amounts are returned with the digits that were stored', async (world) => {
    const up = await world.up({ config: { 'services.goods.negative_prices': true } });
    for (const [sent, expected] of Object.entries(exact)) {
        for (const price of [sent, `"${sent}"`]) {
            const made = await up.http('POST', '/goods', { body: goods(price) });
            assert.equal(made.status, 200, `${price}: ${made.text}`);
            const read = await up.http('GET', `/goods/${made.json.id}`);
            const [, token] = /"price":([^,}]+)/.exec(read.text);
            assert.equal(token, expected, `sent ${price}`);
        }
    }
});

test('amounts that cannot be stored exactly are refused', async (world) => {
    const up = await world.up();
    for (const price of refused) {
        const response = await up.http('POST', '/goods', { body: goods(price) });
        assert.equal(response.status, 422, `${price}: ${response.text}`);
        assert.deepEqual(response.json.errors.map(({ field }) => field), ['price'], price);
    }
    assert.equal((await up.http('GET', '/goods')).json.errormessage, 'no data');
});

test('a purchase keeps the price at which it was made', async (world) => {
    const up = await world.up();
    const { id } = (await up.http('POST', '/goods', { body: goods('899999999999999.9999') })).json;
    const body = { userid: 1, goodsid: id, quantity: 3 };
    assert.equal((await up.http('POST', '/purchases', { body })).status, 200);
    await up.http('PUT', `/goods/${id}`, { body: goods('0.0001') });
    assert.equal((await up.http('POST', '/purchases', { body })).status, 200);
    const read = await up.http('GET', '/purchases?userid=1');
    const tokens = [...read.text.matchAll(/"price":([^,}]+)/g)].map(([, token]) => token);
    assert.deepEqual(tokens, ['899999999999999.9999', '0.0001']);
});

test('integers are exact, and strings that contain numbers are accepted', async (world) => {
    const up = await world.up();
    const { id } = (await up.http('POST', '/goods', { body: goods('1') })).json;
    const userid = '9007199254740993';
    const made = await up.http('POST', '/purchases', {
        body: `{"userid":${userid},"goodsid":"${id}","quantity":"-2"}`,
    });
    assert.equal(made.status, 200, made.text);
    const { results } = (await up.http('GET', `/purchases?userid=${userid}`)).json;
    assert.deepEqual(results.map(({ quantity }) => quantity), [-2]);
    const neighbour = await up.http('GET', '/purchases?userid=9007199254740992');
    assert.equal(neighbour.json.results?.length ?? 0, 0);
    for (const bad of ['1.5', '"1.5"', '"x"', '9223372036854775808', 'true', '""', '[1]']) {
        const response = await up.http('POST', '/purchases', {
            body: `{"userid":1,"goodsid":${id},"quantity":${bad}}`,
        });
        assert.equal(response.status, 422, `${bad}: ${response.text}`);
    }
});
