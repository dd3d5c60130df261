// SPDX-License-Identifier: Apache-2.0
// Neither replies nor log lines may contain secrets of the servers that msd uses, or internals of
// the program.

import assert from 'node:assert/strict';

const of_the_program = [
    'SELECT', 'INSERT', 'UPDATE ', 'schema_version', 'mysql://', 'redis://', '.cpp', 'SQLException',
];

/** The texts that reveal a server: its port and optionally its user and password. */
export function secrets_of({ port, user, password }) {
    const named = [user && `${user}@`, password].filter(Boolean);
    return [new RegExp(`:${port}\\b`), ...named];
}

/** For a reply, whose data may contain SQL. */
export function assert_no_secrets_in_reply(text, secrets) {
    for (const each of secrets) {
        const found = typeof each === 'string' ? text.includes(each) : each.test(text);
        assert.ok(!found, `${each} is contained in:\n${text}`);
    }
}

/** For a log, or a reply without data. */
export function assert_no_secrets(text, secrets) {
    assert_no_secrets_in_reply(text, [...of_the_program, ...secrets]);
}
