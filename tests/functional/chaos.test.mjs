// SPDX-License-Identifier: Apache-2.0
// The platform under faults that a seed chooses: injected ones, programs and services that
// misbehave, workers that are killed, stopped and rolled, and reloads, with load. Whatever happens,
// no acknowledged write is lost, nothing is executed twice, each reply is that of its request, and
// everything serves again when the faults are over. MSD_TEST_FULL=1 runs for minutes.

import assert from 'node:assert/strict';
import fs from 'node:fs';

import { chosen_below, chosen_of } from './harness/chance.mjs';
import {
    all_rows, ask, clients, executions, misbehaving_program, misbehaving_service,
} from './harness/chaos.mjs';
import { control } from './harness/control.mjs';
import { http } from './harness/http_client.mjs';
import { add_product, purchase_load } from './harness/ledger.mjs';
import { children, is_alive, process_state } from './harness/proc.mjs';
import { toml_text } from './harness/proxy.mjs';
import { full, repeated, sanitized } from './harness/scale.mjs';
import { test } from './harness/test.mjs';
import { until } from './harness/until.mjs';

const runs = repeated(500, 10_000);
const steps = repeated(12, 200);
const limit_ms = full ? 3_600_000 : 280_000;
const resident_bytes_max = 400 << 20; // of one worker

const bodies = { 'Content-Type': 'application/json' };

/** Starts the platform with three instances of the web service api and of the service where. */
async function start(world, { of_program, of_service, upstreams = {} } = {}) {
    const executed = new executions();
    const programs = [];
    for (let n = 0; n < 3; ++n) {
        programs.push(await misbehaving_program(world, executed, of_program));
    }
    const file = world.path('chaos.toml');
    fs.writeFileSync(file, toml_text({
        keys: {
            'gateway.request_timeout_ms': 5000, 'supervision.soak_ms': 0,
            'distributor.ping_every_ms': 3_600_000, // the services of this test do not answer
        },
        routes: [{ path: '/api/', service: 'api', timeout_ms: 5000 }],
        upstreams: { api: { addresses: programs.map(({ address }) => address) }, ...upstreams },
    }));
    const up = await world.up({ workers: 2, args: ['--config', file] });
    up.expect_deaths();
    const port = up.port('gateway');
    const services = [];
    for (let n = 0; n < 3; ++n) {
        services.push(await misbehaving_service(
            world, up.port('distributor'), executed, of_service));
    }
    await world.routed(port, ['/where?n=0']);
    const master = new control(world.path('run'), up);
    const fault = (service, what) =>
        master.ask({ command: 'fault', do: 'add', service, for_ms: 3_600_000, ...what });
    const clear = () => master.ask({ command: 'fault', do: 'clear' });
    return { up, port, master, programs, services, executed, fault, clear };
}

test('a POST is executed at most once, whatever fails', { limit_ms }, async (world) => {
    const treat = () => {
        const dice = chosen_below(100);
        return dice < 70 ? 'answers' : dice < 80 ? 'closes' : dice < 88 ? 'refuses'
            : dice < 96 ? 'breaks' : 'fails';
    };
    const { port, executed, fault, clear } = await start(world, {
        of_program: treat,
        of_service: treat,
        // Every request is to reach the services.
        upstreams: { default: { 'breaker.mode': 'off', 'outlier.consecutive': 0 } },
    });
    const goodsid = await add_product(port);
    for (const service of ['api', 'where', 'goods', 'purchases']) {
        await fault(service, { abort: true, percent: 7 });
        await fault(service, { lose_after: 20, percent: 7 });
        await fault(service, { error: 503, percent: 7 });
        await fault(service, { delay_ms: 20, percent: 7 });
    }
    const acknowledged = new Map(); // "kind id" → reply
    const post = async (kind, id, target, body, headers = {}) => {
        const reply = await ask(port, 'POST', target, { body, headers: { ...bodies, ...headers } });
        if (reply.status === 200) {
            const earlier = acknowledged.get(`${kind} ${id}`);
            assert.ok(earlier === undefined || earlier === reply.text, 'another reply to a key');
            acknowledged.set(`${kind} ${id}`, reply.text);
        }
        return reply.status;
    };
    const kinds = {
        api: (id) => post('api', id, `/api/${id}`, 'x'),
        where: (id) => post('where', id, '/where', { n: id }),
        goods: (id) => post('goods', id, '/goods',
            { name: id, category: 'runs', price: 1, description: '' }),
        // The same purchase several times, as a client does that got no reply, and once more.
        purchases: async (id) => {
            const body = { userid: 7, goodsid, quantity: Number(id.slice(1)) };
            for (let n = 0, status = 0; n < 4 && !(status === 200 && n > 2); ++n) {
                status = await post('purchases', id, '/purchases', body, { 'Idempotency-Key': id });
            }
        },
    };
    let begun = 0;
    const names = Object.keys(kinds);
    const client = async () => {
        while (begun < runs) {
            const id = `r${++begun}`;
            await kinds[names[begun % names.length]](id);
        }
    };
    await Promise.all(Array.from({ length: 12 }, client));
    await clear();

    executed.assert_at_most_once();
    for (const row of await all_rows(port, '/goods?category=runs')) {
        executed.note(`goods ${row.name}`);
    }
    for (const row of await all_rows(port, '/purchases?userid=7')) {
        executed.note(`purchases r${row.quantity}`);
    }
    executed.assert_at_most_once();
    for (const key of acknowledged.keys()) {
        const [kind, id] = key.split(' ');
        assert.ok(executed.has(kind === 'goods' || kind === 'purchases' ? key : id), key);
    }
    assert.ok(acknowledged.size > runs / 4 && acknowledged.size < runs, 'some failed');
});

