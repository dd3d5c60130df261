// SPDX-License-Identifier: Apache-2.0
// The cost of the store in a GET by id: the rate of GET /goods/{id} through the gateway, compared
// with that of a service of msd that sends the same reply without a store. Both have one worker and
// are measured alternately, a second each, so that other load of the machine affects both equally.

import path from 'node:path';
import { fileURLToPath } from 'node:url';

import { http } from '../../functional/harness/http_client.mjs';
import { program } from '../../functional/harness/program.mjs';
import { until } from '../../functional/harness/until.mjs';
import { with_system } from './msd.mjs';
import { wrk } from './throughput.mjs';

const here = path.dirname(fileURLToPath(import.meta.url));
const fixed_binary = path.resolve(here, '../../../build/release/msd_bench_fixed');
const connections = 64;

/** Calls `use` while a service at `distributor` answers /fixed/{id} with these members. */
export async function with_fixed(distributor, members, use) {
    const fixed = new program('fixed', fixed_binary, [String(distributor), members]);
    try {
        await fixed.ready('fixed');
        return await use();
    } finally {
        await fixed.stop();
    }
}

export async function by_id({ seconds }) {
    return with_system({ args: ['--goods-workers', '1'] }, async ({ ports }) => {
        const body = { name: 'product', category: 'bench', price: 4.15, description: 'd' };
        const made = await http(ports.gateway, 'POST', '/goods', { body });
        const target = `/goods/${made.json.id}`;
        const reply = (await http(ports.gateway, 'GET', target)).text;
        const members = /"results":.*\]/.exec(reply)[0];
        return with_fixed(ports.distributor, members, async () => {
            const fixed = `/fixed/${made.json.id}`;
            await until('both answer the same', async () =>
                (await http(ports.gateway, 'GET', fixed)).text === reply);
            const requests = { [target]: 0, [fixed]: 0 };
            let failed = 0;
            for (let second = 0; second < seconds; ++second) {
                const order = second % 2 === 0 ? [target, fixed] : [fixed, target];
                for (const each of order) {
                    const seen = await wrk(ports.gateway, each, connections, 1);
                    requests[each] += seen.requests / seen.seconds;
                    failed += seen.failed;
                }
            }
            const ratio = requests[target] / requests[fixed];
            return [
                {
                    name: 'GET by id: rate', value: requests[target] / seconds,
                    unit: '1/s', best: 'most',
                },
                {
                    name: 'GET by id without a store: rate', value: requests[fixed] / seconds,
                    unit: '1/s', best: 'most',
                },
                { name: 'GET by id: share of the rate without a store', value: ratio,
                    unit: '', best: 'most' },
                { name: 'GET by id: failed', value: failed, unit: 'requests', best: 'none' },
            ];
        });
    });
}
