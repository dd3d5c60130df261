// SPDX-License-Identifier: Apache-2.0
// Loads invoice lines (the "Online Retail" form) through a gateway: one product per stock code and
// unit price, one member per customer, one purchase per line. Then it reads everything back and
// compares counts and sums with its own reading of the file. What else the store holds, it reports
// but does not judge.
//
// Every write carries an Idempotency-Key, so each may be sent any number of times: a lost
// connection is retried, and a run that was interrupted or killed is simply started again. Products
// and members have keys made from what they are, because files share them. A purchase has one made
// from its file and line. Services keep such keys for 24 hours.

import crypto from 'node:crypto';
import { setMaxListeners } from 'node:events';
import fs from 'node:fs';
import { pipeline } from 'node:stream/promises';
import { parseArgs } from 'node:util';

import { failure, gateway_client } from './gateway_client.mjs';
import { column_names, csv_records, e4, from_e4, is_header, read_line } from './invoice_lines.mjs';

const category = 'online-retail';
const refusals_shown_max = 20;
const interrupted = new AbortController();
setMaxListeners(0, interrupted.signal); // every request under way listens to it

const help = `Usage: load-sample FILE.csv [options]

Loads a file in the form of the "Online Retail" data set through a gateway, then checks counts and
sums. It may be interrupted and started again within 24 hours: nothing is written twice as long as
the file stays the same. Other files, and other purchases of the same members, do no harm.

  --gateway URL      where the gateway is (default http://127.0.0.1:8000)
  --connections N    kept connections, and requests at a time (default 16, at most 256)
  --patience S       how long one request is retried before giving up, in seconds (default 60)
  --progress         report progress on standard error even when it is no terminal
  --quiet            no progress
  --help             this text

Columns: ${column_names}.
A customer is the member of that name, a line without one belongs to the member "guest". Their
passwords are derived from their names and from the environment variable MSD_SAMPLE_SECRET; a member
that exists already must have that password.

Exit code: 0 everything arrived once, 1 something differs or failed, 2 usage, 130 interrupted.
`;

function key_of(...parts) {
    return crypto.createHash('sha256').update(JSON.stringify(parts)).digest('base64url');
}

function password_of(username) {
    const secret = process.env.MSD_SAMPLE_SECRET ?? 'sample';
    return crypto.createHmac('sha256', secret).update(username).digest('base64url');
}

async function digest_of(file) {
    if (!fs.statSync(file).isFile()) {
        throw new Error(`${file} is not a regular file (it is read twice)`);
    }
    const hash = crypto.createHash('sha256');
    await pipeline(fs.createReadStream(file), hash, { signal: interrupted.signal });
    return hash.digest('base64url');
}

/** How a product is told from others, and shown; the price in ten-thousandths. */
function product_name(stock, price) {
    return `${stock} at ${from_e4(price)}`;
}

// Loading.

/** A promise that is awaited later, perhaps after it was rejected. */
function later(promise) {
    promise.catch(() => {});
    return promise;
}

class loader {
    /** `file` is the digest of the file's content. */
    constructor(to, file) {
        this.to = to;
        this.file = file;
        this.products = new Map(); // product_name → promise of the id
        this.members = new Map(); // customer → { id: promise, expected count and sum }
        this.purchases = new Set(); // the id of each
        this.refused = [];
        this.read = 0;
        this.done = 0;
        this.quantity = 0;
        this.sum = 0n;
    }

    product(line) {
        const name = product_name(line.stock, line.price);
        if (!this.products.has(name)) {
            const params = {
                name: line.stock,
                category,
                price: from_e4(line.price),
                description: line.description,
            };
            const made = this.to.ask('POST', '/goods', params, key_of('product', params));
            this.products.set(name, later(made.then(({ id }) => id)));
        }
        return this.products.get(name);
    }

    member(customer) {
        if (!this.members.has(customer)) {
            const id = later(this.userid_of(customer));
            this.members.set(customer, { id, count: 0, quantity: 0, sum: 0n });
        }
        return this.members.get(customer);
    }

