// SPDX-License-Identifier: Apache-2.0
// Reads invoice lines in the "Online Retail" format: CSV as in RFC 4180, from a stream of any size,
// with or without byte-order mark, quotes and carriage returns. Reports why a line is invalid.

const columns = [
    'InvoiceNo',
    'StockCode',
    'Description',
    'Quantity',
    'InvoiceDate',
    'UnitPrice',
    'CustomerID',
    'Country',
];
export const column_names = columns.join(', ');
const record_chars_max = 64 * 1024;

/** The records of a CSV file: { line, fields } or { line, problem }; `line` is the first line. */
export async function* csv_records(stream) {
    let state = { line: 1, fields: [], field: '', quoted: false, closed: false, chars: 0 };
    let line = 1;
    let first = true;
    let after_cr = false;
    const finish = () => {
        const { line: at, fields, field, quoted, chars } = state;
        state = { line, fields: [], field: '', quoted: false, closed: false, chars: 0 };
        if (chars > record_chars_max) {
            return { line: at, problem: `longer than ${record_chars_max} characters` };
        }
        if (quoted) {
            return { line: at, problem: 'a quote is not closed' };
        }
        return { line: at, fields: [...fields, field], blank: chars === 0 };
    };
    for await (const chunk of stream) {
        const text = first ? chunk.replace(/^\ufeff/, '') : chunk;
        first = false;
        for (const c of text) {
            const newline = c === '\n' || c === '\r';
            if (newline && !(c === '\n' && after_cr)) {
                ++line;
            }
            if (newline && !state.quoted) {
                if (!(c === '\n' && after_cr)) {
                    yield finish();
                }
            } else {
                take(state, c);
            }
            after_cr = c === '\r';
        }
    }
    if (state.chars > 0) {
        yield finish();
    }
}

function take(state, c) {
    if (++state.chars > record_chars_max) {
        state.quoted &&= c !== '"'; // skips to the end of the record
        return;
    }
    if (state.quoted) {
        if (c === '"') {
            state.quoted = false;
            state.closed = true;
        } else {
            state.field += c;
        }
    } else if (c === '"' && state.closed) {
        state.field += c;
        state.quoted = true;
    } else if (c === '"' && state.field === '') {
        state.quoted = true;
    } else if (c === ',') {
        state.fields.push(state.field);
        state.field = '';
        state.closed = false;
    } else {
        state.field += c;
        state.closed = false;
    }
}

/** The exact value, in ten-thousandths, of a number with at most four decimals; else undefined. */
export function e4(text) {
    const parts = /^([+-]?)(\d{1,15})(?:\.(\d*))?$/.exec(text.trim());
    const decimals = parts?.[3]?.replace(/0+$/, '') ?? '';
    if (!parts || decimals.length > 4) {
        return undefined;
    }
    const value = BigInt(parts[2] + decimals.padEnd(4, '0'));
    return parts[1] === '-' ? -value : value;
}

/** 41500n → "4.15" */
export function from_e4(value) {
    const digits = String(value < 0n ? -value : value).padStart(5, '0');
    const decimals = digits.slice(-4).replace(/0+$/, '');
    return `${value < 0n ? '-' : ''}${digits.slice(0, -4)}${decimals && `.${decimals}`}`;
}

function is_date(text) {
    const iso = /^(\d{4})-(\d{1,2})-(\d{1,2})[ T](\d{1,2}):(\d{2})(?::(\d{2}))?$/.exec(text);
    const us = /^(\d{1,2})\/(\d{1,2})\/(\d{4}) (\d{1,2}):(\d{2})(?::(\d{2}))?$/.exec(text);
    if (!iso && !us) {
        return false;
    }
    const [year, month, day] = iso ? iso.slice(1, 4) : [us[3], us[1], us[2]];
    const [hour, minute, second] = (iso ?? us).slice(4).map((part) => Number(part ?? 0));
    const date = new Date(Date.UTC(year, month - 1, day, hour, minute, second));
    return date.getUTCMonth() === month - 1 && date.getUTCDate() === Number(day) &&
        date.getUTCHours() === hour && minute < 60 && second < 60;
}

/** A valid line as { stock, description, quantity, price, customer }, else the reason as a text. */
export function read_line(fields) {
    if (fields.length !== columns.length) {
        return `${fields.length} fields instead of ${columns.length}`;
    }
    const [, stock, description, quantity, date, price, customer] = fields.map((f) => f.trim());
    if (stock === '') {
        return 'StockCode is empty';
    }
    if (!/^[+-]?\d{1,9}$/.test(quantity)) {
        return `Quantity is not an integer: ${JSON.stringify(quantity)}`;
    }
    if (Number(quantity) === 0) {
        return 'Quantity is 0';
    }
    if (!is_date(date)) {
        return `InvoiceDate is not a date: ${JSON.stringify(date)}`;
    }
    const exact = e4(price);
    if (exact === undefined) {
        return `UnitPrice is not a number with up to four decimals: ${JSON.stringify(price)}`;
    }
    if (exact < 0n) {
        return `UnitPrice is negative: ${price}`;
    }
    return {
        stock,
        description,
        quantity: Number(quantity),
        price: exact,
        customer: customer.replace(/\.0+$/, '') || 'guest',
    };
}

export function is_header(fields) {
    return columns.every((name, at) => fields[at]?.trim() === name);
}
