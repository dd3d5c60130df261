// SPDX-License-Identifier: Apache-2.0
// The log file: its permissions, and a missing directory. Rotation under load is tested in
// supervision_master.

import assert from 'node:assert/strict';
import fs from 'node:fs';

import { test } from './harness/test.mjs';
import { until } from './harness/until.mjs';

test('only the owner can read the log file; its directory is not created', async (world) => {
    const log = world.path('msd.log');
    await world.role('distributor', { args: ['--log-file', log] });
    assert.equal(fs.statSync(log).mode & 0o7777, 0o600);
    const missing = world.path('no', 'such', 'msd.log');
    const refused = await world.command(
        ['distributor', '--port', '0', '--log-file', missing, ...world.own_dirs()],
    );
    assert.deepEqual([refused.code, refused.log], [
        1,
        `msd: cannot log to ${missing}: there is no directory ${world.path('no', 'such')}; ` +
            'create it first\n',
    ]);
    assert.ok(!fs.existsSync(world.path('no')));
});

test('HUP with a log file that cannot be opened changes nothing', async (world) => {
    const file = world.path('own.toml');
    const log = world.path('msd.log');
    fs.writeFileSync(file, `log.file = "${log}"\n`);
    const distributor = await world.role('distributor', { args: ['--config', file] });
    const lines = () => fs.readFileSync(log, 'utf8');
    fs.writeFileSync(file, `log.file = "${world.path('none', 'msd.log')}"\n`);
    distributor.signal('SIGHUP');
    await until('the reason is logged', () =>
        /error .*the configuration stays as it was: cannot log to .*none/.test(lines()));
});