    /** Of a new member, or of one that is there already and has the password derived here. */
    async userid_of(username) {
        const params = { username, password: password_of(username) };
        try {
            const made = await this.to.ask('POST', '/members', params, key_of('member', username));
            return made.userid;
        } catch (error) {
            // Taken, or made by the same key with another password.
            if (error.status !== 409 && error.status !== 422) {
                throw error;
            }
        }
        try {
            return (await this.to.ask('GET', `/members?${new URLSearchParams(params)}`)).userid;
        } catch (error) {
            if (error.status !== 403) {
                throw error;
            }
            throw new failure(`the member ${JSON.stringify(username)} is in the way: it exists, ` +
                `but not with the password derived from MSD_SAMPLE_SECRET (${error.reason})`);
        }
    }

    /**
     * Enters a line of the file, the one that begins at line `at`, into the expected figures;
     * returns a function that loads it.
     */
    plan(at, line) {
        const member = this.member(line.customer);
        const sum = BigInt(line.quantity) * line.price;
        ++this.read;
        ++member.count;
        for (const total of [this, member]) {
            total.quantity += line.quantity;
            total.sum += sum;
        }
        const product = this.product(line);
        return async () => {
            const [userid, goodsid] = await Promise.all([member.id, product]);
            const params = { userid, goodsid, quantity: line.quantity };
            const key = key_of('purchase', this.file, at);
            const { id } = await this.to.ask('POST', '/purchases', params, key);
            this.purchases.add(id);
            ++this.done;
        };
    }

    async *planned(stream) {
        for await (const { line, fields, blank, problem } of csv_records(stream)) {
            if (blank || (fields && line === 1 && is_header(fields))) {
                continue;
            }
            const read = problem ?? read_line(fields);
            if (typeof read === 'string') {
                this.refused.push({ line, reason: read });
            } else {
                yield this.plan(line, read);
            }
        }
    }

    async load(stream, connections) {
        const lines = this.planned(stream);
        const work = async () => {
            for (;;) {
                const { value, done } = await lines.next();
                if (done) {
                    return;
                }
                await value();
            }
        };
        await Promise.all(Array.from({ length: connections }, work));
    }
}

// Checking.

/**
 * Compares what the services have with what was read from the file; each difference as a line.
 * `others` counts what looks alike but was not made from this file.
 */
async function check(loaded, connections) {
    const differences = [];
    const compare = (what, found, expected) => {
        if (found !== expected) {
            differences.push(`${what}: ${found} instead of ${expected}`);
        }
    };
    const others = { products: 0, purchases: 0 };
    const ids = new Map(); // id → product_name
    for (const [name, id] of loaded.products) {
        ids.set(await id, name);
    }
    compare('products with an id of their own', ids.size, loaded.products.size);
    let products = 0;
    for await (const row of loaded.to.rows('/goods', { category })) {
        const expected = ids.get(row.id);
        const name = product_name(row.name, e4(String(row.price)) ?? 0n);
        if (expected !== undefined) {
            ++products;
            compare(`product ${row.id}`, name, expected);
        } else if (loaded.products.has(name)) {
            ++others.products;
        }
    }
    compare('products', products, loaded.products.size);
    compare('purchases with an id of their own', loaded.purchases.size, loaded.read);

    const found = { count: 0, quantity: 0, sum: 0n };
    const members = [...loaded.members][Symbol.iterator]();
    const work = async () => {
        for (const [customer, expected] of members) {
            const own = await purchases_of(loaded, await expected.id);
            others.purchases += own.others;
            for (const figure of ['count', 'quantity', 'sum']) {
                const what = `${figure} of the purchases of ${customer}`;
                compare(what, shown(own[figure]), shown(expected[figure]));
                found[figure] += own[figure];
            }
        }
    };
    await Promise.all(Array.from({ length: connections }, work));
    return { differences, products, found, others };
}

async function purchases_of({ to, purchases }, userid) {
    const own = { count: 0, quantity: 0, sum: 0n, others: 0 };
    for await (const row of to.rows('/purchases', { userid })) {
        if (!purchases.has(row.id)) {
            ++own.others;
            continue;
        }
        ++own.count;
        own.quantity += row.quantity;
        own.sum += BigInt(row.quantity) * (e4(String(row.price)) ?? 0n);
    }
    return own;
}

/** Sums are kept in ten-thousandths, as bigint. */
function shown(figure) {
    return typeof figure === 'bigint' ? from_e4(figure) : figure;
}

// The program.

