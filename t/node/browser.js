// A browser under remote control, for tests: node browser.js PORT.  Each POST
// to 127.0.0.1:PORT is one order in JSON, { "do": NAME, ... }; the answer is
// JSON, { "value": ... } or { "error": ... }.
//
// It also stands in front of a server: "serve" listens on a port and passes all
// on to another, until "drop" ends all connections and takes no more.

'use strict';

const fs = require('fs');
const http = require('http');
const net = require('net');
const { chromium } = require('playwright-core');

const seen = { console: [], errors: [], requests: [], loads: 0 };
const sockets = new Set();
let browser, page, front;

const orders = {
  async open({ url, width = 1280, height = 900, scheme = 'light',
               scale = 1, script = true, before, refuse, args = [] }) {
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
      deviceScaleFactor: scale,
      javaScriptEnabled: script
    });

    // what other sites and machines would bring

    if (before) {
      await context.addInitScript(before);
    }

    if (refuse) {
      await context.route(address => address.href.includes(refuse),
                          route => route.fulfill({ status: 503 }));
    }

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
  point: ({ at }) => page.hover(at, { timeout: 10000 }),
  size: ({ width, height = 900 }) => page.setViewportSize({ width, height }),
  media: ({ media }) => page.emulateMedia(media),
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
    front = net.createServer(client => {
      const server = net.connect(to, '127.0.0.1');

      sockets.add(client);
      client.on('close', () => { sockets.delete(client); server.destroy(); });
      client.on('error', () => server.destroy());
      server.on('error', () => client.destroy());
      client.pipe(server).pipe(client);
    });

    return new Promise(done => front.listen(port, '127.0.0.1', () => done(1)));
  },

  drop() {
    sockets.forEach(socket => socket.destroy());
    return new Promise(done => front.close(() => done(1)));
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
