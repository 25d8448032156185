/** The administrator's pages: start and status. Plain HTML, no script. */
import { type Html, html } from '../../connectors/devices/html.ts';
import type { StoredRefusal } from '../rooms/refusals.ts';
import type { House, RoomStatus, ServiceStatus } from './house.ts';
import { roomPath } from './paths.ts';

function page(title: string, style: string, body: Html, refreshSeconds: number | null = null): string {
  const refresh = refreshSeconds === null ? null : html`<meta http-equiv="refresh" content="${refreshSeconds}">`;
  return html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
${refresh}<title>${title}</title>
<link rel="icon" href="data:,">
<link rel="stylesheet" href="${style}">
</head>
<body>
${body}
</body>
</html>
`.markup;
}

/** `/`: what runs here and what to look at. With secrets in its links only where `house.start().mode` is `demo`. */
export function startPage(house: House, style: string, now: number): string {
  const facts = house.start();
  const rows = house.status();
  const wrong = rows.filter((row) => row.problems.length > 0).length;
  const state =
    wrong === 0 ? `${rows.length} rooms, all well.` : `${rows.length} rooms; something is wrong with ${wrong}.`;
  if (facts.mode === 'serve') {
    return page(
      'Usher',
      style,
      html`<main><h1>Usher</h1><p>Version ${facts.version}. ${state}</p><ul><li><a href="/status">Status of every room</a></li><li><a href="/metrics">Metrics</a></li></ul>${bridge(facts.bridge)}</main>`,
    );
  }
  const rooms = rows.map((row) => demoRoom(house, row, facts.calendars[row.id] ?? null, now));
  const host =
    facts.meetingHost === null
      ? null
      : html`<li><strong>Be the meeting’s host:</strong> open <a href="${facts.meetingHost}">the meeting page</a>, press Join on a panel, and let the room in from the lobby.</li>`;
  return page(
    'Usher: the demo',
    style,
    html`<main><h1>Usher: the demo</h1>
<p class="lead">Meeting rooms with calendars made around the current time. Everything runs on this machine; nothing is sent anywhere.</p>
<h2>What to look at</h2>
<ol>
<li><strong>Open a panel</strong> below: what hangs beside the room’s door or lies on its table.</li>
<li><strong>Edit a calendar</strong>: change a title or a time in the room’s .ics file, or drop a calendar exported from Outlook or Google beside it. The open panel follows within seconds.</li>
${host}
<li><strong>Subscribe</strong> to a room’s join entries as an iCalendar feed.</li>
<li><a href="/status">Status of every room</a> · <a href="/metrics">Metrics</a></li>
</ol>
${bridge(facts.bridge)}
<h2>Rooms</h2>
<div class="rooms">${rooms}</div>
</main>`,
    20,
  );
}

function bridge(text: string | null): Html | null {
  return text === null ? null : html`<p class="bridge"><strong>Bridge:</strong> ${text}</p>`;
}

function demoRoom(house: House, row: RoomStatus, calendar: string | null, now: number): Html {
  const secret = house.secrets(row.id)[0] ?? '';
  return html`<article class="room"><h3>${row.name}</h3><p class="next">${nextOf(row, now)}</p><p><a class="open" href="${roomPath(row.id, secret, 'panel')}">Open the panel</a> <a href="${roomPath(row.id, secret, 'feed.ics')}">Feed</a></p>${
    calendar === null ? null : html`<p class="path">Calendar: <code>${calendar}</code></p>`
  }${problems(row)}</article>`;
}

function nextOf(row: RoomStatus, now: number): Html {
  if (row.next === null) return html`No meetings coming up`;
  const { next } = row;
  const label = next.start <= now ? 'Now' : 'Next';
  return html`${label}: <b>${next.title}</b>, ${hour(next.start, row.timeZone)}–${hour(next.end, row.timeZone)} <span class="route">${next.route}</span>`;
}

function service(status: ServiceStatus): Html {
  return html`<p><strong>${status.name}:</strong> ${status.facts.join(' ')}</p>${problems(status)}
`;
}

function problems(row: { problems: readonly string[] }): Html | null {
  if (row.problems.length === 0) return null;
  return html`<ul class="problems">${row.problems.map((problem) => html`<li>${problem}</li>`)}</ul>`;
}

/** Which rooms the status page shows. */
export interface StatusQuery {
  /** Part of a room's name or id, in any case. Empty: all. */
  room: string;
  wrongOnly: boolean;
  /** From 1. */
  page: number;
}

const rowsPerPage = 200;

/** `/status`: every room in one table, what is wrong first. */
export function statusPage(house: House, style: string, now: number, query: StatusQuery): string {
  const all = house.status();
  const wrong = all.filter((row) => row.problems.length > 0).length;
  const wanted = query.room.toLowerCase();
  const rows = all
    .filter((row) => (!query.wrongOnly || row.problems.length > 0) && matches(row, wanted))
    .toSorted((a, b) => Number(b.problems.length > 0) - Number(a.problems.length > 0) || compare(a.name, b.name));
  const pages = Math.max(1, Math.ceil(rows.length / rowsPerPage));
  const at = Math.min(pages, query.page);
  const shown = rows.slice((at - 1) * rowsPerPage, at * rowsPerPage);
  const body = html`<main class="wide"><h1>Status</h1>
<p>${all.length} rooms, something is wrong with ${wrong}. As of ${new Date(now).toISOString()}; renewed every 10 seconds. <a href="/">Start</a></p>
${house.services().map(service)}<form class="filter" method="get" action="/status"><label>Room <input name="room" type="search" value="${query.room}"></label> <label><input name="wrong" type="checkbox" value="1"${query.wrongOnly ? html` checked` : null}> only where something is wrong</label> <button type="submit">Show</button></form>
<div class="scroll" tabindex="0"><table><thead><tr><th scope="col">Room</th><th scope="col">Next entry, route</th><th scope="col">Call</th><th scope="col">Calendar read</th><th scope="col">Devices: last confirmed or read</th><th scope="col">What is wrong</th></tr></thead><tbody>
${shown.map((row) => statusRow(row, now))}</tbody></table></div>
${refusals(house.refusals())}
${pages === 1 ? null : html`<p>Page ${at} of ${pages}: ${pageLinks(query, at, pages)}</p>`}</main>`;
  return page('Usher: status', style, body, 10);
}

/** The most that the page names; `usher rooms --json` has all. */
const mostRefusals = 100;

function refusals(all: readonly StoredRefusal[]): Html | null {
  if (all.length === 0) return null;
  const lines = all.slice(0, mostRefusals).map(({ subject, leg, outcome, at, until }) => {
    return html`<li>${subject}: ${leg} refused on ${date(at)} (${outcome}); not tried again before ${date(until)}</li>`;
  });
  return html`<h2>Refused to guests lately</h2><ul>${lines}</ul>`;
}

function date(at: number): string {
  return new Date(at).toISOString().slice(0, 10);
}

function statusRow(row: RoomStatus, now: number): Html {
  const devices = row.devices.map(
    (device) =>
      html`${device.label}: ${ago(device.lastSeen, now)}${device.confirmed === null ? null : `, ${device.confirmed} entries`}${device.upToDate || device.lastSeen === null ? null : `, behind, answered ${ago(device.lastContact, now)}`}${device.differs.length === 0 ? null : html`<br><small>${listed(device.differs)}</small>`}<br>`,
  );
  return html`<tr><th scope="row">${row.name}<br><small>${row.id}</small></th><td>${nextOf(row, now)}</td><td>${row.call}</td><td>${ago(row.lastRead, now)}</td><td>${devices}</td><td>${row.problems.length === 0 ? 'nothing' : problems(row)}</td></tr>`;
}

/** What differs on a device; the longest lists are a device that has nothing of them. */
export function listed(differs: readonly string[]): string {
  const most = 5;
  const more = differs.length > most ? `; and ${differs.length - most} more` : '';
  return `${differs.slice(0, most).join('; ')}${more}`;
}

function matches(row: RoomStatus, wanted: string): boolean {
  return wanted === '' || row.name.toLowerCase().includes(wanted) || row.id.toLowerCase().includes(wanted);
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

function pageLinks(query: StatusQuery, at: number, pages: number): readonly Html[] {
  const link = (to: number, words: string): Html => {
    const search = new URLSearchParams({ room: query.room, page: String(to) });
    if (query.wrongOnly) search.set('wrong', '1');
    return html`<a href="/status?${search.toString()}">${words}</a> `;
  };
  return [...(at > 1 ? [link(at - 1, 'previous')] : []), ...(at < pages ? [link(at + 1, 'next')] : [])];
}

function hour(at: number, timeZone: string): string {
  const options = { hour: '2-digit', minute: '2-digit', hour12: false } as const;
  try {
    return new Intl.DateTimeFormat('en-GB', { ...options, timeZone }).format(at);
  } catch {
    return `${new Intl.DateTimeFormat('en-GB', { ...options, timeZone: 'UTC' }).format(at)} UTC`;
  }
}

/** `12 s ago`, `3 min ago`, `never`. */
export function ago(at: number | null, now: number): string {
  if (at === null) return 'never';
  const seconds = Math.max(0, Math.round((now - at) / 1000));
  if (seconds < 120) return `${seconds} s ago`;
  const minutes = Math.round(seconds / 60);
  if (minutes < 120) return `${minutes} min ago`;
  const hours = Math.round(minutes / 60);
  return hours < 48 ? `${hours} h ago` : `${Math.round(hours / 24)} days ago`;
}
