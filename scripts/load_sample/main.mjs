// SPDX-License-Identifier: Apache-2.0
// Loads invoice lines (the "Online Retail" format) through a gateway: one product per stock code
// and unit price, one member per customer, one purchase per line. Then it reads all of them back
// and compares counts and sums with the file. It counts other data in the store separately.
//
// Every write has an Idempotency-Key, so it can be repeated: requests are retried after a lost
// connection, and a run that was interrupted or killed can be started again. The keys of products
// and members are made from their content, because several files may contain the same. The key of a
// purchase is made from the file and the line. Services keep keys for 24 hours.

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
setMaxListeners(0, interrupted.signal); // every request in flight listens to it

const help = `Usage: load-sample FILE.csv [options]

Loads a file in the format of the "Online Retail" data set through a gateway, then checks counts and
sums. A run can be interrupted and started again within 24 hours: no line is stored twice if the
file has not changed. Purchases from other files or of other clients are counted separately.

  --gateway URL      address of the gateway (default http://127.0.0.1:8000)
  --connections N    number of connections and of concurrent requests (1 to 256, default 16)
  --patience S       time limit for the retries of a request, in seconds (default 60)
  --progress         report progress on standard error even if it is not a terminal
  --quiet            do not report progress
  --help             print this text

Columns: ${column_names}.
Each customer becomes the member of that name; lines without a customer belong to the member
"guest". The password of a member is derived from its name and from the environment variable
MSD_SAMPLE_SECRET. A member that exists already must have that password.

Exit code: 0 every line is stored once, 1 difference or failure, 2 usage, 130 interrupted.
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

/** The name that identifies a product in the output; the price is in ten-thousandths. */
function product_name(stock, price) {
    return `${stock} at ${from_e4(price)}`;
}

// Loading.

/** A promise that may be rejected before it is awaited. */
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

    /** The id of a new member, or of an existing member with the derived password. */
    async userid_of(username) {
        const params = { username, password: password_of(username) };
        try {
            const made = await this.to.ask('POST', '/members', params, key_of('member', username));
            return made.userid;
        } catch (error) {
            // The name exists, or the key was used with another password.
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
     * Adds the record that begins in line `at` to the expected figures; returns a function that
     * stores it.
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
 * Compares the data of the services with the file; returns each difference as a line. `others`
 * counts similar products, and purchases of the same members, that are not from this file.
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

/** A figure as text; sums are bigints in ten-thousandths. */
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
        throw new Error('--gateway: only http:// is supported');
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
            console.error('load-sample: interrupted; start it again to continue');
            return 130;
        }
        console.error(`load-sample: ${error.message}`);
        return 1;
    }
}

// Ends requests that are still in flight.
process.exit(await main());
