// SPDX-License-Identifier: Apache-2.0
// Events: publishing, reading, consumer groups, dead letters and their commands, and what the
// services do with them: stock and the ranking by sales follow the purchases.

import assert from 'node:assert/strict';

import { event_source } from './harness/event_source.mjs';
import { envelope, event_node } from './harness/events.mjs';
import { add_product } from './harness/ledger.mjs';
import { mariadb_password } from './harness/mariadb.mjs';
import { test } from './harness/test.mjs';
import { until } from './harness/until.mjs';

const quick = { 'services.events.redelivery_ms': 1 };

async function events_command(world, ...args) {
    const { code, output, log } = await world.command([
        'events', ...args, '--data-dir', world.path('data'),
    ]);
    assert.equal(code, 0, log);
    return output;
}

test('events are published once, in order, and read by position', async (world) => {
    const up = await world.up();
    const node = await event_node(world, up);
    const events = ['a', 'b', 'c'].map((id) => ({ id, type: 'goods.changed', data: { id } }));
    assert.equal(await node.publish(events), 3);
    assert.equal(await node.publish([events[1], { id: 'd', type: 'other', subject: 's' }]), 1);

    const page = await up.http('GET', '/events?topic=goods.changed&limit=2');
    assert.equal(page.status, 200, page.text);
    const read = (reply) => reply.json.results.map(({ event }) => event);
    assert.deepEqual(read(page).map(({ id }) => id), ['a', 'b']);
    assert.deepEqual(
        { ...read(page)[0], time: undefined },
        {
            ...envelope(events[0]), time: undefined, datacontenttype: 'application/json',
        },
    );
    const rest = await up.http('GET', `/events?topic=goods.changed&after=${page.json.next}`);
    assert.deepEqual(read(rest).map(({ id }) => id), ['c']);
    const other = await node.ask('GET', '/events', { topic: 'other' });
    assert.deepEqual(other.results.map(({ event }) => event.subject), ['s']);
});

test('clients may use only the topics that the configuration names', async (world) => {
    const up = await world.up({
        config: {
            'services.events.clients_publish': ['note'],
            'services.events.clients_read': ['note', 'news'],
        },
    });
    const post = (body, target = '/events') => up.http('POST', target, { body });
    const event = envelope({ id: '1', type: 'note', data: [1, 'x'] });
    assert.equal((await post(event)).json.added, 1);
    assert.equal((await post({ ...event, type: 'news', id: '2' })).status, 403);
    assert.equal((await up.http('GET', '/events?topic=note')).json.results.length, 1);
    assert.equal((await up.http('GET', '/events?topic=news')).status, 200);
    assert.equal((await up.http('GET', '/events?topic=purchased')).status, 403);
    const group = { group: 'g', topics: ['note'] };
    assert.equal((await post(group, '/events/pull')).status, 403);
    assert.equal((await post(group, '/events/ack')).status, 403);

    // A node without a hello is not believed to be one of msd.
    const unknown = await world.packets(up.port('events'));
    const refused_group = await unknown.request('POST', '/events/pull', group);
    assert.equal(refused_group.errormessage, 'a consumer group is not allowed');

    for (const [change, field] of [
        [{ specversion: '2.0' }, 'specversion'], [{ id: '' }, 'id'], [{ source: 7 }, 'source'],
        [{ type: 'a b' }, 'type'], [{ time: 'now' }, 'time'], [{ data_base64: 'AA==' },
            'data_base64'], [{ data: 'x'.repeat(25_000) }, 'data'],
        [{ data: JSON.parse('['.repeat(61) + ']'.repeat(61)) }, 'data'],
    ]) {
        const refused = await post({ ...event, ...change });
        assert.equal(refused.status, 422, refused.text);
        assert.deepEqual(refused.json.errors.map((each) => each.field), [field]);
    }
});

