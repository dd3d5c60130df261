// SPDX-License-Identifier: Apache-2.0
// A web program as people write it with Node.js: a page with assets, a form, a login with a cookie,
// an upload, server-sent events and a WebSocket. Prints its port.

import { createHash } from 'node:crypto';
import http from 'node:http';

import { accepted_head, echo_frames } from '../harness/websocket.mjs';

const page = `<!doctype html>
<html><head><title>page</title>
<link rel="stylesheet" href="style.css"><script src="script.js" defer></script></head>
<body><img id="image" src="image.svg"><p id="said">nothing</p></body></html>
`;
const script = `
const said = [];
const say = (word) => {
    said.push(word);
    said.sort();
    document.getElementById('said').textContent = said.join(' ');
};
const image = document.getElementById('image');
const style = getComputedStyle(document.body).getPropertyValue('color');
say(style === 'rgb(1, 2, 3)' ? 'style' : style);
image.decode().then(() => say('image'));
fetch('upload', { method: 'POST', body: 'x'.repeat(100000) }).then((reply) => reply.json())
    .then(({ bytes }) => say('upload-' + bytes));
const events = new EventSource('events');
events.addEventListener('tick', ({ data }) => { say('event-' + data); events.close(); });
const socket = new WebSocket(new URL('echo', location.href.replace('http', 'ws')));
socket.onopen = () => socket.send('hello');
socket.onmessage = ({ data }) => { say('socket-' + data); socket.close(); };
`;
const image = '<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9">' +
    '<rect width="9" height="9"/></svg>';

const assets = {
    '/': ['text/html; charset=utf-8', page],
    '/style.css': ['text/css', 'body { color: rgb(1, 2, 3); }'],
    '/script.js': ['text/javascript', script],
    '/image.svg': ['image/svg+xml', image],
};

function asset(path, response) {
    const found = assets[path];
    response.writeHead(found ? 200 : 404, { 'Content-Type': found?.[0] ?? 'text/plain' });
    response.end(found?.[1] ?? 'no such page');
}

/** The number and the hash of the bytes of the body. */
function upload(request, response) {
    const hash = createHash('sha256');
    let bytes = 0;
    request.on('data', (piece) => {
        bytes += piece.length;
        hash.update(piece);
    });
    request.on('end', () => {
        response.setHeader('Content-Type', 'application/json');
        response.end(JSON.stringify({ bytes, sha256: hash.digest('hex') }));
    });
}

/** An event, and the next one when the client connects again after the end. */
function events(request, response) {
    const next = Number(request.headers['last-event-id'] ?? 0) + 1;
    response.writeHead(200, { 'Content-Type': 'text/event-stream', 'Cache-Control': 'no-cache' });
    response.end(`id: ${next}\nevent: tick\ndata: ${next}\n\n`);
}

const pages = {
    '/upload': upload,
    '/events': events,
    '/login': (request, response) => {
        response.writeHead(303, { Location: '/account', 'Set-Cookie': ['user=7; Path=/', 'b=2'] });
        response.end();
    },
    '/account': (request, response) => response.end(`cookies: ${request.headers.cookie}`),
    '/request': (request, response) => {
        response.setHeader('Content-Type', 'application/json');
        response.end(JSON.stringify({ method: request.method, url: request.url,
            headers: request.headers }));
    },
};

const server = http.createServer((request, response) => {
    const [path] = request.url.split('?');
    (pages[path] ?? (() => asset(path, response)))(request, response);
});
server.on('upgrade', (request, socket, first) => {
    socket.write(accepted_head(request.headers['sec-websocket-key']));
    echo_frames(socket, first);
});
server.listen(0, '127.0.0.1', () => {
    console.log(`READY web 127.0.0.1:${server.address().port}`);
});
