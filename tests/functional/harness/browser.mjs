// SPDX-License-Identifier: Apache-2.0
// Chromium without a window, driven by its DevTools protocol.

import assert from 'node:assert/strict';

import { program } from './program.mjs';
import { until, within } from './until.mjs';
import { open_websocket } from './websocket.mjs';

const binary = 'chromium-headless-shell';

class browser_page {
    constructor(browser, socket) {
        Object.assign(this, { browser, socket, last_id: 0 });
    }

    /** Sends a command and waits for its result; events of the page are dropped. */
    async command(method, params = {}) {
        const id = ++this.last_id;
        const { session: sessionId } = this;
        this.socket.send(JSON.stringify({ id, method, params, sessionId }));
        for (;;) {
            const text = await this.socket.message();
            assert.notEqual(text, undefined, 'the browser closed the connection');
            const message = JSON.parse(text);
            if (message.id === id) {
                assert.equal(message.error, undefined, `${method}: ${message.error?.message}`);
                return message.result;
            }
        }
    }

    /** The value of a JavaScript expression in the page. */
    async value(expression) {
        const { result } = await this.command('Runtime.evaluate', { expression });
        return result.value;
    }

    /** Ends the browser, which takes no notice of TERM while it has a page. */
    async close() {
        this.session = undefined;
        this.socket.send(JSON.stringify({ id: ++this.last_id, method: 'Browser.close' }));
        await within('the browser ends', this.browser.exit);
    }
}

/** Starts a browser and opens `address`. */
export async function open_page(world, address) {
    const browser = new program('browser', binary, [
        '--no-sandbox', '--disable-gpu', '--disable-dev-shm-usage', '--remote-debugging-port=0',
        `--user-data-dir=${world.path('browser')}`, 'about:blank',
    ], { env: { HOME: world.path() } });
    world.on_close(() => browser.signal('SIGKILL'));
    const found = () => browser.ended
        || /DevTools listening on ws:\/\/127\.0\.0\.1:(\d+)(\S+)/.exec(browser.log);
    const [, port, target] = await until('the browser listens', found);
    const fields = { Host: `127.0.0.1:${port}` };
    const page = new browser_page(
        browser, await open_websocket(world, Number(port), target, { fields }),
    );
    const { targetId } = await page.command('Target.createTarget', { url: address });
    const attached = await page.command('Target.attachToTarget', { targetId, flatten: true });
    page.session = attached.sessionId;
    return page;
}
