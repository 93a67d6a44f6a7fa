// What stands below the timeline of a run's report (moment, messages, log, state of any component), and moving about by
// mouse, touch and keyboard. It shares the names of timeline.js, which the page has before it.
'use strict';

// ---- What stands below the timeline ----

const healthAt = (at) => {
  let last = null;
  for (const h of data.health) { if (h[0] > at) break; last = h; }
  return last;
};
function tellMoment() {
  const health = healthAt(view.cursor);
  const active = data.faults.filter((f) => f[0] <= view.cursor && view.cursor < Math.max(f[1], f[0] + 1));
  $('moment').replaceChildren(
    element('b', {}, time(view.cursor)), ' ',
    health === null ? '' : health[1] ? element('span', { class: 'good' }, 'The cloud is sound.')
      : element('span', { class: 'bad' }, 'Not sound: ' + texts[health[2]] + '.'), ' ',
    active.length === 0 ? '' : element('span', { class: 'fault' }, 'Under way: ' + active.map((f) => f[2]).join('; ') + '.'));
  $('cursor').value = Math.round(view.cursor / end * 10000);
  $('cursor').setAttribute('aria-valuetext', time(view.cursor));
}
// A row that brings the cursor to its moment. Its list is one stop of the Tab key; the arrows go through the rows.
function row(at, kind, ...cells) {
  return element('tr', { tabindex: -1, class: kind + (at >= view.cursor ? '' : ' past'), onclick: () => go(at),
    onkeydown: (event) => {
      const other = event.key === 'ArrowDown' ? event.currentTarget.nextElementSibling
        : event.key === 'ArrowUp' ? event.currentTarget.previousElementSibling : null;
      if (event.key === 'Enter') go(at);
      else if (other !== null) other.focus();
      else return;
      event.preventDefault();
    } }, element('td', { class: 'n' }, element('time', {}, time(at))), ...cells);
}
// The rows around the cursor: the first that is not past comes into sight, and keeps the keyboard if the list had it.
function fill(id, rows) {
  const body = $(id), box = body.closest('.pane > div');
  const hadFocus = body.contains(document.activeElement);
  body.replaceChildren(...rows);
  const next = rows.find((one) => !one.classList.contains('past')) || rows[rows.length - 1];
  box.scrollTop = next ? Math.max(0, next.offsetTop - 60) : 0;
  if (!next) return;
  next.tabIndex = 0;
  if (hadFocus) next.focus({ preventScroll: true });
}
function tellMessages(list) {
  const most = 150;
  let first = firstFrom(list, view.cursor);
  first = Math.max(0, Math.min(first - 20, list.length - most));
  const rows = list.slice(first, first + most).map((m) => row(m.sent, m.kind,
    element('td', { class: 'who' }, m.from + ' → ' + m.to),
    element('td', {}, element('b', {}, m.words), ' ', element('span', { class: 'soft detail', title: m.detail }, m.detail))));
  fill('messages', rows);
  const left_out = classes.filter((k) => shown[k] && data.messages[k].stride > 1)
    .map((k) => 'of ' + data.messages[k].seen + ' ' + k + ' messages every ' + data.messages[k].stride + 'th is kept');
  $('message-count').textContent = list.length + ' in this window' +
    (list.length > most ? ', ' + rows.length + ' around the cursor listed' : '') +
    (left_out.length > 0 ? '; ' + left_out.join(', ') : '');
}
function tellLog() {
  const most = 120;
  const only = $('only-lane').checked ? lanes[view.lane].name : null;
  const list = data.story.filter((l) => l[0] >= view.from && l[0] <= view.to && (only === null || texts[l[3]] === only));
  let first = list.findIndex((l) => l[0] >= view.cursor);
  first = Math.max(0, Math.min((first < 0 ? list.length : first) - 20, list.length - most));
  fill('log', list.slice(first, first + most).map((l) => row(l[0], l[1],
    element('td', { class: 'who' }, texts[l[3]]), element('td', {}, texts[l[4]]))));
  $('log-count').textContent = list.length + ' lines in this window';
}

