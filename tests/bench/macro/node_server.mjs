// SPDX-License-Identifier: Apache-2.0
// The reference for msd: a plain Node.js HTTP server that answers every request with the bytes of
// one file, from memory. Prints its port.

import fs from 'node:fs';
import http from 'node:http';

const body = fs.readFileSync(process.argv[2]);
const headers = { 'Content-Type': 'application/json', 'Content-Length': body.length };
const server = http.createServer((request, response) => {
    response.writeHead(200, headers);
    response.end(body);
});
server.listen(0, '127.0.0.1', () => {
    console.log(`READY node 127.0.0.1:${server.address().port}`);
});