/** The load of the chaos: one group of clients for each kind of request. */
async function start_load(port, done) {
    const goodsid = await add_product(port);
    const first = (await http(port, 'GET', `/goods/${goodsid}`)).text;
    const acknowledged = { goods: [], members: [], posts: [] };
    const groups = {
        api: new clients(port, 3, (n) => ({
            target: `/api/echo/${n}`,
            check: ({ text }) => assert.equal(text, `GET /api/echo/${n} 0`),
        })),
        where: new clients(port, 3, (n) => ({
            target: `/where?n=${n}`, check: ({ json }) => assert.equal(String(json.n), `${n}`),
        })),
        goods: new clients(port, 2, () => ({
            target: `/goods/${goodsid}`, check: ({ text }) => assert.equal(text, first),
        })),
        orders: new clients(port, 1, (n) => ({
            method: 'POST',
            target: `/api/o${n}`,
            options: { body: 'x' },
            check: ({ text }) => {
                assert.equal(text, `POST /api/o${n}`);
                acknowledged.posts.push(`o${n}`);
            },
        })),
        places: new clients(port, 1, (n) => ({
            method: 'POST',
            target: '/where',
            options: { body: { n: `w${n}` } },
            check: ({ json }) => {
                assert.equal(json.n, `w${n}`);
                acknowledged.posts.push(`w${n}`);
            },
        })),
        products: new clients(port, 1, (n) => ({
            method: 'POST',
            target: '/goods',
            options: { body: { name: `p${n}`, category: 'chaos', price: 1, description: '' } },
            check: () => acknowledged.goods.push(`p${n}`),
        })),
        members: new clients(port, 1, (n) => ({
            method: 'POST',
            target: '/members',
            options: { body: { username: `m${n}`, password: 'x' } },
            check: () => acknowledged.members.push(`m${n}`),
        })),
    };
    const purchases = new purchase_load(port, { clients: 3, goodsid });
    const all = [...Object.values(groups), purchases];
    return { groups, purchases, all, acknowledged, executed: done };
}

/** One fault after the other; each lasts until the load has made some progress meanwhile. */
class chaos {
    constructor(platform, load) {
        Object.assign(this, platform, { load, counts: {} });
    }

    // The load goes on: at least where no fault can stop it.
    async meanwhile(count = 40) {
        await this.load.groups.api.progress(count);
        await this.load.groups.where.progress(count);
    }

    victim() {
        const pools = ['gateway', 'goods', 'members', 'purchases'];
        const all = this.up.workers(chosen_of(pools)).filter(({ pid }) => is_alive(pid));
        return all.length === 0 ? undefined : chosen_of(all).pid;
    }

    async injected(service, what) {
        const { faults } = await this.fault(service, what);
        await this.meanwhile();
        await this.master.ask({ command: 'fault', do: 'clear', id: faults.at(-1).id });
    }

    effect() {
        return chosen_of([
            { delay_ms: 100 }, { error: 503 }, { error: 504 }, { abort: true }, { lose_after: 5 },
            { delay_ms: 20, error: 502 },
        ]);
    }