// ---- State ----

function statesOf(lane) {
  return data.states.filter((s) => s[1] === lane);
}
function leaves(value, path, into) {
  if (value !== null && typeof value === 'object') {
    const keys = Object.keys(value);
    for (const key of keys) leaves(value[key], path + '/' + key, into);
    if (keys.length === 0) into.set(path, '');
  } else {
    into.set(path, JSON.stringify(value));
  }
  return into;
}
function tree(key, value, path, before, depth) {
  if (value !== null && typeof value === 'object') {
    const keys = Object.keys(value);
    const name = keys.length === 0 ? (Array.isArray(value) ? 'none' : '{}') : Array.isArray(value) ? keys.length + (keys.length === 1 ? ' entry' : ' entries') : '';
    if (keys.length === 0) return element('div', {}, element('span', { class: 'soft' }, key + ': '), name);
    const label = value.name || value.host || value.instance || value.id;
    const made = element('details', depth < 1 || keys.length <= 4 ? { open: '' } : {},
      element('summary', {}, key, ' ', element('span', { class: 'soft' }, typeof label === 'string' ? label : name)));
    for (const inner of keys) made.append(tree(inner, value[inner], path + '/' + inner, before, depth + 1));
    return made;
  }
  const text = JSON.stringify(value);
  const old = before === null ? text : before.get(path);
  const made = element('div', {}, element('span', { class: 'soft' }, key + ': '),
    element('span', old === text ? {} : { class: 'changed' }, text));
  if (old !== text) made.append(element('span', { class: 'soft' }, old === undefined ? ' (new)' : ' (was ' + old + ')'));
  return made;
}
let toldState = null;
function tellState() {
  const lane = lanes[view.lane];
  $('component').value = String(view.lane);
  if (!lane.component) {
    toldState = null;
    $('state').replaceChildren('This is no component; it has no state to look into.');
    return;
  }
  const all = statesOf(view.lane);
  let at = -1;
  while (at + 1 < all.length && all[at + 1][0] <= view.cursor) at++;
  const told = view.lane + ' ' + at;
  if (told === toldState) return;
  toldState = told;
  if (at < 0) {
    $('state').replaceChildren('It has not been looked at yet at that moment.');
    return;
  }
  const before = at > 0 ? leaves(all[at - 1][2], '', new Map()) : null;
  const state = all[at][2];
  const runs = Object.keys(state).length > 0;
  const body = element('div', { class: 'tree' });
  for (const key of Object.keys(state)) body.append(tree(key, state[key], '/' + key, before, 0));
  $('state').replaceChildren(
    element('p', { class: 'soft' }, lane.about + '. State of ' + (all[at][0] / 1e6).toFixed(3) + ' s' +
      (at > 0 ? '; marked: what changed since ' + (all[at - 1][0] / 1e6).toFixed(3) + ' s' : '') + '.'),
    runs ? body : 'It does not run.');
}
function tell(list) {
  tellMoment();
  tellMessages(list);
  tellLog();
  tellState();
}

// ---- Moving ----

function clamp() {
  const size = Math.min(Math.max(view.to - view.from, 200), end);
  view.from = Math.min(Math.max(view.from, 0), end - size);
  view.to = view.from + size;
  view.cursor = Math.min(Math.max(view.cursor, 0), end);
}
function zoom(factor, around) {
  const size = (view.to - view.from) * factor;
  view.from = around - (around - view.from) * factor;
  view.to = view.from + size;
  clamp();
  draw();
}
// Brings the cursor there, and the window with it.
function go(at, size) {
  view.cursor = at;
  const wide = size || view.to - view.from;
  if (size || at < view.from || at > view.to) {
    view.from = at - wide / 3;
    view.to = view.from + wide;
  }
  clamp();
  draw();
}
const stops = [...new Set([...data.faults.map((f) => f[0]), ...data.story.filter((l) => l[1] !== 'log').map((l) => l[0]),
  data.ending])].sort((a, b) => a - b);
