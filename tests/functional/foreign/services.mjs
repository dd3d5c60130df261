// SPDX-License-Identifier: Apache-2.0
// The foreign services goods, members, purchases and logs, with their data in memory. They answer
// as existing services do (docs/protocol.md, section 2): no paging, no ids in the reply to a POST,
// and goods ignores the id of a request.

import { foreign_node } from './node.mjs';

const invalid = { errorcode: 1, errormessage: 'Invalid Parameters' };
const success = { errorcode: 0, errormessage: 'success' };

function missing(params, ...names) {
    return names.some((name) => params[name] === undefined || params[name] === null);
}

function goods_table() {
    const rows = [];
    let last_id = 0;
    return {
        'POST/goods': (params) => {
            if (missing(params, 'name', 'category', 'price', 'description')) {
                return invalid;
            }
            const { name, category, price, description } = params;
            rows.push({ id: ++last_id, name, category, price: Number(price), description });
            return success;
        },
        'GET/goods': () =>
            rows.length > 0
                ? { ...success, results: rows }
                : { errorcode: 1, errormessage: 'no data' },
        'DELETE/goods': (params) => {
            if (missing(params, 'id')) {
                return invalid;
            }
            const at = rows.findIndex((row) => row.id === Number(params.id));
            if (at >= 0) {
                rows.splice(at, 1);
            }
            return success;
        },
    };
}

function members_table() {
    const members = new Map();
    let last_id = 0;
    return {
        'POST/members': (params) => {
            if (missing(params, 'username', 'password')) {
                return invalid;
            }
            if (members.has(params.username)) {
                return { errorcode: 1, errormessage: 'Duplicate entry' };
            }
            members.set(params.username, { userid: ++last_id, password: params.password });
            return success;
        },
        'GET/members': (params) => {
            if (missing(params, 'username', 'password')) {
                return invalid;
            }
            const found = members.get(params.username);
            return found && found.password === params.password
                ? { ...success, userid: found.userid }
                : { errorcode: 1, errormessage: 'invalid password' };
        },
        'DELETE/members': (params) => {
            if (missing(params, 'username')) {
                return invalid;
            }
            members.delete(params.username);
            return success;
        },
    };
}

function purchases_table() {
    const rows = [];
    return {
        'POST/purchases': (params) => {
            if (missing(params, 'userid', 'goodsid')) {
                return invalid;
            }
            rows.push({
                id: rows.length + 1,
                userid: Number(params.userid),
                goodsid: Number(params.goodsid),
                date: new Date().toISOString(),
            });
            return success;
        },
        'GET/purchases': (params) => {
            if (missing(params, 'userid')) {
                return invalid;
            }
            const own = rows.filter((row) => row.userid === Number(params.userid));
            const results = own.map(({ id, goodsid, date }) => ({ id, goodsid, date }));
            return { ...success, results };
        },
    };
}

const tables = { goods: goods_table, members: members_table, purchases: purchases_table };

export class foreign_service extends foreign_node {
    constructor(options) {
        const handlers = tables[options.name]();
        super({ ...options, urls: Object.keys(handlers) });
        this.handlers = handlers;
    }

    on_request(packet, answer) {
        const { method, uri, params } = packet;
        this.log(JSON.stringify({ uri, method, params: { ...params, password: undefined } }));
        const handle = this.handlers[method + uri];
        // Existing nodes read params without a check; only the strict kind checks them.
        const given = this.kind === 'legacy' ? params : (params ?? {});
        const reply = handle ? handle(given) : { errorcode: 1, errormessage: 'unknown request' };
        answer({ key: given.key, ...reply });
    }
}

/** Prints each received packet as a line of JSON, so that a test can read it. */
export class foreign_logs extends foreign_node {
    constructor(options) {
        super({ ...options, name: 'logs', urls: ['POST/logs'] });
    }

    on_request(packet) {
        if (packet.method === 'POST' && packet.uri === '/logs') {
            process.stdout.write(`LOG ${JSON.stringify(packet.params)}\n`);
        }
    }
}