test('live events follow those that were there, and a client comes back', async (world) => {
    const up = await world.up({ workers: 2, config: { 'services.events.clients_read': ['news'] } });
    const node = await event_node(world, up);
    const news = (id) => ({ id: String(id), type: 'news', data: { id } });
    await node.publish([1, 2].map(news));
    const target = '/events/live?topic=news';
    const source = new event_source(world, up.port('gateway'), `${target}&after=0`);
    await source.open();
    const ids_of = async (from, count) => {
        const ids = [];
        for (let n = 0; n < count; ++n) {
            const event = await from.next();
            ids.push(JSON.parse(event.data).id);
            from.last_id = event.id;
        }
        return ids;
    };
    assert.deepEqual(await ids_of(source, 2), ['1', '2']);
    await node.publish([3, 4].map(news));
    assert.deepEqual(await ids_of(source, 1), ['3']);

    const back = new event_source(world, up.port('gateway'), target, {
        'Last-Event-ID': source.last_id,
    });
    await back.open();
    const fresh = new event_source(world, up.port('gateway'), target);
    await fresh.open();
    assert.deepEqual(await ids_of(back, 1), ['4']);
    await node.publish([5].map(news));
    assert.deepEqual(await ids_of(back, 1), ['5']);
    assert.deepEqual(await ids_of(fresh, 1), ['5'], 'it begins with the next one');

    assert.equal((await up.http('GET', '/events/live?topic=purchased')).status, 403);
    const wrong = await up.http('GET', target, { headers: { 'Last-Event-ID': 'x' } });
    assert.equal(wrong.status, 422);
});

