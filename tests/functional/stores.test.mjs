// SPDX-License-Identifier: Apache-2.0
// Stores: adding, reading and deleting them, and those near a position, on SQLite and on MariaDB.

import assert from 'node:assert/strict';

import { mariadb_password } from './harness/mariadb.mjs';
import { test } from './harness/test.mjs';

const half_circumference = Math.PI * 6_371_008.8;

function distance(a, b) {
    const radians = (degrees) => (degrees * Math.PI) / 180;
    const part = Math.sin(radians(b.lat - a.lat) / 2) ** 2 +
        Math.cos(radians(a.lat)) * Math.cos(radians(b.lat)) *
        Math.sin(radians(b.lon - a.lon) / 2) ** 2;
    return 2 * 6_371_008.8 * Math.asin(Math.min(1, Math.sqrt(part)));
}

async function check_stores(up) {
    const places = [
        { name: 'Berlin', lat: 52.520006612, lon: 13.404954 },
        { name: 'Potsdam \u{1F58A}', lat: 52.3906, lon: 13.0645 },
        { name: 'Suva', lat: -18.1416, lon: 178.4419 },
        { name: 'Apia', lat: -13.8333, lon: -171.7667 },
        { name: 'north pole', lat: 90, lon: -45 },
    ];
    for (const place of places) {
        const added = await up.http('POST', '/stores', {
            body: place, headers: { 'Idempotency-Key': place.lat },
        });
        assert.equal(added.status, 200, added.text);
        place.id = added.json.id;
    }
    const again = await up.http('POST', '/stores', {
        body: { name: 'Berlin', lat: 52.520006612, lon: '13.404954' },
        headers: { 'Idempotency-Key': places[0].lat },
    });
    assert.equal(again.json.id, places[0].id, 'a repeated request adds nothing');

    const one = await up.http('GET', `/stores/${places[0].id}`);
    const { id, name, lat, lon } = places[0];
    assert.equal(
        one.text,
        '{"errorcode":0,"errormessage":"success",' +
        `"results":[{"id":${id},"name":"${name}","lat":${lat},"lon":${lon}}]}`,
    );

    const near = async (query) => {
        const found = await up.http('GET', `/stores?${new URLSearchParams(query)}`);
        assert.equal(found.status, 200, found.text);
        return found.json.results;
    };
    for (const centre of [{ lat: 52.5, lon: 13.4 }, { lat: -16, lon: 180 }, { lat: 90, lon: 0 }]) {
        for (const radius_m of [40_000, 1_200_000, half_circumference]) {
            const expected = places
                .map((place) => ({ ...place, distance_m: distance(centre, place) }))
                .filter((place) => place.distance_m <= radius_m)
                .sort((a, b) => a.distance_m - b.distance_m);
            const found = await near({ ...centre, radius_m });
            assert.deepEqual(found.map((each) => each.name), expected.map((each) => each.name));
            for (const [n, { distance_m, ...rest }] of found.entries()) {
                assert.ok(Math.abs(distance_m - expected[n].distance_m) < 1);
                assert.deepEqual(rest, places.find((place) => place.id === rest.id));
            }
            assert.equal((await near({ ...centre, radius_m, limit: 1 })).length,
                Math.min(1, expected.length));
        }
    }

    const gone = `/stores/${places[0].id}`;
    for (let n = 0; n < 2; ++n) {
        const deleted = await up.http('DELETE', gone);
        assert.deepEqual([deleted.status, deleted.json.errorcode], [200, 0]);
    }
    assert.equal((await up.http('GET', gone)).status, 404);
    assert.deepEqual(
        (await near({ lat: 52.5, lon: 13.4, radius_m: 40_000 })).map((each) => each.name),
        [places[1].name],
    );
}

async function check_refusals(up) {
    const fields = async (method, target, body) => {
        const refused = await up.http(method, target, { body });
        assert.equal(refused.status, 422, refused.text);
        assert.equal(refused.json.errormessage, 'Invalid Parameters');
        return refused.json.errors.map(({ field }) => field);
    };
    for (const [change, wrong] of [
        [{ name: '' }, 'name'], [{ lat: 90.0000001 }, 'lat'], [{ lat: 'north' }, 'lat'],
        [{ lon: -181 }, 'lon'], [{ lon: '1e999' }, 'lon'], [{ lat: null }, 'lat'],
        [{ lon: [1] }, 'lon'], [{ lat: '0x10' }, 'lat'], [{ lat: 'NaN' }, 'lat'],
    ]) {
        const body = { name: 'a', lat: 1, lon: 2, ...change };
        assert.deepEqual(await fields('POST', '/stores', body), [wrong]);
    }
    assert.deepEqual(await fields('GET', '/stores'), ['lat', 'lon', 'radius_m']);
    for (const [radius_m, limit] of [[0, 1], [-1, 1], [half_circumference + 1, 1], [1, 0],
        [1, 1001]]) {
        const query = new URLSearchParams({ lat: 1, lon: 2, radius_m, limit });
        const wrong = radius_m === 1 ? 'limit' : 'radius_m';
        assert.deepEqual(await fields('GET', `/stores?${query}`), [wrong]);
    }
}

test('stores near a position are found on SQLite and on MariaDB', async (world) => {
    const server = await world.mariadb();
    const env = { MSD_STORE_PASSWORD: mariadb_password };
    const ups = [await world.up(), await world.up({ args: ['--store', server.url], env })];
    for (const up of ups) {
        await check_stores(up);
        await check_refusals(up);
    }
});
