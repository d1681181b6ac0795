/*
 * healthdash: brings the page to life.  The document is complete without it;
 * this program puts newer parts, made by the same renderer in nginx, in the
 * place of older ones, and lets people filter and sort what is there.
 *
 * Pure functions first, drawing below.  Markup becomes elements in one place,
 * parse(), and comes from nginx only.
 */

'use strict';

const POLL = 5000, POLL_LONG = 30000, LONG = 500, LATE = 3000, SILENT = 20000, RETRY = 60000, POINTS = 40;
const RANK = { down: 0, degraded: 1, unknown: 2, paused: 3, up: 4 };
const BY_NAME = new Intl.Collator('en', { numeric: true });
const SORTS = { worst: 'worst first', name: 'by name', slow: 'slowest first',
                lowest: 'least available first' };
const KEYS = [
  ['/', 'search'], ['j or ↓', 'next row'], ['k or ↑', 'row before'],
  ['Enter', 'open or close a row'], ['0', 'show all'],
  ['1 to 5', 'only down, degraded, unknown, paused, up'],
  ['s', 'sort differently'], ['i', 'incidents only'], ['w', 'wall'],
  ['Esc', 'close, or clear the search'], ['?', 'this help']
];


/* what is asked for in the address; what is not ours stays as it is */

function readQuery(search) {
  const get = new URLSearchParams(search);
  const sort = get.get('sort');

  return {
    health: Object.hasOwn(RANK, get.get('health')) ? get.get('health') : '',
    group: get.get('group') || '',
    search: get.get('q') || '',
    sort: Object.hasOwn(SORTS, sort) ? sort : 'worst',
    incidents: get.get('only') === 'incidents',
    wall: get.has('wall')
  };
}

function writeQuery(search, view) {
  const get = new URLSearchParams(search);
  const set = (key, value) => value ? get.set(key, value) : get.delete(key);

  set('health', view.health);
  set('group', view.group);
  set('q', view.search);
  set('sort', view.sort === 'worst' ? '' : view.sort);
  set('only', view.incidents ? 'incidents' : '');
  set('wall', view.wall ? '1' : '');

  const text = get.toString();
  return text ? '?' + text : '';
}

/* where to ask for more of the same: without what is filtered here */

function sourceQuery(search, more) {
  const get = new URLSearchParams(search);
  const keep = new URLSearchParams(more);

  for (const key of ['upstream', 'service', 'row']) {
    if (get.get(key) && !keep.has(key)) {
      keep.set(key, get.get(key));
    }
  }

  return '?' + keep;
}

function matches(row, view, words) {
  return (!view.health || row.health === view.health)
    && (!view.group || row.group === view.group)
    && words.every(word => row.text.includes(word));
}

function compare(sort) {
  const by = {
    worst: (a, b) => a.rank - b.rank,
    name: (a, b) => BY_NAME.compare(a.name, b.name),
    slow: (a, b) => b.latency - a.latency,
    lowest: (a, b) => a.available - b.available
  }[sort];

  return (a, b) => by(a, b) || a.place - b.place;
}

/* as nginx writes it: two units at most */

function ago(msec) {
  const units = [[86400, 'd'], [3600, 'h'], [60, 'min'], [1, 's']];
  const sec = Math.max(0, Math.floor(msec / 1000));
  let i = units.findIndex(([size]) => sec >= size);

  i = i < 0 ? 3 : i;

  const n = Math.floor(sec / units[i][0]);
  const rest = i < 3 ? Math.floor(sec % units[i][0] / units[i + 1][0]) : 0;

  return `${n} ${units[i][1]}` + (rest ? ` ${rest} ${units[i + 1][1]}` : '');
}

function clock(msec) {
  return new Date(msec).toISOString().slice(11, 19) + ' UTC';
}

/* how fresh the page is, in words */

