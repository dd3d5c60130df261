// SPDX-License-Identifier: Apache-2.0
// Purchases under load. Every client makes one purchase after the other and repeats each with its
// Idempotency-Key until it is acknowledged. The ledger records the acknowledged purchases; in the
// end the database must hold exactly these.

import assert from 'node:assert/strict';

import { http } from './http_client.mjs';
import { pause, until } from './until.mjs';

// The statuses that are allowed during a failure.
const refusals = new Set([0, 502, 503, 504]);
const retry_ms = 20;

export class purchase_load {
    constructor(port, { clients = 8, goodsid }) {
        this.port = port;
        this.goodsid = goodsid;
        this.acknowledged = new Map(); // "user-number" → id
        this.refused = new Map(); // status → how often
        this.slowest_ms = 0;
        this.stopping = false;
        this.abandoned = false;
        const users = Array.from({ length: clients }, (_, user) => user + 1);
        this.ended = Promise.all(users.map((user) => this.buy_on(user)));
        // Awaited later; an earlier error is kept for progress().
        this.ended.catch((error) => {
            this.problem = error;
        });
    }

    /** The test has ended, successfully or not. */
    abandon() {
        this.abandoned = true;
    }

    async buy_on(user) {
        for (let number = 1; !this.stopping && !this.abandoned; ++number) {
            await this.buy(user, number);
        }
    }

    // The quantity identifies the purchase of a user.
    async buy(user, number) {
        const key = `${user}-${number}`;
        const body = { userid: user, goodsid: this.goodsid, quantity: number };
        const options = { body, headers: { 'Idempotency-Key': key }, limit_ms: 30_000 };
        while (!this.abandoned) {
            const { status, text } = await this.ask(options);
            if (status === 200) {
                this.acknowledged.set(key, JSON.parse(text).id);
                return;
            }
            assert.ok(refusals.has(status), `${key} got status ${status}: ${text}`);
            this.refused.set(status, (this.refused.get(status) ?? 0) + 1);
            await pause(retry_ms);
        }
    }

    async ask(options) {
        const began = performance.now();
        try {
            return await http(this.port, 'POST', '/purchases', options);
        } catch (error) {
            if (!['ECONNREFUSED', 'ECONNRESET', 'EPIPE'].includes(error.code)) {
                throw error;
            }
            return { status: 0, text: error.code };
        } finally {
            this.slowest_ms = Math.max(this.slowest_ms, performance.now() - began);
        }
    }

    /** Waits until `count` more purchases are acknowledged. */
    async progress(count, limit_ms = 60_000) {
        const wanted = this.acknowledged.size + count;
        const there = () => this.problem || this.acknowledged.size >= wanted;
        await until(`${count} more purchases are acknowledged`, there, limit_ms);
        if (this.problem) {
            throw this.problem;
        }
    }

    /** Begins no further purchases; waits until all that were begun are acknowledged. */
    async stop() {
        this.stopping = true;
        await this.ended;
    }

    /** `rows`: [id, userid, quantity] of every purchase in the database. */
    assert_equals(rows) {
        const found = new Map();
        for (const [id, user, number] of rows) {
            const key = `${user}-${number}`;
            assert.ok(!found.has(key), `${key} was bought twice: ${found.get(key)} and ${id}`);
            found.set(key, Number(id));
        }
        for (const [key, id] of this.acknowledged) {
            assert.equal(found.get(key), id, `${key} was acknowledged as ${id}`);
        }
        assert.equal(found.size, this.acknowledged.size, 'no other purchase is stored');
    }
}

/** Adds a product to buy; returns its id. */
export async function add_product(port) {
    const body = { name: 'pencil', category: 'c', price: '4.15', description: 'd' };
    const { status, json } = await http(port, 'POST', '/goods', { body });
    assert.equal(status, 200);
    return json.id;
}