function step(by) {
  const next = by > 0 ? stops.find((at) => at > view.cursor) : stops.filter((at) => at < view.cursor).pop();
  if (next !== undefined) go(next);
}
const keys = {
  ArrowLeft: () => go(view.cursor - (view.to - view.from) / 50),
  ArrowRight: () => go(view.cursor + (view.to - view.from) / 50),
  ArrowUp: () => choose(Math.max(0, view.lane - 1)),
  ArrowDown: () => choose(Math.min(lanes.length - 1, view.lane + 1)),
  '+': () => zoom(0.5, view.cursor),
  '=': () => zoom(0.5, view.cursor),
  '-': () => zoom(2, view.cursor),
  Home: () => go(0),
  End: () => go(end),
  n: () => step(1),
  p: () => step(-1),
  0: () => { view.from = 0; view.to = end; draw(); },
};
function choose(lane) {
  view.lane = lane;
  draw();
}
canvas.addEventListener('keydown', (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || !keys[event.key]) return;
  keys[event.key]();
  event.preventDefault();
});
canvas.addEventListener('wheel', (event) => {
  if (!event.ctrlKey && !event.shiftKey) return;
  event.preventDefault();
  if (event.ctrlKey) zoom(event.deltaY > 0 ? 1.25 : 0.8, us(event.offsetX));
  else { const by = (event.deltaY || event.deltaX) * (view.to - view.from) / width; view.from += by; view.to += by; clamp(); draw(); }
}, { passive: false });
let drag = null;
canvas.addEventListener('pointerdown', (event) => {
  drag = { x: event.offsetX, from: view.from, to: view.to, moved: false };
  canvas.setPointerCapture(event.pointerId);
});
canvas.addEventListener('pointermove', (event) => {
  if (drag === null) return;
  const by = event.offsetX - drag.x;
  if (Math.abs(by) > 4) drag.moved = true;
  if (!drag.moved) return;
  const shift = by * (drag.to - drag.from) / (width - left);
  view.from = drag.from - shift;
  view.to = drag.to - shift;
  clamp();
  draw();
});
canvas.addEventListener('pointerup', (event) => {
  if (drag !== null && !drag.moved) {
    const lane = Math.floor((event.offsetY - TOP) / LANE);
    if (lane >= 0 && lane < lanes.length) view.lane = lane;
    if (event.offsetX > left) view.cursor = us(event.offsetX);
    clamp();
    draw();
  }
  drag = null;
});
canvas.addEventListener('pointercancel', () => { drag = null; });

lanes.forEach((lane, i) => $('component').append(element('option', { value: String(i) }, lane.name)));
$('component').addEventListener('change', (event) => choose(Number(event.target.value)));
$('cursor').addEventListener('input', (event) => go(event.target.value / 10000 * end));
$('search').addEventListener('input', refilter);
$('only-lane').addEventListener('change', draw);
for (const name of classes) {
  $('show-' + name).checked = shown[name];
  $('show-' + name).addEventListener('change', (event) => { shown[name] = event.target.checked; refilter(); });
}
$('zoom-in').addEventListener('click', () => zoom(0.5, view.cursor));
$('zoom-out').addEventListener('click', () => zoom(2, view.cursor));
$('zoom-all').addEventListener('click', keys[0]);
$('next').addEventListener('click', keys.n);
$('previous').addEventListener('click', keys.p);
for (const button of document.querySelectorAll('button.at')) {
  button.addEventListener('click', () => {
    const lane = laneByName.get(button.dataset.who);
    if (lane !== undefined) view.lane = lane;
    go(Number(button.dataset.at), Math.min(end, 2e6));
    $('look').scrollIntoView({ behavior: 'smooth', block: 'start' });
    canvas.focus({ preventScroll: true });
  });
}
const about = laneByName.get(data.who);
if (about !== undefined) view.lane = about;
window.addEventListener('resize', resize);
window.matchMedia('(prefers-color-scheme: dark)').addEventListener('change', draw);
document.documentElement.classList.add('live');
resize();
refilter();
