// The timeline of a run's report: its lanes, what is shown of the messages, and the picture of it.
// It reads the page's own JSON and asks nothing of any network. What stands below it, and moving about, is in
// viewer.js, which shares these names.
'use strict';

const data = JSON.parse(document.getElementById('data').textContent);
const $ = (id) => document.getElementById(id);
const texts = data.texts;
const end = Math.max(data.end, 1);
const classes = ['bus', 'rest', 'request'];
const view = { from: 0, to: end, cursor: data.focus, lane: 0 };

// ---- Lanes: the components, and beneath them whoever else spoke ----

const lanes = data.components.map((c) => ({ name: c.name, role: c.role, about: c.about, component: true }));
const laneByName = new Map(lanes.map((lane, i) => [lane.name, i]));
const groupOf = (name) => name.replace(/[-\/ ]?\d+$/, '');
for (const name of classes) {
  for (const m of data.messages[name].all) {
    for (const number of [m[2], m[3]]) {
      const who = texts[number];
      if (laneByName.has(who)) continue;
      const group = groupOf(who) || who;
      let at = lanes.findIndex((lane) => !lane.component && lane.name === group);
      if (at < 0) at = lanes.push({ name: group, role: 'other', about: 'outside of the components' }) - 1;
      laneByName.set(who, at);
    }
  }
}
const messages = [];
for (const name of classes) {
  for (const m of data.messages[name].all) {
    messages.push({ kind: name, sent: m[0], arrived: m[0] + m[1], from: texts[m[2]], to: texts[m[3]],
      a: laneByName.get(texts[m[2]]), b: laneByName.get(texts[m[3]]), words: texts[m[4]], detail: m[5] || '' });
  }
}
messages.sort((x, y) => x.sent - y.sent || x.arrived - y.arrived);
const faultLanes = data.faults.map((f) => new Set(f[3]));

// ---- Words ----

function time(us) {
  const digits = view.to - view.from < 2e5 ? 6 : 3;
  return (us / 1e6).toFixed(digits) + ' s';
}
function element(tag, attributes, ...children) {
  const made = document.createElement(tag);
  for (const [key, value] of Object.entries(attributes || {})) {
    if (key.startsWith('on')) made.addEventListener(key.slice(2), value);
    else made.setAttribute(key, value);
  }
  made.append(...children);
  return made;
}
function colors() {
  const style = getComputedStyle(document.documentElement);
  const get = (name) => style.getPropertyValue('--' + name).trim();
  return { ink: get('ink'), soft: get('soft'), line: get('line'), page: get('page'), panel: get('panel'),
    good: get('good'), bad: get('bad'), fault: get('fault'), bus: get('blue'), rest: get('violet'),
    request: get('teal') };
}

// ---- The filter ----

const shown = { bus: true, rest: true, request: false };
let wanted = null;
function matches(m) {
  if (!shown[m.kind]) return false;
  if (wanted === null) return true;
  return wanted.test(m.words) || wanted.test(m.from + ' → ' + m.to) || wanted.test(m.detail);
}
let found = [];
function refilter() {
  const words = $('search').value.trim();
  wanted = null;
  $('search').setCustomValidity('');
  if (words !== '') {
    try {
      wanted = new RegExp(words, 'i');
    } catch (error) {
      wanted = new RegExp(words.replace(/[.*+?^${}()|[\]\\]/g, '\\$&'), 'i');
    }
  }
  found = messages.filter(matches);
  draw();
}

// ---- The timeline ----

const canvas = $('timeline');
const brush = canvas.getContext('2d');
const LANE = 22, TOP = 40;
let left = 110, width = 600, ratio = 1;
const x = (us) => left + ((us - view.from) / (view.to - view.from)) * (width - left - 8);
const us = (px) => view.from + ((px - left) / (width - left - 8)) * (view.to - view.from);
const y = (lane) => TOP + lane * LANE + LANE / 2;

