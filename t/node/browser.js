// A browser under remote control, for tests: node browser.js PORT.  Each POST
// to 127.0.0.1:PORT is one order in JSON, { "do": NAME, ... }; the answer is
// JSON, { "value": ... } or { "error": ... }.
//
// It also plays nginx in front of nginx: "serve" listens on a port and passes
// all requests on to another, but for ?format=events, which is a stream that
// "send" writes to and "drop" closes.

'use strict';

const fs = require('fs');
const http = require('http');
const { chromium } = require('playwright-core');

const seen = { console: [], errors: [], requests: [], loads: 0 };
const streams = new Set();
let browser, page, front;

const orders = {
  async open({ url, width = 1280, height = 900, scheme = 'light',
               script = true, args = [] }) {
    browser = browser || await chromium.launch({
      executablePath: '/usr/bin/chromium',
      args: ['--no-sandbox', '--disable-gpu', '--disable-quic',
             '--disable-dev-shm-usage', '--disable-background-networking',
             '--disable-component-update', '--disable-extensions', ...args]
    });

    if (page) {
      await page.context().close();
    }

    const context = await browser.newContext({
      viewport: { width, height }, colorScheme: scheme,
      javaScriptEnabled: script
    });

    page = await context.newPage();
    page.on('console', m => seen.console.push(`${m.type()}: ${m.text()}`));
    page.on('pageerror', e => seen.errors.push(e.message));
    page.on('request', r => seen.requests.push(r.url()));
    page.on('load', () => seen.loads++);
    await page.goto(url);
  },

  content: () => page.content(),
  reload: () => page.reload(),
  eval: ({ code }) => page.evaluate(code),
  press: ({ key }) => page.keyboard.press(key),
  type: ({ text }) => page.keyboard.type(text),
  click: ({ at }) => page.click(at, { timeout: 10000 }),
  size: ({ width, height = 900 }) => page.setViewportSize({ width, height }),
  scheme: ({ scheme }) => page.emulateMedia({ colorScheme: scheme }),
  picture: async ({ file }) => void await page.screenshot({ path: file }),

  seen() {
    const copy = JSON.parse(JSON.stringify(seen));

    Object.assign(seen, { console: [], errors: [], requests: [], loads: 0 });
    return copy;
  },

  // what is wrong for people who can not see, or not well
  async axe() {
    const path = require.resolve('axe-core/axe.min.js');

    await page.evaluate(fs.readFileSync(path, 'utf8'));

    const found = await page.evaluate(() => axe.run(document, {
      runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa',
                'best-practice']
    }));

    return found.violations.map(v => `${v.id}: ${v.help}: `
      + v.nodes.slice(0, 3).map(n => n.html.slice(0, 200)).join(' '));
  },

  serve({ port, to }) {
    front = http.createServer((request, answer) => {
      if (/[?&]format=events/.test(request.url)) {
        answer.writeHead(200, { 'Content-Type': 'text/event-stream',
                                'Cache-Control': 'no-store' });
        answer.write('retry: 300\n\n');
        streams.add(answer);
        answer.on('close', () => streams.delete(answer));
        return;
      }

      request.pipe(http.request({
        host: '127.0.0.1', port: to, path: request.url,
        method: request.method, headers: request.headers
      }, from => {
        answer.writeHead(from.statusCode, from.headers);
        from.pipe(answer);
      }).on('error', () => answer.destroy()));
    });

    return new Promise(done => front.listen(port, '127.0.0.1', () => done(1)));
  },

  streams: () => streams.size,

  send({ event, data }) {
    for (const stream of streams) {
      stream.write(`event: ${event}\ndata: ${JSON.stringify(data)}\n\n`);
    }
  },

  drop({ refuse }) {
    streams.forEach(stream => stream.destroy());

    if (refuse) {
      front.closeAllConnections();
      return new Promise(done => front.close(() => done(1)));
    }
  }
};

http.createServer((request, answer) => {
  let text = '';

  request.on('data', part => text += part);
  request.on('end', async () => {
    let result;

    try {
      const order = JSON.parse(text);

      result = { value: await orders[order.do](order) ?? null };
    } catch (e) {
      result = { error: String(e.message) };
    }

    answer.end(JSON.stringify(result));
  });
}).listen(Number(process.argv[2]), '127.0.0.1');

process.on('SIGTERM', async () => {
  await browser?.close();
  process.exit(0);
});
