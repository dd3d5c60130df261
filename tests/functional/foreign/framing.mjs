// SPDX-License-Identifier: Apache-2.0
// How a foreign node splits a byte stream into packets: correctly, or with the faults of existing
// nodes. Written for these tests only, so that msd's framing is never compared with itself.

const pilcrow = '\u00b6';

/** The bytes of one packet; a pilcrow inside a string is not escaped. */
export function encode(packet) {
    return Buffer.from(JSON.stringify(packet) + pilcrow, 'utf8');
}

/** Follows JSON strings byte by byte; skips empty frames; reports bad JSON and never throws. */
export class strict_reader {
    constructor(on_packet, on_malformed = () => {}) {
        this.on_packet = on_packet;
        this.on_malformed = on_malformed;
        this.pieces = [];
        this.in_string = false;
        this.escaped = false;
        this.lead = false;
    }

    feed(chunk) {
        let begin = 0;
        for (let at = 0; at < chunk.length; ++at) {
            if (this.ends_at(chunk[at])) {
                this.pieces.push(chunk.subarray(begin, at + 1));
                begin = at + 1;
                this.deliver();
            }
        }
        if (begin < chunk.length) {
            this.pieces.push(Buffer.from(chunk.subarray(begin)));
        }
    }

    ends_at(byte) {
        if (this.in_string) {
            if (this.escaped) {
                this.escaped = false;
            } else if (byte === 0x5c) {
                this.escaped = true;
            } else if (byte === 0x22) {
                this.in_string = false;
            }
            return false;
        }
        const ended = this.lead && byte === 0xb6;
        this.lead = byte === 0xc2;
        this.in_string = byte === 0x22;
        return ended;
    }

    deliver() {
        const frame = Buffer.concat(this.pieces);
        this.pieces = [];
        this.lead = false;
        const text = frame.subarray(0, frame.length - 2).toString('utf8').trim();
        if (text === '') {
            return;
        }
        let packet;
        try {
            packet = JSON.parse(text);
        } catch {
            this.on_malformed(text);
            return;
        }
        this.on_packet(packet, frame.length);
    }
}

/**
 * The reader of existing nodes with its faults: it decodes each chunk separately, keeps an
 * incomplete packet for ever and prepends it to all that follows, ignores the rest of a chunk after
 * an empty frame, and throws at bad JSON, which ends the process.
 */
export class legacy_reader {
    constructor(on_packet) {
        this.on_packet = on_packet;
        this.left_over = '';
    }

    feed(chunk) {
        const text = this.left_over + chunk.toString();
        const frames = text.split(pilcrow);
        const cut = !text.endsWith(pilcrow);
        for (const [index, frame] of frames.entries()) {
            if (cut && index === frames.length - 1) {
                this.left_over = frame;
                return;
            }
            if (frame === '') {
                return;
            }
            this.on_packet(JSON.parse(frame), Buffer.byteLength(frame) + 2);
        }
    }
}

export function reader_of(kind, on_packet) {
    return kind === 'legacy' ? new legacy_reader(on_packet) : new strict_reader(on_packet);
}