    steps = {
        // One of three instances of a service, with the other two left.
        endpoint: () => {
            const [service, all] = chosen_of([['api', this.programs], ['where', this.services]]);
            const endpoint = `127.0.0.1:${chosen_of(all).port}`;
            return this.injected(service, { endpoint, ...this.effect() });
        },
        // Some of the requests for a service.
        share: () => this.injected(
            chosen_of(['goods', 'members', 'purchases']), { percent: 20, ...this.effect() }),
        misbehave: async () => {
            const one = chosen_of([...this.programs, ...this.services]);
            one.behaviour = chosen_of(['refuses', 'fails', 'closes', 'breaks', 'hangs']);
            await this.meanwhile();
            one.behaviour = 'answers';
        },
        kill: async () => {
            const pid = this.victim();
            if (pid !== undefined) {
                process.kill(pid, 'SIGKILL');
            }
            await this.meanwhile();
        },
        stop: async () => {
            const pid = this.victim();
            if (pid === undefined) {
                return;
            }
            process.kill(pid, 'SIGSTOP');
            try {
                // A gateway worker that is stopped holds its clients, so nothing is waited for.
                await until('it is stopped', () => process_state(pid)?.state === 'T');
                await this.master.status();
            } finally {
                process.kill(pid, 'SIGCONT');
            }
            await this.meanwhile();
        },
        roll: async () => {
            await this.settled();
            await this.master.roll(chosen_of(['gateway', 'goods', 'purchases', 'members']));
        },
        reload: async () => {
            await this.master.ask({ command: 'reload' });
            await this.meanwhile();
        },
    };

    async settled() {
        for (const pool of ['distributor', 'gateway', 'goods', 'members', 'purchases', 'logs']) {
            await this.master.pids(pool);
        }
    }

    async run(count) {
        const names = Object.keys(this.steps);
        for (let n = 0; n < count; ++n) {
            const name = names[(n + chosen_below(2)) % names.length];
            this.counts[name] = (this.counts[name] ?? 0) + 1;
            await this.steps[name]();
        }
    }
}

test('faults of all kinds lose, repeat and confuse nothing', { limit_ms }, async (world) => {
    const platform = await start(world);
    const { up, port, executed, master } = platform;
    const load = await start_load(port, executed);
    world.on_close(() => load.purchases.abandon());
    const faults = new chaos(platform, load);
    await faults.meanwhile();
    await faults.run(steps);
    await platform.clear();
    await faults.settled();

    // Healthy instances were left all the time, so reads hardly failed.
    for (const group of [load.groups.api, load.groups.where]) {
        const share = group.errors / group.sent;
        assert.ok(share <= 0.02, `${group.errors} of ${group.sent} reads failed`);
    }
    // All serves again, and then nothing fails.
    for (const group of Object.values(load.groups)) {
        await group.progress(5, 120_000);
    }
    await load.purchases.progress(5, 120_000);
    for (const each of load.all) {
        await each.stop();
    }
    const after = await until('nothing fails any more', async () => {
        const group = new clients(port, 4, (n) => ({
            target: n % 2 === 0 ? `/api/echo/${n}` : `/where?n=${n}`, check: () => {},
        }));
        await group.progress(200);
        await group.stop();
        return group.errors === 0 && !group.by_status.has(0) && group;
    });
    assert.ok(after.good >= 200);

    // Writes.
    executed.assert_at_most_once();
    load.acknowledged.posts.forEach((id) => assert.ok(executed.has(id), `${id} is lost`));
    const stored = new executions();
    (await all_rows(port, '/goods?category=chaos')).forEach(({ name }) => stored.note(name));
    stored.assert_at_most_once();
    load.acknowledged.goods.forEach((name) => assert.ok(stored.has(name), `${name} is lost`));
    for (const username of load.acknowledged.members.slice(-10)) {
        const login = await http(port, 'POST', '/members/login',
            { body: { username, password: 'x' } });
        assert.equal(login.status, 200, `${username} is lost`);
    }
    const bought = [];
    for (const user of [1, 2, 3]) {
        const rows = await all_rows(port, `/purchases?userid=${user}`);
        bought.push(...rows.map(({ id, quantity }) => [id, user, quantity]));
    }
    load.purchases.assert_equals(bought);

    // Processes.
    await faults.settled();
    const workers = up.workers();
    const { pools } = await master.status();
    assert.equal(workers.length, pools.reduce((sum, { slots }) => sum + slots.length, 0));
    assert.deepEqual(children(up.pid).filter((pid) => process_state(pid)?.state === 'Z'), []);
    for (const { pid, pool } of sanitized ? [] : workers) {
        const [, kib] = /^VmRSS:\s+(\d+)/m.exec(fs.readFileSync(`/proc/${pid}/status`, 'utf8'));
        assert.ok(kib * 1024 < resident_bytes_max, `${pool} has ${kib} KiB`);
    }
    const totals = Object.entries(load.groups).map(([name, { sent, by_status }]) =>
        `${name} ${sent} (${[...by_status].map((each) => each.join(': ')).join(', ')})`);
    process.stderr.write(`${JSON.stringify(faults.counts)}; ${totals.join('; ')}\n`);
});
