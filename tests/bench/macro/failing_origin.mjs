// SPDX-License-Identifier: Apache-2.0
// One endpoint of the benchmark `failures`, which can fail on command. Started as
//
//     node failing_origin.mjs http [PORT]
//     node failing_origin.mjs packets DISTRIBUTOR-PORT [PORT]
//
// Prints READY with its port. Each line on standard input is a JSON object whose members replace
// those of `how`; the reply to a line is the number of requests that have arrived since the last.

import net from 'node:net';
import readline from 'node:readline';

import { encode, strict_reader } from '../../functional/foreign/framing.mjs';

const [kind, ...numbers] = process.argv.slice(2);
const [port = 0, distributor] = kind === 'http' ? numbers : [numbers[1], numbers[0]];

// kind: ok, error (500), break (closes in the middle of a reply), silent (reads and sends nothing).
const how = { kind: 'ok', delay_ms: 4, at_once: 0 }; // at_once: requests that run; 0: all
let arrived = 0;
let running = 0;
const waiting = [];

const text = JSON.stringify({ errorcode: 0, errormessage: 'success', filler: 'x'.repeat(160) });

/** Calls `reply` when a request that arrives now is finished. */
function work(reply) {
    arrived += 1;
    waiting.push(reply);
    start_next();
}

function start_next() {
    while (waiting.length > 0 && (how.at_once === 0 || running < how.at_once)) {
        const reply = waiting.shift();
        running += 1;
        setTimeout(() => {
            running -= 1;
            reply();
            start_next();
        }, how.delay_ms);
    }
}

function http_session(socket) {
    let received = '';
    socket.on('data', (bytes) => {
        received += bytes.toString('latin1');
        for (let end = received.indexOf('\r\n\r\n'); end >= 0; end = received.indexOf('\r\n\r\n')) {
            received = received.slice(end + 4); // the requests of the benchmark have no bodies
            work(() => http_reply(socket));
        }
    });
}

function http_reply(socket) {
    const head = (status) =>
        `HTTP/1.1 ${status}\r\nContent-Type: application/json\r\n` +
        `Content-Length: ${text.length}\r\n\r\n`;
    if (how.kind === 'error') {
        socket.write(head('500 Internal Server Error') + text);
    } else if (how.kind === 'break') {
        socket.end(head('200 OK') + text.slice(0, text.length / 2));
    } else if (how.kind === 'ok') {
        socket.write(head('200 OK') + text);
    }
}

function packet_session(socket) {
    const reader = new strict_reader((packet) => {
        const key = packet.key ?? packet.params?.key;
        work(() => {
            if (how.kind === 'ok') {
                socket.write(encode({ key, ...JSON.parse(text) }));
            } else if (how.kind === 'error') {
                socket.write(encode({ key, errorcode: 500, errormessage: 'broken', status: 500 }));
            } else if (how.kind === 'break') {
                socket.end(encode({ key, ...JSON.parse(text) }).slice(0, 60));
            }
        });
    });
    socket.on('data', (chunk) => reader.feed(chunk));
}

const server = net.createServer({ noDelay: true }, (socket) => {
    socket.on('error', () => {});
    (kind === 'http' ? http_session : packet_session)(socket);
});
server.listen(Number(port), '127.0.0.1', () => {
    const own = server.address().port;
    if (distributor !== undefined) {
        const registration = net.connect(Number(distributor), '127.0.0.1', () =>
            registration.write(encode({
                uri: '/distributes', method: 'POST', key: 0,
                params: { port: own, name: 'app', urls: ['GET/x'] },
            })));
        registration.on('error', () => {});
        registration.resume();
    }
    process.stdout.write(`READY origin 127.0.0.1:${own}\n`);
});

readline.createInterface({ input: process.stdin }).on('line', (line) => {
    Object.assign(how, JSON.parse(line));
    process.stdout.write(`${arrived}\n`);
    arrived = 0;
}).on('close', () => process.exit());