function freshness(link, now) {
  const age = now - link.seen;
  const late = age > LATE + (link.open ? SILENT : link.polling
    ? link.every : 0);
  const how = link.open ? 'live' : !link.polling ? 'connecting'
    : `asked every ${link.every / 1000} s`;

  return {
    late,
    text: late ? `no data for ${ago(age)}` : `${how}, ${clock(link.time)}`
  };
}


/* ---------------------------------------------------------------- drawing */

const $ = id => document.getElementById(id);
const all = (selector, root) => [...(root || document).querySelectorAll(selector)];
const siteName = document.title.replace(/^.*? - /, '');
const link = { seen: performance.now(), time: 0, skew: 0, open: false,
               polling: false, every: POLL, busy: false, late: false,
               health: $('main').dataset.health, source: null };
const rows = new Map();
let view = readQuery(location.search);
let size = {};
let orders = 0;
let pointed;
let options = readOptions();

function element(tag, attributes, ...children) {
  const e = document.createElement(tag);

  for (const [key, value] of Object.entries(attributes || {})) {
    e.setAttribute(key, value);
  }

  e.append(...children);
  return e;
}

/* the one place in which text becomes elements; they are inert until moved */

function parse(html) {
  return new DOMParser().parseFromString(html, 'text/html');
}

/* makes old look like its successor, but keeps the elements that there are:
   focus, selection, what is open and how far it is scrolled */

function morph(old, now) {
  if (old.nodeType !== now.nodeType || old.nodeName !== now.nodeName) {
    old.replaceWith(now);
    return;
  }

  if (old.nodeType !== Node.ELEMENT_NODE) {
    if (old.data !== now.data) {
      old.data = now.data;
    }
    return;
  }

  if (old.isEqualNode(now) || (isShort(now) && !isShort(old))) {
    return;
  }

  morphAttributes(old, now);

  const next = [...now.childNodes];
  const have = [...old.childNodes];

  have.slice(next.length).forEach(node => node.remove());
  next.forEach((node, i) => i < have.length ? morph(have[i], node)
    : old.append(node));
}

function morphAttributes(old, now) {
  for (const { name: key } of [...old.attributes]) {
    if (!now.hasAttribute(key) && key !== 'open' && key !== 'hidden') {
      old.removeAttribute(key);
    }
  }

  for (const { name: key, value } of [...now.attributes]) {
    if (old.getAttribute(key) !== value) {
      old.setAttribute(key, value);
    }
  }
}

/* a long page says what a row tells on demand only */

function isShort(e) {
  return e.className === 'open'
    && e.querySelector(':scope > p > a[href*="row="]') !== null;
}


/* rows: what filters and sorting need to know of each, read when it is needed:
   of thousands most of it never is */

class Row {
  constructor(e) {
    this.e = e;
    this.hidden = e.hidden;
    this.card = e.closest('.card');
    this.health = [...e.classList].find(word => word in RANK) || 'unknown';
    this.rank = e.classList.contains('aside') ? 9 : RANK[this.health];
    this.place = Number(e.id.match(/\d+$/)[0]);
  }

  get group() { return this.card.dataset.group; }
  get title() { return this.e.querySelector('th'); }
  get name() { return this.called ??= this.title.firstChild.textContent; }
  get latency() { return this.number('.lat'); }
  get available() { return this.number('.av'); }
  get text() {
    return this.words ??= [this.title, this.e.querySelector('.why'),
                           this.card.querySelector('caption')]
      .map(e => e?.textContent || '').join(' ').toLowerCase();
  }

  number(what) {
    return Number(this.e.querySelector(what)?.dataset.v ?? -1);
  }

  hide(hidden) {
    if (this.hidden !== hidden) {
      this.hidden = this.e.hidden = hidden;
    }
  }
}

function readRows() {
  rows.clear();
  all('.row').forEach(e => rows.set(e.id, new Row(e)));
  all('.card[data-group]').forEach((e, i) => e.dataset.place ??= i);
  link.every = rows.size > LONG ? POLL_LONG : POLL;
}

