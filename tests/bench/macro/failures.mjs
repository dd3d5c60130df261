// SPDX-License-Identifier: Apache-2.0
// What clients notice of endpoints that fail: msd in front of three equal web programs, then of
// three packet services, beside nginx and HAProxy in front of the same programs. Requests arrive at
// a fixed rate. Each failure lasts for some seconds, then the endpoint is healed.

import fs from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

import { start_nginx } from '../../functional/harness/nginx.mjs';
import { free_port } from '../../functional/harness/ports.mjs';
import { program } from '../../functional/harness/program.mjs';
import { pause, until } from '../../functional/harness/until.mjs';
import { http } from '../../functional/harness/http_client.mjs';
import { start_msd, with_directory } from './msd.mjs';

const here = path.dirname(fileURLToPath(import.meta.url));
const rate = 300; // a third of it for each endpoint
const healthy_ms = 4_000;
const failing_ms = 8_000;
const settled_ms = 2_000; // then the latency must be as before
const healed_ms = 15_000; // then the endpoint must have its share again
const counted_ms = 3_000;
const overload = { delay_ms: 40, at_once: 8, factor: 2, seconds: 12 };

/** One endpoint, in a process of its own. */
class origin {
    static async start(kind, port = 0, distributor) {
        const args = kind === 'http' ? [port] : [distributor, port];
        const started = new origin();
        Object.assign(started, { kind, distributor });
        started.program = new program(
            'origin', process.execPath,
            [path.join(here, 'failing_origin.mjs'), kind, ...args].map(String), { input: 'pipe' },
        );
        started.port = await started.program.ready('origin');
        return started;
    }

    /** Changes what it does; the number of requests since the last call. */
    async set(how = {}) {
        this.program.output = '';
        this.program.child.stdin.write(`${JSON.stringify(how)}\n`);
        await until('the origin replies', () => this.program.output.includes('\n'));
        return Number(this.program.output);
    }

    async restart() {
        const again = await origin.start(this.kind, this.port, this.distributor);
        this.program = again.program;
    }

    stop() {
        this.program.signal('SIGCONT');
        return this.program.stop('SIGKILL');
    }
}

const mode = (how) => ({
    begin: (one) => one.set(how),
    end: (one) => one.set({ kind: 'ok', delay_ms: 4 }),
});

const failures = {
    killed: { begin: (one) => one.program.stop('SIGKILL'), end: (one) => one.restart() },
    stopped: {
        begin: (one) => one.program.signal('SIGSTOP'),
        end: (one) => one.program.signal('SIGCONT'),
    },
    '20 x slower': mode({ delay_ms: 80 }),
    'answers 500': mode({ kind: 'error' }),
    'closes in the reply': mode({ kind: 'break' }),
    'accepts and is silent': mode({ kind: 'silent' }),
};

// The settings that the documentation of each recommends: what an endpoint did not answer is tried
// at another one, and an endpoint that fails is avoided for some seconds.
const proxies = {
    async msd(directory, ports, more = {}) {
        const own = path.join(directory, 'msd');
        fs.mkdirSync(own);
        const file = path.join(own, 'msd.toml');
        const addresses = ports.map((port) => `"127.0.0.1:${port}"`).join(', ');
        const keys = Object.entries(more.msd ?? {}).map(([key, value]) => `${key} = ${value}\n`);
        fs.writeFileSync(file, `[[gateway.routes]]\npath = "/"\nservice = "app"\n` +
            `[upstream.app]\naddresses = [${addresses}]\n${keys.join('')}`);
        const started = start_msd(own, [
            'gateway', '--port', '0', '--workers', '2', '--config', file,
        ]);
        return { program: started, port: await started.ready('gateway') };
    },

    async nginx(directory, ports, { per_endpoint = 0 } = {}) {
        const most = per_endpoint > 0 ? `max_conns=${per_endpoint}` : '';
        const servers = ports.map((port) =>
            `server 127.0.0.1:${port} max_fails=3 fail_timeout=10s ${most};`);
        return start_nginx(path.join(directory, 'nginx'), {
            workers: 2,
            http: (port) => `
    upstream app { zone app 256k; random two least_conn; ${servers.join(' ')}
        keepalive 64; keepalive_requests 1000000000; }
    keepalive_requests 1000000000;
    server {
        listen 127.0.0.1:${port};
        location / {
            proxy_pass http://app;
            proxy_http_version 1.1;
            proxy_set_header Connection '';
            proxy_connect_timeout 250ms;
            proxy_read_timeout 1s;
            proxy_next_upstream error timeout http_500 http_502 http_503 http_504;
            proxy_next_upstream_tries 3;
            proxy_next_upstream_timeout 5s;
        }
    }`,
        });
    },

    async haproxy(directory, ports, { per_endpoint = 0 } = {}) {
        const port = await free_port();
        const file = path.join(directory, 'haproxy.cfg');
        const most = per_endpoint > 0 ? `maxconn ${per_endpoint}` : '';
        fs.writeFileSync(file, `
global
    nbthread 2
    maxconn 8192
defaults
    mode http
    option http-keep-alive
    http-reuse always
    retries 2
    option redispatch 1
    retry-on all-retryable-errors
    timeout connect 250ms
    timeout client 60s
    timeout server 1s
    timeout queue 100ms
frontend clients
    bind 127.0.0.1:${port}
    default_backend app
backend app
    balance random(2)
    default-server check inter 500ms fall 2 rise 2 slowstart 10s ${most}
    default-server observe layer7 error-limit 5 on-error mark-down
${ports.map((each, at) => `    server s${at} 127.0.0.1:${each}\n`).join('')}`);
        const started = new program('haproxy', '/usr/sbin/haproxy', ['-db', '-f', file]);
        return { program: started, port };
    },
};