function resize() {
  ratio = window.devicePixelRatio || 1;
  width = canvas.parentElement.clientWidth;
  left = width < 520 ? 84 : 136;
  const height = TOP + lanes.length * LANE + 6;
  canvas.width = width * ratio;
  canvas.height = height * ratio;
  canvas.style.height = height + 'px';
  canvas.style.width = width + 'px';
  draw();
}
function nice(span) {
  const rough = span / (width < 520 ? 4 : 9);
  const power = Math.pow(10, Math.floor(Math.log10(rough)));
  return [1, 2, 5, 10].map((k) => k * power).find((step) => step >= rough);
}
function drawAxis(c) {
  const step = nice(view.to - view.from);
  brush.textAlign = 'center';
  brush.font = '11px system-ui, sans-serif';
  const digits = step >= 1e6 ? 0 : step >= 1e5 ? 1 : step >= 1e4 ? 2 : step >= 1e3 ? 3 : 6;
  for (let at = Math.ceil(view.from / step) * step; at <= view.to; at += step) {
    brush.fillStyle = c.line;
    brush.fillRect(x(at), TOP - 4, 1, lanes.length * LANE + 4);
    brush.fillStyle = c.soft;
    if (x(at) > left + 14 && x(at) < width - 18) brush.fillText((at / 1e6).toFixed(digits) + ' s', x(at), 12);
  }
}
function span(from, to, top, height, color, least) {
  const a = Math.max(x(from), left), b = Math.min(x(to), width - 8);
  if (b < left || a > width - 8 || b < a) return;
  brush.fillStyle = color;
  brush.fillRect(a, top, Math.max(b - a, least || 1), height);
}
// A strip above the lanes: when the cloud was as it should be.
function drawHealth(c) {
  data.health.forEach((h, i) => {
    const to = i + 1 < data.health.length ? data.health[i + 1][0] : data.ending;
    brush.globalAlpha = h[1] ? 0.55 : 0.9;
    span(h[0], to, 20, 10, h[1] ? c.good : c.bad);
  });
  brush.globalAlpha = 1;
  brush.fillStyle = c.soft;
  brush.textAlign = 'left';
  brush.font = '11px system-ui, sans-serif';
  brush.fillText('cloud is sound', 2, 29, left - 6);
}
function drawLanes(c) {
  brush.font = '12px system-ui, sans-serif';
  brush.textAlign = 'left';
  lanes.forEach((lane, i) => {
    const top = TOP + i * LANE;
    if (i === view.lane) {
      brush.fillStyle = c.panel;
      brush.fillRect(0, top, width, LANE);
    }
    brush.fillStyle = lane.component ? c.ink : c.soft;
    brush.fillText(lane.name, 2, top + LANE / 2 + 4, left - 8);
    brush.fillStyle = c.line;
    brush.fillRect(left, top + LANE / 2, width - left - 8, 1);
  });
  // Lives: a thick line while it runs.
  const since = lanes.map(() => null);
  const draw1 = (lane, from, to) => {
    brush.globalAlpha = 0.35;
    span(from, to, TOP + lane * LANE + LANE / 2 - 3, 6, c.soft);
    brush.globalAlpha = 1;
  };
  for (const [at, lane, runs] of data.lives) {
    if (runs) since[lane] = at;
    else if (since[lane] !== null) { draw1(lane, since[lane], at); since[lane] = null; }
  }
  since.forEach((at, lane) => { if (at !== null) draw1(lane, at, end); });
}
function drawFaults(c) {
  data.faults.forEach((f, i) => {
    const to = f[1];
    const all = faultLanes[i].size === 0;
    lanes.forEach((lane, k) => {
      if (!all && !faultLanes[i].has(k)) return;
      brush.globalAlpha = 0.3;
      span(f[0], to, TOP + k * LANE + 2, LANE - 4, c.fault);
      brush.globalAlpha = 1;
      const at = x(f[0]);
      if (!all && at >= left && at <= width - 8) mark(c.fault, at, y(k));
    });
    brush.globalAlpha = 0.8;
    span(f[0], to, 33, 4, c.fault, 3);
    brush.globalAlpha = 1;
  });
}
function mark(color, at, middle) {
  brush.fillStyle = color;
  brush.beginPath();
  brush.moveTo(at - 5, middle - 8);
  brush.lineTo(at + 5, middle - 8);
  brush.lineTo(at, middle + 2);
  brush.fill();
}
// The first message that was sent at or after a moment.
function firstFrom(list, at) {
  let low = 0, high = list.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (list[middle].sent < at) low = middle + 1;
    else high = middle;
  }
  return low;
}
function inView() {
  const slack = 2e6; // A message may have been sent before the window and arrive in it.
  const result = [];
  for (let i = firstFrom(found, view.from - slack); i < found.length && found[i].sent <= view.to; i++)
    if (found[i].arrived >= view.from) result.push(found[i]);
  return result;
}
// What the messages are called, where there is room: words over words could not be read.
function drawWords(c, list) {
  const taken = [];
  brush.font = '10px system-ui, sans-serif';
  brush.textAlign = 'left';
  brush.fillStyle = c.ink;
  for (const m of list) {
    const at = (x(m.sent) + x(m.arrived)) / 2 + 4, base = (y(m.a) + y(m.b)) / 2;
    const to = at + brush.measureText(m.words).width;
    if (taken.some((t) => at < t.to + 4 && t.at < to + 4 && Math.abs(base - t.base) < 11)) continue;
    taken.push({ at, to, base });
    brush.fillText(m.words, at, base);
  }
}
function drawMessages(c, list) {
  const many = list.length > 4000;
  brush.globalAlpha = many ? 0.12 : list.length > 1000 ? 0.3 : 0.75;
  brush.lineWidth = 1;
  const heads = list.length <= 600;
  brush.save();
  brush.beginPath();
  brush.rect(left, TOP, width - left - 8, lanes.length * LANE);
  brush.clip();
  for (const m of list) {
    brush.strokeStyle = brush.fillStyle = c[m.kind];
    const x1 = x(m.sent), x2 = x(m.arrived), y1 = y(m.a), y2 = y(m.b);
    brush.beginPath();
    brush.moveTo(x1, y1);
    brush.lineTo(x2, y2);
    brush.stroke();
    if (!heads) continue;
    const angle = Math.atan2(y2 - y1, x2 - x1);
    brush.beginPath();
    brush.moveTo(x2, y2);
    brush.lineTo(x2 - 7 * Math.cos(angle - 0.4), y2 - 7 * Math.sin(angle - 0.4));
    brush.lineTo(x2 - 7 * Math.cos(angle + 0.4), y2 - 7 * Math.sin(angle + 0.4));
    brush.fill();
  }
  brush.globalAlpha = 1;
  if (list.length <= 40) drawWords(c, list);
  brush.restore();
}
function drawCursor(c) {
  const at = x(view.cursor);
  if (at < left || at > width) return;
  brush.fillStyle = c.ink;
  brush.fillRect(at - 0.5, 14, 1.5, TOP + lanes.length * LANE);
}
let isDue = false;
function draw() {
  if (isDue) return;
  isDue = true;
  requestAnimationFrame(() => {
    isDue = false;
    const c = colors();
    brush.setTransform(ratio, 0, 0, ratio, 0, 0);
    brush.clearRect(0, 0, width, canvas.height / ratio);
    const list = inView();
    drawLanes(c);
    drawAxis(c);
    drawHealth(c);
    drawFaults(c);
    drawMessages(c, list);
    drawCursor(c);
    tell(list);
  });
}