function options_of(args) {
    const { values, positionals } = parseArgs({
        args,
        allowPositionals: true,
        options: {
            gateway: { type: 'string', default: 'http://127.0.0.1:8000' },
            connections: { type: 'string', default: '16' },
            patience: { type: 'string', default: '60' },
            progress: { type: 'boolean', default: false },
            quiet: { type: 'boolean', default: false },
            help: { type: 'boolean', default: false },
        },
    });
    const connections = Number(values.connections);
    const patience_s = Number(values.patience);
    if (!values.help && positionals.length !== 1) {
        throw new Error('exactly one file is needed');
    }
    if (!Number.isInteger(connections) || connections < 1 || connections > 256) {
        throw new Error('--connections: a number from 1 to 256');
    }
    if (!(patience_s >= 0 && patience_s <= 3600)) {
        throw new Error('--patience: seconds from 0 to 3600');
    }
    let url;
    try {
        url = new URL(values.gateway);
    } catch {
        throw new Error(`--gateway: not a URL: ${values.gateway}`);
    }
    if (url.protocol !== 'http:') {
        throw new Error('--gateway: only http:// is spoken');
    }
    const progress = values.progress || (process.stderr.isTTY && !values.quiet);
    const { help: wants_help } = values;
    const patience_ms = patience_s * 1000;
    return { file: positionals[0], url, connections, patience_ms, progress, wants_help };
}

function show_progress(loaded) {
    const erase = process.stderr.isTTY ? '\r\x1b[K' : '';
    const end = process.stderr.isTTY ? '' : '\n';
    const show = () => {
        const { done, products, members, refused, to } = loaded;
        process.stderr.write(`${erase}${done} purchases, ${products.size} products, ` +
            `${members.size} members, ${refused.length} refused, ${to.retries} retries${end}`);
    };
    const timer = setInterval(show, process.stderr.isTTY ? 200 : 1000);
    return () => {
        clearInterval(timer);
        show();
        process.stderr.write('\n');
    };
}

function print_refused(refused) {
    for (const { line, reason } of refused.slice(0, refusals_shown_max)) {
        console.log(`line ${line} refused: ${reason}`);
    }
    if (refused.length > refusals_shown_max) {
        console.log(`… and ${refused.length - refusals_shown_max} more refused`);
    }
}

async function load_and_check({ file, url, connections, patience_ms, progress }) {
    const begin = performance.now();
    const { signal } = interrupted;
    const to = new gateway_client({ url, connections, patience_ms, signal });
    const loaded = new loader(to, await digest_of(file));
    const stop_progress = progress ? show_progress(loaded) : () => {};
    try {
        await loaded.load(fs.createReadStream(file, { encoding: 'utf8' }), connections);
    } finally {
        stop_progress();
    }
    print_refused(loaded.refused);
    const seconds = (performance.now() - begin) / 1000;
    const { differences, products, found, others } = await check(loaded, connections);
    const refused = loaded.refused.length;
    console.log(`lines      ${loaded.read + refused} read, ${refused} refused`);
    console.log(`products   ${products} found, ${loaded.products.size} in the file`);
    console.log(`members    ${loaded.members.size}`);
    console.log(`purchases  ${found.count} found, ${loaded.read} in the file`);
    console.log(`quantity   ${found.quantity} found, ${loaded.quantity} in the file`);
    console.log(`sum        ${from_e4(found.sum)} found, ${from_e4(loaded.sum)} in the file`);
    console.log(`others     ${others.purchases} purchases of these members, ` +
        `${others.products} products alike`);
    const took = seconds.toFixed(1);
    console.log(`loaded in  ${took} s, ${to.requests} requests, ${to.retries} retries`);
    for (const difference of differences.slice(0, refusals_shown_max)) {
        console.log(`DIFFERENT  ${difference}`);
    }
    console.log(differences.length === 0 ? 'all equal' : `${differences.length} differences`);
    return differences.length === 0 ? 0 : 1;
}

async function main() {
    let options;
    try {
        options = options_of(process.argv.slice(2));
    } catch (error) {
        console.error(`load-sample: ${error.message}\nTry load-sample --help`);
        return 2;
    }
    if (options.wants_help) {
        process.stdout.write(help);
        return 0;
    }
    for (const name of ['SIGINT', 'SIGTERM']) {
        process.on(name, () => interrupted.abort());
    }
    try {
        return await load_and_check(options);
    } catch (error) {
        if (interrupted.signal.aborted) {
            console.error('load-sample: interrupted; start it again to go on');
            return 130;
        }
        console.error(`load-sample: ${error.message}`);
        return 1;
    }
}

// Once it is decided how it ends, requests that are still under way do not matter.
process.exit(await main());