/** Requests while `act` runs: { acted, lines: [{ due, latency, status }] }. */
async function under_load(port, target, per_second, act) {
    const client = new program(
        'client', process.execPath,
        [path.join(here, 'open_loop.mjs'), port, target, per_second].map(String), { input: 'pipe' },
    );
    await client.ready('client');
    let acted;
    try {
        acted = await act();
    } finally {
        client.child.stdin.end();
        await client.exit;
    }
    const [, origin_ms, ...rest] = client.output.split('\n');
    const shift = Number(origin_ms) - performance.timeOrigin;
    const lines = rest.slice(0, -2).map((line) => {
        const [due, latency, status] = line.split(' ').map(Number);
        return { due: due + shift, latency, status };
    });
    return { acted, lines };
}

function percentile(values, share) {
    const sorted = [...values].sort((a, b) => a - b);
    return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0;
}

const between = (lines, from, to) => lines.filter(({ due }) => due >= from && due < to);
const is_bad = ({ status }) => status !== 200;
const p99 = (lines) => percentile(lines.map(({ latency }) => latency), 0.99);

/** One failure of the first endpoint, healed afterwards. */
async function suffer(proxy, target, origins, failure) {
    const seen = await under_load(proxy.port, target, rate, async () => {
        await pause(healthy_ms);
        const failed = performance.now();
        await failure.begin(origins[0]);
        await pause(failing_ms);
        const healed = performance.now();
        await failure.end(origins[0]);
        await pause(healed_ms);
        await Promise.all(origins.map((each) => each.set()));
        await pause(counted_ms);
        const counts = await Promise.all(origins.map((each) => each.set()));
        return { failed, healed, counts };
    });
    const { failed, healed, counts } = seen.acted;
    const before = between(seen.lines, failed - healthy_ms / 2, failed);
    const during = between(seen.lines, failed, healed + settled_ms);
    const settled = between(seen.lines, failed + settled_ms, healed);
    const fair = counts.reduce((sum, each) => sum + each, 0) / origins.length;
    return {
        errors: (during.filter(is_bad).length / during.length) * 100,
        latency: p99(settled) / p99(before),
        share: (counts[0] / fair) * 100,
        healthy: p99(before),
    };
}

/** An address that nobody listens on, from the start. */
async function meet_dead_address(proxy, target) {
    const seen = await under_load(proxy.port, target, rate, () => pause(healthy_ms));
    return (seen.lines.filter(is_bad).length / seen.lines.length) * 100;
}

