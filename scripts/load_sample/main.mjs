// SPDX-License-Identifier: Apache-2.0
// Loads invoice lines (the "Online Retail" form) through a gateway: one product per stock code and
// unit price, one member per customer, one purchase per line. Then it reads everything back and
// compares counts and sums with its own reading of the file.
//
// Every write carries an Idempotency-Key made from what it writes, so each may be sent any number
// of times: a lost connection is retried, and a run that was interrupted or killed is simply
// started again. Services keep such keys for 24 hours.

import crypto from 'node:crypto';
import fs from 'node:fs';
import { parseArgs } from 'node:util';

import { gateway_client } from './gateway_client.mjs';
import { column_names, csv_records, e4, from_e4, is_header, read_line } from './invoice_lines.mjs';

const category = 'online-retail';
const refusals_shown_max = 20;
const interrupted = new AbortController();

const help = `Usage: load-sample FILE.csv [options]

Loads a file in the form of the "Online Retail" data set through a gateway, then checks counts and
sums. It may be interrupted and started again within 24 hours: nothing is written twice.

  --gateway URL      where the gateway is (default http://127.0.0.1:8000)
  --connections N    kept connections, and requests at a time (default 16, at most 256)
  --patience S       how long one request is retried before giving up, in seconds (default 60)
  --progress         report progress on standard error even when it is no terminal
  --quiet            no progress
  --help             this text

Columns: ${column_names}.
A customer is the member of that name, a line without one belongs to the member "guest". Their
passwords are derived from their names and from the environment variable MSD_SAMPLE_SECRET.

Exit code: 0 everything arrived once, 1 something differs or failed, 2 usage, 130 interrupted.
`;

function key_of(...parts) {
    return crypto.createHash('sha256').update(JSON.stringify(parts)).digest('base64url');
}

function password_of(username) {
    const secret = process.env.MSD_SAMPLE_SECRET ?? 'sample';
    return crypto.createHmac('sha256', secret).update(username).digest('base64url');
}

// Loading.

/** A promise that is awaited later, perhaps after it was rejected. */
function later(promise) {
    promise.catch(() => {});
    return promise;
}

class loader {
    constructor(to) {
        this.to = to;
        this.products = new Map(); // stock code and price → promise of the id
        this.members = new Map(); // customer → { id: promise, expected count and sum }
        this.seen = new Map(); // digest of a line → how many of them there were
        this.refused = [];
        this.read = 0;
        this.done = 0;
        this.quantity = 0;
        this.sum = 0n;
    }

    product(line) {
        const name = `${line.stock}\n${line.price}`;
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
            const params = { username: customer, password: password_of(customer) };
            const made = this.to.ask('POST', '/members', params, key_of('member', customer));
            const id = later(made.then(({ userid }) => userid));
            this.members.set(customer, { id, count: 0, quantity: 0, sum: 0n });
        }
        return this.members.get(customer);
    }

    /** Enters the next line into the expected figures; returns a function that loads it. */
    plan(fields, line) {
        const content = key_of('line', fields);
        const occurrence = (this.seen.get(content) ?? 0) + 1;
        this.seen.set(content, occurrence);
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
            await this.to.ask('POST', '/purchases', params, key_of(content, occurrence));
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
                yield this.plan(fields, read);
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

/** Compares what the services have with what was read from the file; each difference as a line. */
async function check(loaded, connections) {
    const differences = [];
    const compare = (what, found, expected) => {
        if (found !== expected) {
            differences.push(`${what}: ${found} instead of ${expected}`);
        }
    };
    const ids = new Map(); // id → "stock code, newline, price"
    for (const [name, id] of loaded.products) {
        ids.set(await id, name);
    }
    compare('products with an id of their own', ids.size, loaded.products.size);
    let products = 0;
    for await (const row of loaded.to.rows('/goods', { category })) {
        const name = ids.get(row.id);
        if (name !== undefined) {
            ++products;
            compare(`product ${row.id}`, `${row.name}\n${e4(String(row.price))}`, name);
        } else if (loaded.products.has(`${row.name}\n${e4(String(row.price))}`)) {
            differences.push(`product ${row.id} (${row.name}) is there twice`);
        }
    }
    compare('products', products, loaded.products.size);

    const found = { count: 0, quantity: 0, sum: 0n };
    const members = [...loaded.members][Symbol.iterator]();
    const work = async () => {
        for (const [customer, expected] of members) {
            const own = await purchases_of(loaded.to, await expected.id);
            for (const figure of ['count', 'quantity', 'sum']) {
                compare(`${figure} of the purchases of ${customer}`, own[figure], expected[figure]);
                found[figure] += own[figure];
            }
        }
    };
    await Promise.all(Array.from({ length: connections }, work));
    return { differences, products, found };
}

async function purchases_of(to, userid) {
    const own = { count: 0, quantity: 0, sum: 0n };
    for await (const row of to.rows('/purchases', { userid })) {
        ++own.count;
        own.quantity += row.quantity;
        own.sum += BigInt(row.quantity) * e4(String(row.price));
    }
    return own;
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
    const loaded = new loader(to);
    const stop_progress = progress ? show_progress(loaded) : () => {};
    try {
        await loaded.load(fs.createReadStream(file, { encoding: 'utf8' }), connections);
    } finally {
        stop_progress();
    }
    print_refused(loaded.refused);
    const seconds = (performance.now() - begin) / 1000;
    const { differences, products, found } = await check(loaded, connections);
    const refused = loaded.refused.length;
    console.log(`lines      ${loaded.read + refused} read, ${refused} refused`);
    console.log(`products   ${products} found, ${loaded.products.size} in the file`);
    console.log(`members    ${loaded.members.size}`);
    console.log(`purchases  ${found.count} found, ${loaded.read} in the file`);
    console.log(`quantity   ${found.quantity} found, ${loaded.quantity} in the file`);
    console.log(`sum        ${from_e4(found.sum)} found, ${from_e4(loaded.sum)} in the file`);
    const took = seconds.toFixed(1);
    console.log(`loaded in  ${took} s, ${to.requests} requests, ${to.retries} retries`);
    for (const difference of differences.slice(0, refusals_shown_max)) {
        console.log(`DIFFERENT  ${difference.replaceAll('\n', ' at ')}`);
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