function putRow(id, now) {
  const row = rows.get(id);

  if (!row || !now) {
    return;
  }

  const before = row.health;

  morph(row.e, now);
  rows.set(id, new Row(row.e));

  if (rows.get(id).health !== before) {
    mark(row.e);
  }
}

/* thousands of rows take their time, but not all of it at once */

async function putRows(list) {
  let start = performance.now();

  for (const e of list) {
    putRow(e.id, e);

    if (performance.now() - start > 12) {
      await new Promise(done => setTimeout(done, 4));
      start = performance.now();
    }
  }
}

function mark(e) {
  e.classList.add('fresh');
  setTimeout(() => e.classList.remove('fresh'), 1600);
}

/* a probe that brought nothing new */

function putPulse(pulse) {
  const row = rows.get(pulse.dataset.row)?.e;
  const e = row && (row.querySelectorAll(':scope > .check')[pulse.dataset.check]
    || row.querySelector('tr'));
  const [latency, result, streak, conns, points, ...available] = all('i', pulse)
    .map(i => i.textContent);
  const set = (at, what, text) => {
    const node = at?.querySelector(what);

    if (node && node.textContent !== text) {
      node.textContent = text;
    }
  };

  set(e, '.lat > span', latency);
  set(e, '.why > .r', result);
  set(e, '.why > small', streak);
  set(row, '.conns', conns);
  available.forEach((text, i) => set(e, i ? '.av > small' : '.av > span', text));

  if (e && points) {
    putPoints(e.querySelector('.spark'), points.split(' '));
    e.querySelector('.av').dataset.v = pulse.querySelector('[data-v]').dataset.v;
  }
}

/* the line goes on; how many there were tells which are new */

function putPoints(svg, [total, ...list]) {
  const many = svg ? Math.min(total - svg.dataset.n, list.length) : 0;

  if (many > 0) {
    svg.dataset.n = total;
    drawLine(svg, [...readLine(svg), ...list.slice(-many)].slice(-POINTS));
  }

  const latency = list.findLast(point => point > 0);

  if (svg && latency) {
    svg.parentNode.dataset.v = latency;
  }
}

/* the points of a line as nginx has drawn it, in its own words */

function readLine(svg) {
  const [line, failed] = svg.children;
  const points = Array(POINTS).fill('-');
  const read = (path, what) => {
    for (const [, x, y] of path?.getAttribute('d').matchAll(/(\d+) (\d+)/g) || []) {
      points[(x - 1) / 2] = what(y);
    }
  };

  read(line, y => (20 - y) * svg.dataset.max / 18);
  read(failed, () => 'x');

  return points;
}

function drawLine(svg, points) {
  const top = Math.max(0, ...points.map(Number).filter(point => point > 0));
  const max = Math.floor(top * 1.25) + 1;
  let line = '', failed = '', pen = 'M';

  points.forEach((point, i) => {
    if (point === 'x') {
      failed += `M${2 * i + 1} 16v6`;
      pen = 'M';
    } else if (point !== '-') {
      line += `${pen}${2 * i + 1} ${20 - Math.round(point * 18 / max)}`;
      pen = 'L';
    }
  });

  const path = svg.firstElementChild;
  const mark = svg.children[1] || path.cloneNode();

  svg.dataset.max = max;
  path.setAttribute('d', line);
  mark.setAttribute('class', 'down');
  mark.setAttribute('d', failed);
  svg.append(mark);
}

function putEvents(root) {
  const log = $('log');
  const number = e => Number(e.id.slice(1));
  const list = all('ol > li', root).sort((a, b) => number(a) - number(b));

  for (const e of log ? list : []) {
    if ($(e.id)) {
      continue;
    }

    const begun = all('.ongoing', log).map(pill => pill.closest('li'))
      .find(li => li.dataset.of === e.dataset.of);

    if (begun) {
      const length = Date.parse(time(e)) - Date.parse(time(begun));
      const pill = begun.querySelector('.ongoing');

      pill.className = 'pill ended';
      pill.textContent = `lasted ${ago(length)}`;
    }

    log.prepend(e);
    mark(e);
  }

  all('li', log).slice(200).forEach(e => e.remove());
}