/** Twice as many requests as the endpoints can do. */
async function meet_overload(proxy, target, origins) {
    const capacity = (origins.length * overload.at_once * 1000) / overload.delay_ms;
    await Promise.all(origins.map((each) => each.set(overload)));
    const seen = await under_load(proxy.port, target, capacity * overload.factor, () =>
        pause(overload.seconds * 1000));
    const tries = await Promise.all(origins.map((each) => each.set()));
    await Promise.all(origins.map((each) => each.set({ delay_ms: 4, at_once: 0 })));
    const first = Math.min(...seen.lines.map(({ due }) => due));
    const lines = between(seen.lines, first + settled_ms, first + overload.seconds * 1000);
    const good = lines.filter((line) => !is_bad(line));
    const sum = tries.reduce((total, each) => total + each, 0);
    return {
        goodput: (good.length / ((overload.seconds - settled_ms / 1000) * capacity)) * 100,
        accepted: p99(good),
        refused: percentile(lines.filter(is_bad).map(({ latency }) => latency), 0.99),
        tries: sum / seen.lines.length,
    };
}

function figures(found, what, who, values) {
    for (const [title, [value, unit, best]] of Object.entries(values)) {
        found.push({ name: `${what}: ${who} ${title}`, value, unit, best });
    }
}

async function with_origins(count, start, use) {
    const origins = [];
    try {
        for (let n = 0; n < count; ++n) {
            origins.push(await start());
        }
        return await use(origins);
    } finally {
        for (const each of origins) {
            await each.stop();
        }
    }
}

async function measure(found, who, target, origins, proxy) {
    for (const [what, failure] of Object.entries(failures)) {
        process.stderr.write(`failures: ${who}: ${what}\n`);
        const seen = await suffer(proxy, target, origins, failure);
        figures(found, what, who, {
            errors: [seen.errors, '%', 'none'],
            'p99 to the healthy p99': [seen.latency, '', 'least'],
            'share when healed': [seen.share, '%', 'most'],
        });
    }
}

/** Calls `use` with a proxy that answers. */
async function with_proxy(who, ports, more, use) {
    return with_directory(async (directory) => {
        const proxy = await proxies[who](directory, ports, more);
        try {
            await until(`${who} answers`, async () => proxy.program.ended
                || (await http(proxy.port, 'GET', '/x').catch(() => ({}))).status === 200);
            return await use(proxy);
        } finally {
            await proxy.program.stop();
        }
    });
}

async function web_programs(found) {
    await with_origins(3, () => origin.start('http'), async (origins) => {
        const ports = origins.map(({ port }) => port);
        const dead = await free_port();
        for (const who of Object.keys(proxies)) {
            await with_proxy(who, ports, {}, (proxy) => measure(found, who, '/x', origins, proxy));
            await with_proxy(who, [...ports, dead], {}, async (proxy) =>
                figures(found, 'dead address', who, {
                    errors: [await meet_dead_address(proxy, '/x'), '%', 'none'],
                }));
            const most = 2 * overload.at_once;
            const limited = { per_endpoint: most, msd: { 'bulkhead.per_endpoint': most } };
            for (const [what, more] of [['overload', limited], ['overload, as it comes', {}]]) {
                process.stderr.write(`failures: ${who}: ${what}\n`);
                await with_proxy(who, ports, more, async (proxy) => {
                    const seen = await meet_overload(proxy, '/x', origins);
                    figures(found, what, who, {
                        'goodput of the capacity': [seen.goodput, '%', 'most'],
                        'p99 of the accepted': [seen.accepted, 'ms', 'least'],
                        'p99 of the refused': [seen.refused, 'ms', 'least'],
                        'tries to requests': [seen.tries, '', 'least'],
                    });
                });
            }
        }
    });
}

async function packet_services(found) {
    await with_directory(async (directory) => {
        const distributor = start_msd(path.join(directory), ['distributor', '--port', '0']);
        const registry = await distributor.ready('distributor');
        const gateway = start_msd(path.join(directory), [
            'gateway', '--port', '0', '--workers', '2', '--distributor', `127.0.0.1:${registry}`,
        ]);
        const port = await gateway.ready('gateway');
        const start = () => origin.start('packets', 0, registry);
        try {
            await with_origins(3, start, async (origins) => {
                await until('the gateway routes', async () =>
                    (await http(port, 'GET', '/x')).status === 200);
                await measure(found, 'msd, packets,', '/x', origins, { port });
            });
        } finally {
            await gateway.stop();
            await distributor.stop();
        }
    });
}

export async function failing() {
    const found = [];
    await web_programs(found);
    await packet_services(found);
    return found;
}
