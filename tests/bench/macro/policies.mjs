// SPDX-License-Identifier: Apache-2.0
// What the policies and the means of seeing them cost: the rate of GET /goods/{id} with all of them
// on, compared with the same with as little as possible. The two systems run at the same time and
// are measured alternately, so that other load of the machine affects both. Then what the other
// services notice when goods hangs.

import path from 'node:path';

import { http } from '../../functional/harness/http_client.mjs';
import { program } from '../../functional/harness/program.mjs';
import { pause, until } from '../../functional/harness/until.mjs';
import { with_directory, with_system, workers } from './msd.mjs';
import { median } from './proxy.mjs';
import { wrk } from './throughput.mjs';

const connections = 64;
const clients_of_one = 16;

const off = `[gateway]
access_log = "off"
[admin]
enabled = false
[upstream.default]
retry.tries = 0
breaker.mode = "off"
outlier.consecutive = 0
`;

const on = (file) => `[gateway]
access_log = "json"
access_log_file = "${file}"
limit = { rate = "1000000/s", burst = 100000 }
connections_per_client_max = 100000
[admin]
enabled = true
port = 0
[upstream.default]
bulkhead.requests = 1024
bulkhead.per_endpoint = 128
`;

async function product(ports) {
    const body = { name: 'product', category: 'bench', price: 4.15, description: 'd' };
    const made = await http(ports.gateway, 'POST', '/goods', { body });
    return `/goods/${made.json.id}`;
}

/** Rates in turn, `seconds` pairs. */
async function pairs(one, other, seconds) {
    const ratios = [];
    let failed = 0;
    for (let pair = 0; pair < seconds; ++pair) {
        const seen = {};
        for (const who of pair % 2 === 0 ? ['one', 'other'] : ['other', 'one']) {
            const { ports, target } = who === 'one' ? one : other;
            const { requests, seconds: took, ...rest } = await wrk(
                ports.gateway, target, connections, 2,
            );
            seen[who] = requests / took;
            failed += rest.failed;
        }
        ratios.push(seen.one / seen.other);
    }
    return { ratio: median(ratios), failed };
}

async function cost(seconds) {
    return with_directory((directory) => {
        const config = on(path.join(directory, 'access.log'));
        return with_system({ config, env: { MSD_ADMIN_ENABLED: 'true' } }, (with_all) =>
            with_system({ config: off }, async (without) => {
                const targets = [await product(with_all.ports), await product(without.ports)];
                return pairs(
                    { ports: with_all.ports, target: targets[0] },
                    { ports: without.ports, target: targets[1] },
                    seconds,
                );
            }));
    });
}

/** The rate and p99 of members and purchases, first alone, then while goods hangs. */
async function hung_goods(seconds) {
    const found = [];
    await with_system({}, async ({ system, ports }) => {
        const target = await product(ports);
        const body = { username: 'bench', password: 'a long password' };
        const member = await http(ports.gateway, 'POST', '/members', { body });
        const others = [`/members/${member.json.userid}/overview`, '/purchases?userid=1'];
        await until('the overview is there', async () =>
            (await http(ports.gateway, 'GET', others[0])).status === 200);
        const measured = async () => Promise.all(others.map((each) =>
            wrk(ports.gateway, each, clients_of_one, seconds)));
        const waits = new program('wrk', 'wrk', [
            '-t', '1', '-c', String(clients_of_one), '-d', '600s', '--timeout', '10s',
            `http://127.0.0.1:${ports.gateway}${target}`,
        ]);
        try {
            // Before, the clients of goods take a share of the processors, which they do not need
            // while it hangs. So they are stopped for the comparison.
            waits.signal('SIGSTOP');
            const before = await measured();
            const goods = workers(system, 'goods');
            goods.forEach((pid) => process.kill(pid, 'SIGSTOP'));
            waits.signal('SIGCONT');
            await pause(2000);
            const after = await measured();
            const begin = performance.now();
            const bought = await http(ports.gateway, 'POST', '/purchases', {
                body: { userid: 1, goodsid: 999, quantity: 1 },
            });
            const took = performance.now() - begin;
            goods.forEach((pid) => process.kill(pid, 'SIGCONT'));
            others.forEach((each, at) => {
                const rate = (seen) => seen.requests / seen.seconds;
                const name = `goods hung: GET /${each.split(/[/?]/)[1]}`;
                found.push(
                    { name: `${name}: rate to that before`, unit: '', best: 'most',
                        value: rate(after[at]) / rate(before[at]) },
                    { name: `${name}: p99 to that before`, unit: '', best: 'least',
                        value: after[at].p99_us / before[at].p99_us },
                    { name: `${name}: failed`, unit: 'requests', best: 'none',
                        value: after[at].failed },
                );
            });
            found.push({ name: `goods hung: POST /purchases: time to ${bought.status}`,
                value: took, unit: 'ms', best: 'least' });
        } finally {
            await waits.stop('SIGKILL');
        }
    });
    return found;
}

export async function policies({ seconds }) {
    const { ratio, failed } = await cost(seconds);
    return [
        { name: 'all policies on: rate to that without', value: ratio, unit: '', best: 'most' },
        { name: 'all policies on: failed', value: failed, unit: 'requests', best: 'none' },
        ...(await hung_goods(seconds)),
    ];
}
