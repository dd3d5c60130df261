// SPDX-License-Identifier: Apache-2.0
// The proof of the cluster secret (docs/protocol.md, 5), written independently of msd: a peer that
// holds the secret, and everything that an attacker needs. Also the start of tests with a secret.

import { createHmac, randomBytes } from 'node:crypto';
import fs from 'node:fs';

const hex_of = (bytes) => bytes.toString('hex');
export const challenge = () => hex_of(randomBytes(32));
export const some_secret = () => hex_of(randomBytes(32));

/** The opening of a connection to the registry, or to the node `to`. */
export function opening({ from = {}, to } = {}) {
    return {
        version: 1,
        challenge: challenge(),
        from: { name: 'test', host: '', port: 0, ...from },
        to: to ? { host: '', ...to } : { registry: true },
    };
}

export function proven_text(side, { version, challenge: first, from, to }, second) {
    const node = to.registry ? ['registry', '', '', '0'] : ['node', to.name, to.host, to.port];
    return [
        `msd proof ${version}`, side, first, second, from.name, from.host, from.port, ...node,
    ].map((line) => `${line}\n`).join('');
}

export function proof_of(secret, side, opened, second) {
    return createHmac('sha256', secret).update(proven_text(side, opened, second)).digest('hex');
}

const auth_of = (packet) => packet.auth !== undefined;

/** The next packet of a proof that `client` has not returned yet; undefined when it is closed. */
export async function next_auth(client, seen = 0) {
    return client.packet('an auth packet', (packet) =>
        client.packets.filter(auth_of).indexOf(packet) >= seen).then(({ auth }) => auth);
}

/** Proves `secret` on a new connection; returns the peer's answer. */
export async function prove(client, secret, options = {}) {
    const opened = opening(options);
    client.send({ auth: opened });
    const answer = await next_auth(client);
    if (answer.refused !== undefined) {
        return answer;
    }
    const proof = proof_of(secret, 'initiator', opened, answer.challenge);
    client.send({ auth: { proof } });
    return { ...answer, opened, proof };
}

export const required = /requires the cluster secret: set registry\.secret_file/;

export function write_secrets(file, ...lines) {
    fs.writeFileSync(file, lines.map((line) => `${line}\n`).join(''), { mode: 0o600 });
}

/** A distributor with a secret and, when asked for, goods: `keys` is the configuration of both. */
export async function start_with_secret(world, { config = {}, goods = false } = {}) {
    const file = world.path('secret');
    const secret = some_secret();
    write_secrets(file, secret);
    const keys = { 'registry.secret_file': file, ...config };
    const distributor = await world.role('distributor', { config: keys });
    const port = distributor.port('distributor');
    const service = goods && await world.role('goods', { distributor: port, config: keys });
    return { distributor, port, secret, file, keys, service };
}

/** The names that `msd nodes` prints, or its error. */
export async function nodes(world, port, ...args) {
    const { code, output, log } =
        await world.command(['nodes', '--json', '--distributor', `127.0.0.1:${port}`, ...args]);
    return code === 0 ? JSON.parse(output).map(({ name }) => name) : log;
}
