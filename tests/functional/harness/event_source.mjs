// SPDX-License-Identifier: Apache-2.0
// A client of server-sent events: the parser of the HTML standard, and the reconnection with
// Last-Event-ID.

import assert from 'node:assert/strict';

import { connect, request_bytes } from './wire_http.mjs';

/** The events of a stream of text pieces: { type, data, id }. */
export class event_parser {
    constructor() {
        this.text = '';
        this.id = '';
        this.reset();
    }

    reset() {
        this.type = 'message';
        this.data = [];
    }

    *add(text) {
        this.text += text;
        for (let end; (end = this.text.indexOf('\n')) >= 0;) {
            const line = this.text.slice(0, end).replace(/\r$/, '');
            this.text = this.text.slice(end + 1);
            if (line !== '') {
                this.field(line);
            } else if (this.data.length > 0) {
                yield { type: this.type, data: this.data.join('\n'), id: this.id };
                this.reset();
            }
        }
    }

    field(line) {
        const [, name, value] = /^([^:]*):? ?(.*)$/.exec(line);
        if (name === 'data') {
            this.data.push(value);
        } else if (name === 'event') {
            this.type = value;
        } else if (name === 'id') {
            this.id = value;
        }
    }
}

export class event_source {
    constructor(world, port, target, fields = {}) {
        Object.assign(this, { world, port, target, fields });
        this.parser = new event_parser();
        this.events = [];
    }

    async open() {
        this.peer = await connect(this.world, this.port);
        const last = this.parser.id === '' ? {} : { 'Last-Event-ID': this.parser.id };
        const fields = { Accept: 'text/event-stream', ...last, ...this.fields };
        this.peer.write(request_bytes('GET', this.target, { fields }));
        const head = await this.peer.reply_head();
        assert.equal(head?.status, 200);
        assert.match(head.fields.get('content-type'), /^text\/event-stream/);
        this.pieces = this.peer.pieces(head.fields, { until_close: true });
        return this;
    }

    /** The next event; connects again when the connection ends before it. */
    async next() {
        while (this.events.length === 0) {
            const { value, done } = await this.pieces.next();
            if (done) {
                await this.open();
            } else {
                this.events.push(...this.parser.add(value.toString()));
            }
        }
        return this.events.shift();
    }

    close() {
        this.peer.close();
    }
}
