// SPDX-License-Identifier: Apache-2.0
// Sends requests to a gateway over kept connections and retries them while a service is not
// available. Retries are safe for writes, because each write has an Idempotency-Key.

import http from 'node:http';

const page_rows = 1000;
const reply_limit_ms = 30_000;

/** An error that is not retried. `status` and `reason` are set if a reply was received. */
export class failure extends Error {
    constructor(text, status, reason) {
        super(text);
        this.status = status;
        this.reason = reason;
    }
}

export class gateway_client {
    /** `signal` ends every request at once; `patience_ms` limits the retries of each request. */
    constructor({ url, connections, patience_ms, signal }) {
        this.url = url;
        this.patience_ms = patience_ms;
        this.signal = signal;
        this.agent = new http.Agent({ keepAlive: true, maxSockets: connections });
        this.requests = 0;
        this.retries = 0;
    }

    /** One attempt: { status, json }. */
    attempt(method, target, body, key) {
        ++this.requests;
        const headers = {};
        if (body !== undefined) {
            headers['Content-Type'] = 'application/json';
            headers['Content-Length'] = Buffer.byteLength(body);
            headers['Idempotency-Key'] = key;
        }
        const { agent, signal } = this;
        return new Promise((resolve, reject) => {
            const options = { method, agent, headers, signal, timeout: reply_limit_ms };
            const request = http.request(new URL(target, this.url), options, (response) => {
                let text = '';
                response.setEncoding('utf8');
                response.on('data', (piece) => {
                    text += piece;
                });
                response.on('error', reject);
                response.on('aborted', () => reject(new Error('the connection broke')));
                response.on('end', () => {
                    try {
                        resolve({ status: response.statusCode, json: JSON.parse(text) });
                    } catch {
                        const what = `${method} ${target.split('?')[0]}`;
                        reject(new failure(`${what}: the reply is not JSON`));
                    }
                });
            });
            request.on('timeout', () => request.destroy(new Error('no reply within 30 s')));
            request.on('error', reject);
            request.end(body);
        });
    }

    /** Retries while the gateway or a service is unavailable; returns the reply with status 200. */
    async ask(method, target, params, key) {
        const body = params === undefined ? undefined : JSON.stringify(params);
        const what = `${method} ${target.split('?')[0]}`; // a query may hold a password
        const give_up = performance.now() + this.patience_ms;
        for (let pause_ms = 25; ; pause_ms = Math.min(pause_ms * 2, 1000)) {
            let problem;
            try {
                const { status, json } = await this.attempt(method, target, body, key);
                if (status === 200) {
                    return json;
                }
                const { errormessage = '', errors = [] } = json;
                problem = `${status} ${errormessage} ${JSON.stringify(errors)}`;
                if (![429, 502, 503, 504].includes(status)) {
                    throw new failure(`${what}: ${problem}`, status, errormessage);
                }
            } catch (error) {
                if (error instanceof failure || this.signal.aborted) {
                    throw error;
                }
                problem = error.message;
            }
            if (performance.now() > give_up) {
                throw new failure(`${what}: ${problem} (given up)`);
            }
            ++this.retries;
            const jittered_ms = pause_ms * (0.5 + Math.random());
            await new Promise((resolve) => setTimeout(resolve, jittered_ms));
        }
    }

    /** Every row of a list, page by page. */
    async *rows(target, query) {
        let after;
        do {
            const search = new URLSearchParams({ ...query, limit: page_rows });
            if (after !== undefined) {
                search.set('after', after);
            }
            const page = await this.ask('GET', `${target}?${search}`);
            yield* page.results ?? [];
            after = page.next;
        } while (after !== undefined && after !== null);
    }
}
