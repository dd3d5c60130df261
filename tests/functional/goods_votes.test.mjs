// SPDX-License-Identifier: Apache-2.0
// Likes, dislikes and ratings of products, on SQLite and on MariaDB.

import assert from 'node:assert/strict';

import { mariadb_password } from './harness/mariadb.mjs';
import { test } from './harness/test.mjs';

const success = '{"errorcode":0,"errormessage":"success"}';

async function add_product(up, name, category = 'c') {
    const body = { name, category, price: 1.5, description: 'd' };
    return (await up.http('POST', '/goods', { body })).json.id;
}

async function cast(up, method, id, what, userid, more = {}) {
    const reply = await up.http(method, `/goods/${id}/${what}`, { body: { userid, ...more } });
    assert.deepEqual([reply.status, reply.text], [200, success], reply.text);
}

async function check_votes(up) {
    const id = await add_product(up, 'a');
    const other = await add_product(up, 'b');
    const read = async () => (await up.http('GET', `/goods/${id}`)).text;
    const none = await read();
    assert.ok(none.endsWith('"price":1.5,"description":"d"}]}'), none);
    const shows = async (members) =>
        assert.equal(await read(), none.replace(/\}\]\}$/, `${members}}]}`));

    await cast(up, 'PUT', id, 'like', 1);
    await cast(up, 'PUT', id, 'like', 1);
    await shows(',"likes":1');
    await cast(up, 'PUT', id, 'like', 2);
    await cast(up, 'PUT', id, 'dislike', 1);
    await shows(',"likes":1,"dislikes":1');
    await cast(up, 'DELETE', id, 'like', 1);
    await shows(',"likes":1,"dislikes":1');
    await cast(up, 'PUT', id, 'rating', 1, { stars: 1 });
    await cast(up, 'PUT', id, 'rating', 1, { stars: 5 });
    await cast(up, 'PUT', id, 'rating', 2, { stars: 4 });
    await cast(up, 'PUT', id, 'rating', 3, { stars: '4' });
    await shows(',"likes":1,"dislikes":1,"rating":4.33,"ratings":3');

    const { results } = (await up.http('GET', '/goods')).json;
    const { likes, dislikes, rating, ratings } = results.find((row) => row.id === id);
    assert.deepEqual([likes, dislikes, rating, ratings], [1, 1, 4.33, 3]);
    assert.deepEqual(Object.keys(results.find((row) => row.id === other)),
        ['id', 'name', 'category', 'price', 'description']);

    await cast(up, 'DELETE', other, 'dislike', 1);
    await Promise.all(Array.from({ length: 60 }, (_, n) =>
        cast(up, n % 3 === 0 ? 'DELETE' : 'PUT', other, 'like', 1 + (n % 30))));
    const liked = (await up.http('GET', `/goods/${other}`)).json.results[0].likes;
    assert.equal(liked, 20, 'members 1, 4, … have withdrawn theirs');
}

async function check_requests(up) {
    const id = await add_product(up, 'c');
    for (const what of ['like', 'dislike', 'rating']) {
        const body = { userid: 1, stars: 3 };
        assert.equal((await up.http('PUT', `/goods/999/${what}`, { body })).status, 404);
    }
    await cast(up, 'DELETE', 999, 'like', 1);
    for (const [what, body, wrong] of [
        ['like', {}, 'userid'], ['like', { userid: 0 }, 'userid'],
        ['rating', { userid: 1 }, 'stars'], ['rating', { userid: 1, stars: 0 }, 'stars'],
        ['rating', { userid: 1, stars: 6 }, 'stars'],
        ['rating', { userid: 1, stars: 1.5 }, 'stars'],
    ]) {
        const refused = await up.http('PUT', `/goods/${id}/${what}`, { body });
        assert.equal(refused.status, 422);
        assert.deepEqual(refused.json.errors.map(({ field }) => field), [wrong]);
    }
    const once = (method, what, userid) => up.http(method, `/goods/${id}/${what}`, {
        body: { userid }, headers: { 'Idempotency-Key': 'vote' },
    });
    assert.equal((await once('PUT', 'like', 1)).status, 200);
    await cast(up, 'DELETE', id, 'like', 1);
    assert.equal((await once('PUT', 'like', 1)).text, success);
    assert.equal((await once('PUT', 'like', 2)).status, 422, 'a different request');
    assert.equal((await once('PUT', 'dislike', 1)).status, 422);
    assert.equal((await once('DELETE', 'like', 1)).status, 422);
    const [row] = (await up.http('GET', `/goods/${id}`)).json.results;
    assert.equal(row.likes, undefined, 'the repeated request changed nothing');
    assert.equal((await up.http('DELETE', `/goods/${id}`)).status, 200);
    assert.equal((await once('PUT', 'like', 1)).status, 200, 'it is answered as the first time');
    assert.equal((await up.http('PUT', `/goods/${id}/like`, { body: { userid: 1 } })).status, 404);
}

async function check_ranking(up) {
    const rank = async (query) => {
        const reply = await up.http('GET', `/goods/ranking?${new URLSearchParams(query)}`);
        assert.equal(reply.status, 200, reply.text);
        return reply.json;
    };
    const category = 'ranked';
    assert.deepEqual((await rank({ by: 'rating', category })).results, []);
    const ids = [];
    for (const name of ['x', 'y', 'z']) {
        ids.push(await add_product(up, name, category));
    }
    for (const [place, userid] of [[1, 1], [1, 2], [2, 1], [0, 1]]) {
        await cast(up, 'PUT', ids[place], 'like', userid);
    }
    await cast(up, 'PUT', ids[2], 'rating', 1, { stars: 4 });
    const best = await rank({ by: 'likes', category });
    assert.deepEqual(best.results.map((row) => row.id), [ids[1], ids[0], ids[2]]);
    assert.deepEqual(best.results[0], {
        id: ids[1], name: 'y', category, price: 1.5, description: 'd', likes: 2,
    });
    assert.equal(best.next, undefined);
    assert.equal((await rank({ by: 'likes', limit: 1, category })).results.length, 1);
    const rated = (await rank({ by: 'rating', category })).results;
    assert.deepEqual(rated.map(({ id, rating }) => [id, rating]), [[ids[2], 4]]);
    const all = (await rank({ by: 'likes' })).results.map(({ likes }) => likes);
    assert.deepEqual(all, all.toSorted((a, b) => b - a));
    for (const query of ['', '?by=price', '?by=likes&limit=1001']) {
        assert.equal((await up.http('GET', `/goods/ranking${query}`)).status, 422);
    }
}

test('members like, dislike and rate products on SQLite and on MariaDB', async (world) => {
    const server = await world.mariadb();
    const env = { MSD_STORE_PASSWORD: mariadb_password };
    const store = ['--store', server.url];
    for (const up of [await world.up({ workers: 2 }), await world.up({ args: store, env })]) {
        await check_votes(up);
        await check_requests(up);
        await check_ranking(up);
    }
});
