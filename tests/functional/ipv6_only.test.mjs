// SPDX-License-Identifier: Apache-2.0
// A machine whose loopback interface has no IPv4 address: everything works with default settings.
// Each test has its own network namespace, in which the default ports are free.

import assert from 'node:assert/strict';

import { own_network_without_ipv4, skip_without_networks } from './harness/permitted.mjs';
import { run } from './harness/program.mjs';
import { test } from './harness/test.mjs';
import { until } from './harness/until.mjs';
import { msd_binary, roles } from './harness/world.mjs';

const skip = skip_without_networks;

test('without 127.0.0.1 msd works on [::1] with default settings', { skip }, async (world) => {
    const through = own_network_without_ipv4;
    const all = ['up', '--workers', '1', ...world.own_dirs()];
    const up = world.spawn_msd('msd up', all, { through });
    for (const role of roles) {
        await up.ready(role);
    }
    up.note_workers();
    const inside = (...command) => run('nsenter', ['-t', String(up.pid), '-n', ...command]);
    const nodes = async () => {
        const { code, output, log } = await inside(msd_binary, 'nodes', '--json');
        assert.equal(code, 0, log);
        return JSON.parse(output);
    };
    await until('every node is registered', async () => (await nodes()).length === 7);
    assert.ok((await nodes()).every(({ host }) => host === '::1'));

    // A role that is started separately finds the registry.
    const through_same = ['nsenter', '-t', String(up.pid), '-n'];
    const args = ['service', 'goods', '--port', '9011', '--workers', '1', ...world.own_dirs()];
    const second = world.spawn_msd('msd service goods', args, { through: through_same });
    await second.ready('goods');
    await until('the second goods is registered', async () =>
        (await nodes()).filter(({ name }) => name === 'goods').length === 2);

    const call = await inside(msd_binary, 'call', 'GET', '/goods');
    assert.equal(JSON.parse(call.output).errormessage, 'no data', call.log);
    const script = 'fetch("http://[::1]:8000/goods").then(({ status }) => console.log(status))';
    const fetched = await inside(process.execPath, '-e', script);
    assert.equal(fetched.output.trim(), '200', fetched.log);
    assert.match(up.output, /curl http:\/\/\[::1\]:8000\/goods/);
});