function time(e) {
  return e.querySelector('time').dateTime;
}


/* what is shown: filters, order, the state of controls */

function show(moved = true) {
  const words = view.search.toLowerCase().split(/\s+/);
  const seen = new Map();
  const see = e => seen.set(e, (seen.get(e) || 0) + 1);
  const hide = e => e.hidden = !seen.has(e) && isNarrowed();

  for (const row of rows.values()) {
    row.hide(!matches(row, view, words));

    if (!row.hidden) {
      [row.e.parentNode, row.card, row.card.parentNode].forEach(see);
    }
  }

  all('.card[data-group], .card > table, #services, #upstreams').forEach(hide);
  reserve(seen);
  $('none').hidden = !isNarrowed() || !rows.size || seen.size > 0;
  $('log')?.classList.toggle('incidents', view.incidents);
  document.documentElement.classList.toggle('wall', view.wall);

  if (moved) {
    order();
  }

  showControls();
}

/* how high the tables of a long page are that are not drawn yet */

function reserve(seen) {
  if (!$('main').classList.contains('long')) {
    return;
  }

  if (size.width !== innerWidth) {
    size = { width: innerWidth,
             row: document.querySelector('.row:not([hidden])')?.offsetHeight };
  }

  for (const e of all('.card > table')) {
    const height = `${isNarrowed() ? '' : 'auto '}${seen.get(e) * (size.row || 60)}px`;

    if (seen.has(e) && e.style.containIntrinsicHeight !== height) {
      e.style.containIntrinsicHeight = height;
    }
  }
}

/* nginx was asked for a part; the rest is not missed */

function isScoped() {
  return /[?&](?:upstream|service|row)=/.test(location.search);
}

function isNarrowed() {
  return Boolean(view.health || view.group || view.search);
}

/* cards in their sections, and these; returns them with their rows */

function orderCards() {
  const cards = new Map(all('.card[data-group]').map(e => [e, []]));

  rows.forEach(row => cards.get(row.card)?.push(row));

  const sorted = [...cards].map(([e, list]) => [e, list, cardRank(e, list)])
    .sort(([, , a], [, , b]) => a - b);

  arrangeSections();

  for (const section of all('#upstreams, #services')) {
    arrange(section, sorted.map(([e]) => e).filter(e => section.contains(e)));
  }

  return sorted;
}

/* rows in their tables, and the tables: what is down is to be seen first; of
   thousands the first at once, and the others soon */

async function order() {
  const run = ++orders;
  let focus = document.activeElement;
  let start = performance.now();

  for (const [card, list] of orderCards()) {
    const tables = all(':scope > table', card);
    const many = Math.ceil(list.length / tables.length);

    list.sort(compare(view.sort));

    for (const [i, table] of tables.entries()) {
      arrange(table, list.slice(i * many, i * many + many).map(row => row.e));

      if (performance.now() - start > 12) {
        keepFocus(focus);
        await new Promise(done => setTimeout(done, 4));

        if (run !== orders) {
          return;
        }

        focus = document.activeElement;
        start = performance.now();
      }
    }
  }

  keepFocus(focus);
}

/* what was moved has lost it */

function keepFocus(e) {
  if (e !== document.activeElement) {
    e.focus({ preventScroll: true });
  }
}

/* an upstream that is down before one that has a server that is */

function cardRank(e, list) {
  const place = Number(e.dataset.place);

  if (view.sort !== 'worst') {
    return place;
  }

  const worst = Math.min(9, ...list.map(row => row.rank));
  const health = [...e.querySelector('caption .s')?.classList || []]
    .find(word => word in RANK);

  return ((RANK[health] ?? worst) * 10 + worst) * 10000 + place;
}

/* the rows or tables of list become the first of parent; moves few */

