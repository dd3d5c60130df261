// SPDX-License-Identifier: Apache-2.0
// A client that sends GET requests at a fixed rate, whether earlier ones are answered or not, as
// many independent people do. Started as `node open_loop.mjs PORT TARGET RATE`; ends when standard
// input does, after the last replies, and prints for every request one line:
//
//     DUE LATENCY STATUS
//
// DUE and LATENCY in milliseconds, DUE since the start by the clock of performance.timeOrigin; the
// latency counts from the moment when the request was due. STATUS 0: no whole reply, -1: none
// within 10 s.

import net from 'node:net';

const [port, target, rate] = process.argv.slice(2);
const limit_ms = 10_000;
const grace_ms = 3_000;
const request = `GET ${target} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n`;
const idle = [];
const lines = [];
let outstanding = 0;

function connection() {
    const socket = net.connect({ port: Number(port), host: '127.0.0.1', noDelay: true });
    const each = { socket, done: undefined, received: '' };
    socket.on('data', (bytes) => {
        each.received += bytes.toString('latin1');
        const end = each.received.indexOf('\r\n\r\n');
        if (end < 0) {
            return;
        }
        const length = /\r\ncontent-length: *(\d+)/i.exec(each.received)?.[1];
        if (length === undefined || each.received.length < end + 4 + Number(length)) {
            return;
        }
        const status = Number(each.received.slice(9, 12));
        const closes = /\r\nconnection: *close/i.test(each.received.slice(0, end));
        each.received = '';
        each.done?.(status);
        if (closes) {
            socket.destroy();
        } else {
            idle.push(each);
        }
    });
    const ended = () => {
        const at = idle.indexOf(each);
        if (at >= 0) {
            idle.splice(at, 1);
        }
        each.done?.(0);
    };
    socket.on('error', ended);
    socket.on('close', ended);
    return each;
}

function send(due) {
    const each = idle.pop() ?? connection();
    outstanding += 1;
    const timer = setTimeout(() => {
        each.done?.(-1);
        each.socket.destroy();
    }, limit_ms);
    each.done = (status) => {
        each.done = undefined;
        clearTimeout(timer);
        outstanding -= 1;
        lines.push(`${due.toFixed(1)} ${(performance.now() - due).toFixed(2)} ${status}`);
    };
    each.socket.write(request);
}

const begin = performance.now();
let sent = 0;
const ticking = setInterval(() => {
    for (; begin + (sent * 1000) / Number(rate) <= performance.now(); ++sent) {
        send(begin + (sent * 1000) / Number(rate));
    }
}, 1);

process.stdout.write(`READY client 127.0.0.1:${port}\n`);
process.stdin.resume().on('end', () => {
    clearInterval(ticking);
    const stop = performance.now();
    const finish = setInterval(() => {
        if (outstanding > 0 && performance.now() < stop + grace_ms) {
            return;
        }
        clearInterval(finish);
        process.stdout.write(`${performance.timeOrigin}\n${lines.join('\n')}\nEND\n`, () =>
            process.exit());
    }, 20);
});
