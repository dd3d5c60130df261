// SPDX-License-Identifier: Apache-2.0
// Generates load on a gateway with the program msd_load (tests/functional/load), which counts each
// kind of failure separately, and checks its reports.

import assert from 'node:assert/strict';
import path from 'node:path';

import { program } from './program.mjs';
import { pause, until, within } from './until.mjs';
import { repository } from './world.mjs';

const load_binary =
    process.env.MSD_LOAD ?? path.join(repository, 'build/release/msd_load');

/** Groups of clients for common requests. */
export const get_goods = (more) => ({ method: 'GET', target: '/goods/1', ...more });
export const post_goods = (more) => ({
    method: 'POST',
    target: '/goods',
    body: '{"name":"load {c}-{n}","category":"load","price":{n},"description":"of {c}"}',
    contains: '"errorcode":0',
    ...more,
});
export const post_purchases = (more) => ({
    method: 'POST',
    target: '/purchases',
    // Each client has its own user, each purchase its own quantity (a leading 1 avoids 0).
    body: '{"userid":9{c},"goodsid":1,"quantity":1{n}}',
    contains: '"errorcode":0',
    ...more,
});

export class load {
    constructor(world, port, groups, { timeout_ms = 30_000 } = {}) {
        this.groups = groups;
        const words = Object.entries(groups).flatMap(([name, group]) => [
            `group=${name}`,
            ...Object.entries(group).map(([key, value]) => `${key}=${value}`),
        ]);
        const all = [`port=${port}`, `timeout_ms=${timeout_ms}`, ...words];
        this.program = new program('load', load_binary, all, { input: 'pipe' });
        world.on_close(() => this.program.signal('SIGKILL'));
    }

    say(line) {
        this.program.child.stdin.write(`${line}\n`);
    }

    phase(name) {
        this.say(`phase ${name}`);
    }

    async report(command, limit_ms) {
        this.say(command);
        const complete = () => this.program.output.includes('\n') || this.program.ended;
        await until(`msd_load answers ${command}`, complete, limit_ms);
        const end = this.program.output.indexOf('\n');
        assert.ok(end >= 0, `the load generator ended: ${this.program.log}`);
        const line = this.program.output.slice(0, end);
        this.program.output = this.program.output.slice(end + 1);
        return new load_report(JSON.parse(line));
    }

    look() {
        return this.report('look', 60_000);
    }

    /** Waits until `count` more requests are answered. */
    async answers(count) {
        const before = (await this.look()).answered;
        await until(`${count} more requests are answered`, async () => {
            await pause(20);
            return (await this.look()).answered >= before + count;
        }, 60_000);
    }

    /** Sends no new requests, waits for the last replies, returns the report. */
    async stop() {
        const last = await this.report('stop', 60_000);
        await within('the load generator ends', this.program.exit);
        return last;
    }
}

class load_report {
    constructor(report) {
        Object.assign(this, report);
    }

    group(name) {
        return this.groups.find((each) => each.name === name);
    }

    get answered() {
        return this.groups.reduce((sum, each) => sum + each.answered, 0);
    }

    get failed() {
        return this.phases.reduce((sum, each) => sum + each.failed, 0);
    }

    /** The number of failures of each kind, { reset: 3 }, in all or in the named groups. */
    kinds(names = this.groups.map(({ name }) => name)) {
        const sums = {};
        for (const { failed } of this.groups.filter(({ name }) => names.includes(name))) {
            for (const [kind, count] of Object.entries(failed)) {
                if (count > 0) {
                    sums[kind] = (sums[kind] ?? 0) + count;
                }
            }
        }
        return sums;
    }

    /** Asserts that no request failed and that each group got replies. */
    assert_clean(names = this.groups.map(({ name }) => name)) {
        const some = this.failures.filter(({ group }) => names.includes(group)).slice(0, 5);
        assert.deepEqual(this.kinds(names), {}, `failed, for example ${JSON.stringify(some)}`);
        for (const name of names) {
            assert.ok(this.group(name).answered > 0, `nothing of ${name} was answered`);
        }
    }

    get availability() {
        return this.answered / (this.answered + this.failed);
    }

    get text() {
        const groups = this.groups.map((each) =>
            `${each.name} ${each.answered} (p50 ${each.p50_us}, max ${each.max_us} us)`);
        return `${groups.join(', ')}; failed ${JSON.stringify(this.kinds())}`;
    }

    /** The requests of `group` without a reply, as "client-number". */
    unanswered(group) {
        const failed = this.failures.filter((each) => each.group === group);
        return new Set(failed.map(({ client, number }) => `${client}-${number}`));
    }

    /** All requests of `group`, as "client-number". */
    *made(group) {
        for (const [client, count] of this.group(group).requests.entries()) {
            for (let number = 0; number < count; ++number) {
                yield `${client}-${number}`;
            }
        }
    }

    /**
     * Compares the stored writes, each as "client-number", with the acknowledged ones. A failed
     * write may be stored once or not at all.
     */
    assert_written(group, stored) {
        const counts = new Map();
        for (const each of stored) {
            counts.set(each, (counts.get(each) ?? 0) + 1);
        }
        const twice = [...counts].filter(([, count]) => count > 1).map(([each]) => each);
        const unanswered = this.unanswered(group);
        const made = new Set(this.made(group));
        const lost = [...made].filter((each) => !counts.has(each) && !unanswered.has(each));
        const unknown = [...counts.keys()].filter((each) => !made.has(each));
        assert.deepEqual({ twice, lost, unknown }, { twice: [], lost: [], unknown: [] });
    }
}

async function pages(up, target) {
    const rows = [];
    for (let after; ;) {
        const more = after === undefined ? '' : `&after=${after}`;
        const { status, json } = await up.http('GET', `${target}&limit=1000${more}`);
        assert.equal(status, 200);
        rows.push(...(json.results ?? []));
        if (json.next === undefined || json.next === null) {
            return rows;
        }
        after = json.next;
    }
}

/** The products that `post_goods` has stored, as "client-number". */
export async function stored_goods(up) {
    const rows = await pages(up, '/goods?category=load');
    return rows.map(({ name }) => name.replace('load ', ''));
}

/** The purchases that `post_purchases` has stored, as "client-number". */
export async function stored_purchases(up, clients) {
    const all = [];
    for (let client = 0; client < clients; ++client) {
        const rows = await pages(up, `/purchases?userid=9${client}`);
        all.push(...rows.map(({ quantity }) => `${client}-${String(quantity).slice(1)}`));
    }
    return all;
}