function arrange(parent, list) {
  let place = parent.querySelector(':scope > .row, :scope > .card');

  for (const e of list) {
    if (e !== place && e === place?.nextElementSibling) {
      parent.append(place);
      place = e;
    }

    if (e === place) {
      place = e.nextElementSibling;
    } else {
      parent.insertBefore(e, place);
    }
  }
}

/* services stand above upstreams if only among them something is down */

function arrangeSections() {
  const [upstreams, services] = [$('upstreams'), $('services')];
  const isDown = e => e.querySelector('.row.down:not(.aside)') !== null;

  if (!upstreams || !services) {
    return;
  }

  const [first, last] = view.sort === 'worst' && isDown(services)
    && !isDown(upstreams) ? [services, upstreams] : [upstreams, services];

  if (first.nextElementSibling !== last) {
    last.before(first);
  }
}

function showControls() {
  for (const a of all('#counts a')) {
    const health = new URLSearchParams(a.search).get('health') || '';

    if (health === view.health) {
      a.setAttribute('aria-current', 'page');
    } else {
      a.removeAttribute('aria-current');
    }
  }

  $('search').value = view.search;
  $('group').value = view.group;
  $('sort').value = view.sort;
  $('incidents')?.setAttribute('aria-pressed', view.incidents);
}

function change(what) {
  view = { ...view, ...what };
  history.replaceState(null, '', location.pathname
    + writeQuery(location.search, view) + location.hash);
  show('sort' in what);
}

function showLive() {
  const { late, text } = freshness(link, performance.now());
  const live = $('live');

  document.documentElement.classList.toggle('late', late);

  if (live.lastChild.data !== text) {
    live.lastChild.data = text;
  }

  if (late !== link.late) {
    link.late = late;
    say(late ? 'The page is not live: ' + text : 'The page is live again');
  }
}

function say(text) {
  $('say').textContent = text;
}

/* "for 4 min" goes on, on a long page not every second; who does not know does
   not count */

function showAges() {
  const now = Date.now() + link.skew;

  if (link.late || (rows.size > 1000 && Math.floor(now / 1000) % 10)) {
    return;
  }

  for (const e of all('.st time, #verdict time')) {
    const text = 'for ' + ago(now - Date.parse(e.dateTime));

    if (e.textContent !== text) {
      e.textContent = text;
    }
  }
}

/* the tab: a red one is seen among thirty */

function showTab(health, title) {
  if (title) {
    document.title = `${title} - ${siteName}`;
  }

  if (health === link.health) {
    return;
  }

  link.health = health;

  const shape = $(health)?.innerHTML || '';
  const colour = getComputedStyle(document.documentElement)
    .getPropertyValue(`--${health}-fill`) || '#8a94a4';
  const svg = `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 16 16" `
    + `color="${colour.trim()}">${shape}</svg>`;

  $('icon').href = 'data:image/svg+xml,' + encodeURIComponent(svg);
}


/* news from nginx, as it comes: by the stream, or as a whole page */

function heard(time) {
  link.seen = performance.now();
  link.time = time ? Date.parse(time) : Date.now() + link.skew;
  link.skew = link.time - Date.now();
}

function countDown() {
  let n = 0;

  rows.forEach(row => n += row.rank === 0);
  return n;
}

function finish(down, health, title) {
  readGroups();
  show();
  showTab(health, title);
  showLive();

  if (countDown() > down) {
    alarm();
  }
}

function takeMessage({ type, data }) {
  const parts = parse(data);
  const news = parts.querySelector('main').dataset;
  const main = $('main').dataset;
  const down = countDown();

  heard(news.time);

  if (news.generation !== main.generation || isUnknown(parts)
      || (type === 'snapshot' && news.event !== main.event)) {
    poll();
    return;
  }

  all('.row', parts).forEach(e => putRow(e.id, e));
  all('caption[id]', parts).forEach(e => putPart(e.id, e));
  all('[data-row]', parts).forEach(putPulse);
  putPart('verdict', parts.getElementById('verdict'));
  putPart('counts', parts.getElementById('counts'));
  putEvents(parts);
  main.event = news.event;

  if (parts.querySelector('.row')) {
    finish(down, news.health, news.title);
  }
}

