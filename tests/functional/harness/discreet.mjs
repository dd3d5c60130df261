// SPDX-License-Identifier: Apache-2.0
// What belongs to the servers behind msd, or to the program, is told to nobody: neither in a reply
// nor in a log line.

import assert from 'node:assert/strict';

const of_the_program = [
    'SELECT', 'INSERT', 'UPDATE ', 'schema_version', 'mysql://', 'redis://', '.cpp', 'SQLException',
];

/** What a server's secrets look like: { port, user, password }, the last two optional. */
export function secrets_of({ port, user, password }) {
    const named = [user && `${user}@`, password].filter(Boolean);
    return [new RegExp(`:${port}\\b`), ...named];
}

/** A reply: what it holds of the shop's data may be SQL. */
export function assert_reply_discreet(text, secrets) {
    for (const each of secrets) {
        const found = typeof each === 'string' ? text.includes(each) : each.test(text);
        assert.ok(!found, `${each} is told in:\n${text}`);
    }
}

/** A log, or a reply that holds none of the shop's data. */
export function assert_discreet(text, secrets) {
    assert_reply_discreet(text, [...of_the_program, ...secrets]);
}
