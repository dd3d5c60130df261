// SPDX-License-Identifier: Apache-2.0
// Purchases under load, and what was promised about them. Every client buys one thing after the
// other, each under an Idempotency-Key of its own and again and again until it is acknowledged; the
// ledger keeps what was. At the end the database must hold exactly that.

import assert from 'node:assert/strict';

import { http } from './http_client.mjs';
import { pause, until } from './until.mjs';

// What may be said while something is broken. Anything else is wrong.
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
        // Awaited later; what goes wrong earlier is not to be lost.
        this.ended.catch((error) => {
            this.problem = error;
        });
    }

    /** The test is over, however it ended. */
    abandon() {
        this.abandoned = true;
    }

    async buy_on(user) {
        for (let number = 1; !this.stopping && !this.abandoned; ++number) {
            await this.buy(user, number);
        }
    }

    // The quantity tells purchases of one user apart.
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
            assert.ok(refusals.has(status), `${key} was answered ${status}: ${text}`);
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

    /** Waits until so many more purchases are acknowledged. */
    async progress(count, limit_ms = 60_000) {
        const wanted = this.acknowledged.size + count;
        const there = () => this.problem || this.acknowledged.size >= wanted;
        await until(`${count} more purchases are acknowledged`, there, limit_ms);
        if (this.problem) {
            throw this.problem;
        }
    }

    /** Every purchase that was begun is acknowledged when it returns. */
    async stop() {
        this.stopping = true;
        await this.ended;
    }

    /** `rows`: [id, userid, quantity] of everything that is in the database, as texts. */
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
        assert.equal(found.size, this.acknowledged.size, 'nothing else was bought');
    }
}

/** A product to buy. */
export async function add_product(port) {
    const body = { name: 'pencil', category: 'c', price: '4.15', description: 'd' };
    const { status, json } = await http(port, 'POST', '/goods', { body });
    assert.equal(status, 200);
    return json.id;
}