/* a row that the page should have, but has not... */

function isUnknown(parts) {
  return !isScoped() && (all('.row', parts).some(e => !rows.has(e.id))
    || all('caption[data-rows]', parts).some(hasLess));
}

/* or one that it should have no more */

function hasLess(caption) {
  const table = $(caption.id)?.closest('table');

  return table && all('.row', table).length > +caption.dataset.rows;
}

function putPart(id, now) {
  if ($(id) && now) {
    morph($(id), now);
  }
}

async function takePage(text) {
  const page = parse(text);
  const down = countDown();
  const main = page.getElementById('main');
  const fresh = all('.row', page).map(e => e.id).join();
  const same = main.dataset.generation === $('main').dataset.generation
    && fresh === [...rows.keys()].join();

  heard(page.querySelector('#live time').dateTime);

  if (same) {
    await putRows(all('.row', page));
    all('caption[id]', page).forEach(e => putPart(e.id, e));
  } else {
    putTables(page);
  }

  putPart('verdict', page.getElementById('verdict'));
  putPart('counts', page.getElementById('counts'));
  putPart('foot', page.getElementById('foot'));
  morphAttributes($('main'), main);
  putLog(page);
  finish(down, main.dataset.health, page.title.replace(/ - .*$/s, ''));
}

/* another configuration: its tables, but what was open is open again */

function putTables(page) {
  const open = all('.row:has([open])').map(e => e.id);

  for (const id of ['services', 'upstreams']) {
    const now = page.getElementById(id);

    $(id)?.remove();

    if (now) {
      $('none').after(now);
    }
  }

  readRows();
  open.forEach(openRow);
}

function putLog(page) {
  const now = page.getElementById('events');

  if (!$('log') && now) {
    $('main').append(now);
    addIncidents();
  } else if (now) {
    putEvents(page);
  }
}

async function ask(query) {
  const answer = await fetch(location.pathname + query,
                             { cache: 'no-store', headers: { Accept: 'text/html' } });

  if (!answer.ok) {
    throw new Error(`status ${answer.status}`);
  }

  return answer.text();
}

async function poll() {
  if (link.busy) {
    return;
  }

  link.busy = true;

  try {
    await takePage(await ask(sourceQuery(location.search, 'format=html')));
  } catch {
    showLive();
  }

  link.busy = false;
}

/* one row with all there is to tell */

async function renew(id) {
  try {
    const page = parse(await ask(sourceQuery(location.search,
                                             'format=html&row=' + id)));

    putRow(id, page.getElementById(id));
  } catch { /* the link tells */ }
}

/* an opened row tells times that go by: it is asked for again */

async function renewOpen() {
  if (document.hidden || link.late) {
    return;
  }

  for (const e of all('.row:has([open])').slice(0, 5)) {
    await renew(e.id);
  }
}

function connect() {
  const source = new EventSource(location.pathname
    + '?format=events&rows=html&last_event_id=' + $('main').dataset.event);

  link.source = source;
  source.onopen = () => {
    link.open = true;
    link.polling = false;
    heard();
    showLive();
  };
  source.onerror = () => {
    link.open = false;

    if (source.readyState === EventSource.CLOSED) {
      link.polling = true;
      setTimeout(connect, RETRY);
      poll();
    }
  };

  source.addEventListener('snapshot', takeMessage);
  source.addEventListener('change', takeMessage);
  source.addEventListener('beat', () => heard());
}

function tick() {
  showLive();
  showAges();

  const age = performance.now() - link.seen;

  if ((link.polling && age > link.every) || (link.open && age > SILENT)) {
    poll();
  }
}


/* only if the viewer asks */

function readOptions() {
  try {
    return JSON.parse(localStorage.getItem('healthdash')) || {};
  } catch {
    return {};
  }
}

