// SPDX-License-Identifier: Apache-2.0
// The gateway as a proxy for the tests proxy_*. Its settings are those of [[gateway.routes]] and
// [upstream.NAME]. With MSD_TEST_PROXY=nginx the same settings start nginx in its place: then a
// test that fails is probably wrong itself. Cases about what nginx does differently are left out.

import assert from 'node:assert/strict';
import fs from 'node:fs';

import { control } from './control.mjs';
import { start_nginx } from './nginx.mjs';
import { children } from './proc.mjs';

export const is_reference = process.env.MSD_TEST_PROXY === 'nginx';

function toml_value(value) {
    if (Array.isArray(value)) {
        return `[${value.map(toml_value).join(', ')}]`;
    }
    if (typeof value === 'object') {
        const members = Object.entries(value).map(([key, of]) => `${key} = ${toml_value(of)}`);
        return `{ ${members.join(', ')} }`;
    }
    return JSON.stringify(value);
}

const toml_lines = (keys) =>
    Object.entries(keys).map(([key, value]) => `${key} = ${toml_value(value)}\n`).join('');

// The tests of other clones may keep the processors busy: only a test about a time limit has
// a short one.
const keys_by_default = { 'gateway.request_timeout_ms': 60_000 };
const upstreams_by_default = { default: { connect_timeout_ms: 10_000 } };

/** The text of a configuration file. `keys` are flat: { 'gateway.port': 0 }. */
export function toml_text({ keys = {}, routes = [], upstreams = {} }) {
    const tables = [
        toml_lines({ ...keys_by_default, ...keys }),
        ...routes.map((route) => `[[gateway.routes]]\n${toml_lines(route)}`),
        ...Object.entries({ ...upstreams_by_default, ...upstreams }).map(([name, of]) =>
            `[upstream.${name}]\n${toml_lines(of)}`),
    ];
    return tables.join('\n');
}

function nginx_upstream(name, { addresses }) {
    const servers = addresses.map((address) => `server ${address};`).join(' ');
    return `upstream ${name} { ${servers} keepalive 64; }`;
}

function nginx_location({ path, service, strip_prefix = false }, upstream) {
    const ms = (name, otherwise) => `${upstream[name] ?? otherwise}ms`;
    const reads = Math.min(
        upstream.first_byte_timeout_ms ?? 60_000, upstream.between_bytes_timeout_ms ?? 60_000,
    );
    return `location ${path} {
        proxy_pass http://${service}${strip_prefix ? '/' : ''};
        proxy_connect_timeout ${ms('connect_timeout_ms', 250)};
        proxy_read_timeout ${reads}ms;
    }`;
}

function nginx_http({ keys = {}, routes, upstreams }, port) {
    return `
    map $http_upgrade $upgraded { default upgrade; '' ''; }
    ${Object.entries(upstreams).map(([name, of]) => nginx_upstream(name, of)).join('\n    ')}
    client_max_body_size ${keys['gateway.body_bytes_max'] ?? 1_048_576};
    proxy_http_version 1.1;
    proxy_buffering off;
    proxy_request_buffering off;
    proxy_set_header Host $http_host;
    proxy_set_header Connection $upgraded;
    proxy_set_header Upgrade $http_upgrade;
    proxy_set_header X-Forwarded-For $remote_addr;
    proxy_set_header X-Forwarded-Proto $scheme;
    proxy_set_header X-Forwarded-Host $http_host;
    proxy_set_header X-Request-Id $request_id;
    server {
        listen 127.0.0.1:${port};
        ${routes.map((each) => nginx_location(each, upstreams[each.service])).join('\n        ')}
    }`;
}

class gateway_proxy {
    constructor(world, settings, file, gateway) {
        Object.assign(this, { world, settings, file, gateway });
        this.port = gateway.port('gateway');
        this.master = new control(world.path('run'), gateway);
    }

    workers() {
        return this.gateway.workers('gateway').map(({ pid }) => pid);
    }

    /** Replaces the settings in the file; the caller has the gateway read it. */
    write(settings) {
        this.settings = settings;
        fs.writeFileSync(this.file, toml_text(settings));
    }

    /** `msd ctl ARGS…`, for this gateway. */
    ctl(...args) {
        const where = ['--runtime-dir', this.world.path('run')];
        return this.world.command(['ctl', ...where, ...args]);
    }
}

class reference_proxy {
    constructor(nginx) {
        this.nginx = nginx.program;
        this.port = nginx.port;
    }

    workers() {
        return children(this.nginx.pid);
    }
}

/**
 * Starts the gateway alone, without a distributor, with `settings`: { keys, routes, upstreams }.
 * `args`: more of the command line. `msd`: options of the program.
 */
export async function start_proxy(world, settings, { workers = 1, args = [], ...msd } = {}) {
    if (is_reference) {
        const started = await start_nginx(world.path('nginx'), {
            workers, http: (port) => nginx_http(settings, port),
        });
        world.track(started.program);
        return new reference_proxy(started);
    }
    const file = world.path('proxy.toml');
    fs.writeFileSync(file, toml_text(settings));
    const all = ['--config', file, ...args];
    const gateway = await world.role('gateway', { workers, args: all, ...msd });
    return new gateway_proxy(world, settings, file, gateway);
}

/**
 * Cases that share one world: `await each_case('what happens', async () => …)`. All run, also after
 * a failure; `finish()` fails the test when a case has failed, so that its logs are printed.
 */
export class shared_cases {
    constructor(context) {
        this.context = context;
        this.failed = [];
        this.begun = [];
    }

    /** `unlike_nginx`: a reason why nginx cannot pass the case. */
    async run(name, options, body) {
        if (typeof options === 'function') {
            [options, body] = [{}, options];
        }
        const skip = is_reference && (options.unlike_nginx ?? false);
        const limit = { timeout: 120_000, concurrency: true, skip };
        await this.context.test(name, limit, async (inner) => {
            try {
                await body(inner);
            } catch (problem) {
                this.failed.push(name);
                throw problem;
            }
        });
    }

    finish() {
        assert.deepEqual(this.failed, [], 'cases failed');
    }
}