test('a poison event ends with the dead letters and is replayed by command', async (world) => {
    const up = await world.up({ config: quick });
    const node = await event_node(world, up);
    await node.publish([
        { id: '1', type: 'work', subject: 'a' }, { id: '2', type: 'work', subject: 'a' },
        { id: '3', type: 'work', subject: 'b' },
    ]);
    const handled = [];
    let deliveries = 0;
    const consume = async () => {
        const events = await node.pull('g', ['work']);
        const is_poison = ({ event }) => event.id === '1';
        deliveries += events.filter(is_poison).length;
        handled.push(...events.filter((each) => !is_poison(each)).map(({ event }) => event.id));
        await node.settle('g', {
            done: events.filter((each) => !is_poison(each)),
            failed: events.filter(is_poison),
            problem: 'no \u{1b}[31mred',
        });
    };
    await until('the others are handled', async () => {
        await consume();
        return handled.length === 2;
    });
    assert.deepEqual(handled, ['3', '2'], '2 waits for 1, 3 does not');
    assert.equal(deliveries, 5);

    const table = await events_command(world, 'dead');
    assert.match(table, /^g +1 +work +a +5 +\S+Z +no \\x1b\[31mred/m);
    const [dead] = JSON.parse(await events_command(world, 'dead', 'g', '--json'));
    assert.deepEqual([dead.group, dead.tries, dead.event.id], ['g', 5, '1']);
    const [group] = JSON.parse(await events_command(world, 'groups', '--json'))
        .filter((each) => each.group === 'g');
    assert.deepEqual([group.dead, group.unfinished, group.rebuilds], [1, 0, false]);
    assert.equal(await events_command(world, 'replay', 'g', String(dead.position)),
        'replayed: 1\n');
    const [again] = await node.pull('g', ['work']);
    assert.deepEqual([again.event.id, again.tries], ['1', 1]);
    assert.equal(await node.settle('g', { done: [again] }), 1);
    assert.deepEqual(JSON.parse(await events_command(world, 'dead', '--json')), []);

    const topics = JSON.parse(await events_command(world, 'topics', '--json'));
    assert.equal(topics.find(({ topic }) => topic === 'work').events, 3);
    const lines = (await events_command(world, 'tail', 'work', '--limit', '2', '--json'))
        .trim().split('\n').map((line) => JSON.parse(line).event.id);
    assert.deepEqual(lines, ['2', '3']);
    for (const args of [['replay', 'g'], ['rebuild', 'g'], ['rebuild', 'unknown']]) {
        const { code, log } = await world.command([
            'events', ...args, '--data-dir', world.path('data'),
        ]);
        assert.equal(code, 1, log);
        assert.match(log, /events: /);
    }
});

async function check_sales(up, world) {
    const http = up.port('gateway');
    const limited = (await up.http('POST', '/goods', {
        body: { name: 'pen', category: 'c', price: 1, description: 'd', stock: 10 },
    })).json.id;
    const unlimited = await add_product(http);
    const buy = async (goodsid, quantity) => {
        const body = { userid: 7, goodsid, quantity };
        assert.equal((await up.http('POST', '/purchases', { body })).status, 200);
    };
    const row = async (id) => (await up.http('GET', `/goods/${id}`)).json.results[0];
    assert.equal((await row(limited)).stock, 10);
    assert.equal((await row(unlimited)).stock, undefined);
    await buy(limited, 3);
    await buy(unlimited, 7);
    await buy(limited, -1);
    // A purchase that cannot be read blocks nothing but itself.
    const node = await event_node(world, up);
    const subject = 'members/9';
    await node.publish([{ id: 'poison', type: 'purchased', subject, data: { id: 1 } }]);
    await buy(limited, 4);
    await until('the stock follows', async () => (await row(limited)).stock === 4);
    const ranking = async () => (await up.http('GET', '/goods/ranking?by=sales')).json.results;
    await until('the ranking follows', async () => (await ranking()).length === 2);
    assert.deepEqual(
        (await ranking()).map(({ id, sales, stock }) => ({ id, sales, stock })),
        [{ id: unlimited, sales: 7, stock: undefined }, { id: limited, sales: 6, stock: 4 }],
    );
    const body = { id: limited, name: 'pen', category: 'c', price: 1, description: 'd', stock: 5 };
    assert.equal((await up.http('PUT', '/goods', { body })).status, 200);
    assert.equal((await row(limited)).stock, 5);
    const refused = await up.http('PUT', '/goods', { body: { ...body, stock: -1 } });
    assert.deepEqual(refused.json.errors.map(({ field }) => field), ['stock']);
    assert.equal((await up.http('GET', '/goods/ranking?by=price')).status, 422);
    await until('the poison is a dead letter', async () => {
        const dead = JSON.parse(await events_command(world, 'dead', 'goods', '--json'));
        return dead.length === 1 && dead[0].event.id === 'poison' &&
            /data.userid must be an integer/.test(dead[0].problem);
    });
    assert.equal(await events_command(world, 'discard', 'goods', 'all'), 'discarded: 1\n');
    assert.deepEqual(JSON.parse(await events_command(world, 'dead', 'goods', '--json')), []);
    const wrong = await world.command([
        'events', 'discard', 'goods', '0', '--data-dir', world.path('data'),
    ]);
    assert.equal(wrong.code, 2, wrong.log);
    assert.match(wrong.log, /0 is no position; or write all/);
}

test('stock and the ranking by sales follow the purchases', async (world) => {
    const up = await world.up({ config: quick });
    await check_sales(up, world);
});

test('stock and the ranking by sales follow the purchases on MariaDB', async (world) => {
    const server = await world.mariadb();
    const up = await world.up({
        config: quick, args: ['--store', server.url], env: { MSD_STORE_PASSWORD: mariadb_password },
    });
    await check_sales(up, world);
});

async function check_overview(up, world) {
    const { userid } = (await up.http('POST', '/members', {
        body: { username: 'lena', password: 'secret-of-lena' },
    })).json;
    const goodsid = await add_product(up.port('gateway')); // 4.15
    const bought = [];
    for (const quantity of [2, 5, -1]) {
        const body = { userid, goodsid, quantity };
        const { json } = await up.http('POST', '/purchases', { body });
        bought.unshift(json.id);
    }
    const overview = async () => up.http('GET', `/members/${userid}/overview`);
    const is_complete = ({ json }) => json.purchases === 3 && json.joined;
    const { json, text } = await until('the overview follows', async () => {
        const reply = await overview();
        return is_complete(reply) ? reply : undefined;
    });
    assert.deepEqual([json.userid, json.pieces, json.spent], [userid, 6, 24.9]);
    assert.match(json.joined, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
    assert.deepEqual(json.last.map(({ id }) => id), bought);
    const { date, ...rest } = json.last[0];
    assert.deepEqual(rest, { id: bought[0], goodsid, quantity: -1, price: 4.15 });
    const [row] = (await up.http('GET', `/purchases?userid=${userid}`)).json.results;
    assert.equal(json.last[2].date, row.date);
    assert.ok(date >= row.date);
    assert.equal((await up.http('GET', '/members/999/overview')).status, 404);

    // Nothing but events is needed to make it again.
    assert.match(await events_command(world, 'rebuild', 'members'), /^generation: \d+\n$/);
    await until('the group has begun again', async () => {
        const groups = JSON.parse(await events_command(world, 'groups', '--json'));
        const members = groups.find(({ group }) => group === 'members');
        return members.position > 0 && members.unfinished === 0;
    });
    assert.equal((await overview()).text, text);

    assert.equal((await up.http('DELETE', `/goods/${goodsid}`)).status, 200);
    const changes = async () => (await up.http('GET', '/events?topic=goods.changed')).json.results
        .filter(({ event }) => event.data.id === goodsid).map(({ event }) => event.data.change);
    await until('both changes are events', async () => (await changes()).length === 2);
    assert.deepEqual(await changes(), ['added', 'removed']);
}

test('the overview of a member is made of events, and made again by command', async (world) => {
    await check_overview(await world.up(), world);
});

test('the overview of a member is made of events on MariaDB', async (world) => {
    const server = await world.mariadb();
    await check_overview(await world.up({
        args: ['--store', server.url], env: { MSD_STORE_PASSWORD: mariadb_password },
    }), world);
});
