// SPDX-License-Identifier: Apache-2.0
// How long it takes until N nodes that register at the same time all know all N, and how many bytes
// the distributor sends for it. One process plays all nodes, and its work is part of the measured
// time. To keep it short, it searches the bytes for names without parsing them, and does not search
// a frame that equals one which another node received.

import net from 'node:net';

import { encode } from '../../functional/foreign/framing.mjs';
import { within } from '../../functional/harness/until.mjs';
import { start_msd, with_directory } from './msd.mjs';

const limit_ms = 60_000;
const first_port = 10_000;
// The number of nodes and the protocol that they speak.
const fleets = [[10, 1], [50, 1], [200, 1], [10, 2], [100, 2], [200, 2], [500, 2], [1000, 2]];
const entry = Buffer.from('"name":"join');
const quote = 0x22;
const terminator = Buffer.from('\u00b6');

function registration(index, proto, more = {}) {
    const params = { port: first_port + index, name: `join${index}`, urls: [`GET/join/${index}`] };
    const said = proto === 2 ? { ...params, proto, ...more } : params;
    return encode({ uri: '/distributes', method: 'POST', key: 0, params: said });
}

function indices_in(frame) {
    const found = [];
    let at = frame.indexOf(entry);
    while (at >= 0) {
        at += entry.length;
        let index = 0;
        while (frame[at] !== quote) {
            index = index * 10 + frame[at++] - 0x30;
        }
        found.push(index);
        at = frame.indexOf(entry, at);
    }
    return found;
}

// The last frames that were searched, by length: most frames are sent to many nodes.
class searched_frames {
    constructor() {
        this.by_length = new Map();
    }

    indices(frame) {
        const known = this.by_length.get(frame.length);
        if (known !== undefined && known.frame.equals(frame)) {
            return known.indices;
        }
        const indices = indices_in(frame);
        this.by_length.set(frame.length, { frame: Buffer.from(frame), indices });
        return indices;
    }
}

class joining_node {
    constructor(port, index, proto, count, searched) {
        Object.assign(this, { index, proto, searched, bytes: 0, list_bytes: 0, pieces: [] });
        this.seen = new Uint8Array(count);
        this.known = 0;
        this.socket = net.connect({ host: '127.0.0.1', port, noDelay: true });
        this.socket.on('data', (chunk) => this.feed(chunk));
        this.socket.on('error', () => {});
        this.opened = new Promise((resolve) => this.socket.once('connect', resolve));
    }

    join() {
        this.socket.write(registration(this.index, this.proto));
    }

    // The names of this benchmark contain no terminator: every C2 B6 ends a frame.
    feed(chunk) {
        this.bytes += chunk.length;
        let begin = 0;
        if (this.pieces.at(-1)?.at(-1) === terminator[0] && chunk[0] === terminator[1]) {
            this.pieces.push(this.pieces.pop().subarray(0, -1));
            this.end_frame(Buffer.alloc(0));
            begin = 1;
        }
        for (let at; (at = chunk.indexOf(terminator, begin)) >= 0; begin = at + 2) {
            this.end_frame(chunk.subarray(begin, at));
        }
        if (begin < chunk.length) {
            this.pieces.push(chunk.subarray(begin));
        }
    }

    end_frame(last) {
        const frame = this.pieces.length === 0 ? last : Buffer.concat([...this.pieces, last]);
        this.pieces = [];
        this.list_bytes = Math.max(this.list_bytes, frame.length + terminator.length);
        if (frame.includes('"changes":') || frame.includes('"params":[')) {
            this.note_names(frame);
        } else {
            this.answer(frame);
        }
    }

    // No node leaves in this benchmark, so a name that was seen stays known. A name can come twice,
    // because its node sends its routes later.
    note_names(frame) {
        for (const index of this.searched.indices(frame)) {
            this.known += 1 - this.seen[index];
            this.seen[index] = 1;
        }
    }

    // When the distributor identifies itself as msd, the node registers again with its schemas, as
    // msd's own nodes do.
    answer(frame) {
        const said = JSON.parse(frame.toString());
        if (said.uri === '/ping') {
            this.socket.write(encode({ key: said.key, errorcode: 0, errormessage: 'success' }));
        } else if (this.proto === 2 && said.proto === 2) {
            const routes = [{ method: 'GET', path: `/join/${this.index}` }];
            const more = { routes, have: { epoch: 0, rev: 0 } };
            this.socket.write(registration(this.index, 2, more));
        }
    }
}

async function join(count, proto) {
    return with_directory(async (directory) => {
        const distributor = start_msd(directory, ['distributor', '--port', '0']);
        const nodes = [];
        const searched = new searched_frames();
        try {
            const port = await distributor.ready('distributor');
            for (let index = 0; index < count; ++index) {
                nodes.push(new joining_node(port, index, proto, count, searched));
            }
            await within('connections', Promise.all(nodes.map((node) => node.opened)), limit_ms);
            const began = performance.now();
            for (const node of nodes) {
                node.join();
            }
            const all_know = () => nodes.every((node) => node.known === count);
            while (!all_know()) {
                await new Promise((resolve) => setImmediate(resolve));
                if (performance.now() - began > limit_ms) {
                    throw new Error(`join: ${count} nodes do not know each other`);
                }
            }
            const ms = performance.now() - began;
            const bytes = nodes.reduce((sum, node) => sum + node.bytes, 0);
            return { ms, bytes, list_bytes: nodes[0].list_bytes };
        } finally {
            nodes.forEach((node) => node.socket.destroy());
            await distributor.stop();
        }
    });
}

/** Fleets of both kinds; the bytes of foreign fleets also as a multiple of N final lists. */
export async function joins() {
    const found = [];
    for (const [count, proto] of fleets) {
        const name = `join of ${count} ${proto === 2 ? 'msd' : 'foreign'} nodes`;
        const { ms, bytes, list_bytes } = await join(count, proto);
        found.push(
            { name: `${name}: time`, value: ms, unit: 'ms', best: 'least' },
            { name: `${name}: sent`, value: bytes / 1e6, unit: 'MB', best: 'least' },
        );
        if (proto === 1) {
            const lists = bytes / (count * list_bytes);
            found.push({ name: `${name}: lists each`, value: lists, unit: '', best: 'least' });
        }
    }
    return found;
}