function setOption(key, value) {
  options = { ...options, [key]: value };

  try {
    localStorage.setItem('healthdash', JSON.stringify(options));
  } catch { /* private windows: until the page is closed */ }

  if (key === 'notify' && value) {
    window.Notification?.requestPermission();
  }
}

function alarm() {
  const text = $('verdict').querySelector('h1').textContent;

  say(text);

  if (options.notify && window.Notification?.permission === 'granted') {
    new Notification(siteName, { body: text, tag: 'healthdash' });
  }

  if (options.sound) {
    beep();
  }
}

function beep() {
  const audio = new AudioContext();
  const tone = audio.createOscillator();

  tone.frequency.value = 660;
  tone.connect(audio.destination);
  tone.start();
  tone.stop(audio.currentTime + 0.25);
  tone.onended = () => audio.close();
}


/* controls, which only a script can serve */

function build() {
  const live = $('live');
  const help = element('button', { type: 'button', id: 'help' }, '?');
  const bar = element('div', { class: 'bar' });

  help.setAttribute('aria-label', 'Keys and options');
  live.replaceChildren(element('span', { class: 'dot' }), '');
  live.after(help);

  document.body.append(element('div', { id: 'say', class: 'vh',
                                        role: 'status' }), buildHelp());
  $('verdict').after(bar, element('p', { id: 'none', class: 'card',
                                         hidden: '' },
    'Nothing matches. ', element('button', { type: 'button', id: 'reset' },
                                 'Show all')));
  bar.append(...($('counts') ? [$('counts')] : []), buildForm());
  addIncidents();
}

function buildForm() {
  const form = element('form', { role: 'search' });
  const sorts = Object.entries(SORTS).map(([value, text]) =>
    element('option', { value }, text));

  form.append(
    element('input', { type: 'search', id: 'search', autocomplete: 'off',
                       placeholder: 'Search (/)', 'aria-label': 'Search' }),
    element('select', { id: 'group', 'aria-label': 'Group' }),
    element('select', { id: 'sort', 'aria-label': 'Order' }, ...sorts));

  return form;
}

function buildHelp() {
  const keys = KEYS.flatMap(([key, text]) =>
    [element('dt', null, key), element('dd', null, text)]);
  const option = (key, text) => element('label', null,
    element('input', { type: 'checkbox', 'data-option': key }), text);

  return element('dialog', { id: 'keys', 'aria-labelledby': 'keys-title' },
    element('h2', { id: 'keys-title' }, 'Keys'),
    element('dl', null, ...keys),
    option('nokeys', 'no keys of one letter'),
    option('sound', 'sound when something goes down'),
    option('notify', 'desktop notification when something goes down'),
    element('button', { type: 'button', id: 'close' }, 'Close'));
}

function addIncidents() {
  const title = $('events')?.querySelector('h2');

  if (title) {
    const head = element('div', { class: 'head' });

    title.before(head);
    head.append(title, element('button', { type: 'button', id: 'incidents' },
                               'incidents only'));
  }
}

function readGroups() {
  const groups = [...new Set([...rows.values()].map(row => row.group))]
    .filter(Boolean).sort();
  const select = $('group');

  if (select.dataset.list === groups.join('\n')) {
    return;
  }

  select.dataset.list = groups.join('\n');
  select.replaceChildren(element('option', { value: '' }, 'all groups'),
    ...groups.map(value => element('option', { value }, value)));
  select.hidden = groups.length < 2;
}

function openRow(id) {
  const details = rows.get(id)?.e.querySelector('details');

  if (details) {
    details.open = true;
  }
}

function openFromHash() {
  const id = location.hash.slice(1);

  openRow(id);
  rows.get(id)?.e.scrollIntoView({ block: 'center' });
}


/* what people do; one listener for all rows */

function onClick(event) {
  const on = what => event.target.closest(what);

  if (on('#counts a') && !event.ctrlKey && !event.metaKey && !event.shiftKey) {
    event.preventDefault();
    change({ health: new URLSearchParams(on('a').search).get('health') || '' });
  } else if (on('#help')) {
    showHelp();
  } else if (on('#close')) {
    $('keys').close();
  } else if (on('#incidents')) {
    change({ incidents: !view.incidents });
  } else if (on('#reset')) {
    change({ health: '', group: '', search: '' });
  } else if (on('.row') && !on('a, summary, .open')
             && getSelection().isCollapsed) {
    const details = on('.row').querySelector('details');

    details.open = !details.open;
  }
}

function onInput({ target }) {
  if (target.dataset.option) {
    setOption(target.dataset.option, target.checked);
  } else if (['search', 'group', 'sort'].includes(target.id)) {
    change({ [target.id]: target.value });
  }
}

/* a long page has no words for each hour and day: they are asked for */

function onPoint({ target }) {
  const strip = target.closest('.strip');

  clearTimeout(pointed);

  if (strip && !strip.querySelector('title')) {
    pointed = setTimeout(renew, 150, strip.closest('.row').id);
  }
}

function onToggle({ target }) {
  const row = target.closest('.row');

  if (row) {
    const open = target.open ? row
      : document.querySelector('.row:has([open])');

    history.replaceState(null, '', location.pathname + location.search
      + (open ? '#' + open.id : ''));

    if (target.open && isShort(target.querySelector('.open'))) {
      renewOpen();
    }
  }
}

function showHelp() {
  for (const box of all('[data-option]')) {
    box.checked = Boolean(options[box.dataset.option]);
  }

  $('keys').showModal();
}

function step(by) {
  const list = all('.row:not([hidden]) summary');
  const row = document.activeElement.closest('.row');
  const at = list.findIndex(e => e.closest('.row') === row);
  const to = list[row ? at + by : by > 0 ? 0 : list.length - 1];

  to?.focus();
  to?.closest('.row').scrollIntoView({ block: 'nearest' });
}

function nextSort() {
  const sorts = Object.keys(SORTS);
  const sort = sorts[(sorts.indexOf(view.sort) + 1) % sorts.length];

  change({ sort });
  say('Order: ' + SORTS[sort]);
}

const actions = {
  '/': () => $('search').focus(),
  j: () => step(1), ArrowDown: () => step(1),
  k: () => step(-1), ArrowUp: () => step(-1),
  s: nextSort,
  i: () => change({ incidents: !view.incidents }),
  w: () => change({ wall: !view.wall }),
  '?': showHelp,
  0: () => change({ health: '' })
};

Object.keys(RANK).forEach((health, i) => {
  actions[i + 1] = () => change({ health });
});

function onKey(event) {
  /* what had the focus in the help has it until the next frame */
  const typing = event.target.matches('input:not([data-option]), select');

  if (event.ctrlKey || event.metaKey || event.altKey || $('keys').open) {
    return;
  }

  if (event.key === 'Escape') {
    change({ search: '', wall: false });
    document.activeElement.blur();
  } else if (!typing && actions[event.key]
             && !(options.nokeys && event.key.length === 1)
             && !(event.key.startsWith('Arrow') && !event.target.closest('.row'))) {
    event.preventDefault();
    actions[event.key]();
  }
}

function start() {
  heard($('live').querySelector('time').dateTime);
  build();
  readRows();
  readGroups();
  show();
  showLive();
  openFromHash();

  document.addEventListener('click', onClick);
  document.addEventListener('input', onInput);
  document.addEventListener('pointerover', onPoint);
  document.addEventListener('submit', e => e.preventDefault());
  document.addEventListener('toggle', onToggle, true);
  document.addEventListener('keydown', onKey);
  addEventListener('hashchange', openFromHash);
  addEventListener('pagehide', () => link.source?.close());
  addEventListener('pageshow', e => e.persisted && connect());

  if (/[?&](?:health|group)=/.test(location.search)) {
    poll();
  }

  connect();
  setInterval(tick, 1000);
  setInterval(renewOpen, POLL);
}

start();
