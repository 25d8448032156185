/**
 * Guest adapter `teams-web`, experimental: opens Teams' own web client and walks through it as a person would, under the
 * room's name. It has not been seen against Teams; docs/teams-web.md says what it rests on. It evades nothing: where
 * Teams wants a captcha, a sign-in or a verification, the join ends with that outcome.
 */
import { readdir, rm } from 'node:fs/promises';
import { join as joinPath } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Page } from 'playwright-core';
import { z } from 'zod';
import { announce, bridgeFunction, exposeBridge } from '../exposed.ts';
import type { GuestAdapterFactory, GuestEnvironment, GuestLeg, JoinRequest } from '../guest.ts';
import { type LegControl, startLeg } from '../leg.ts';
import { bundlePage } from '../page-host.ts';
import { type PagePool, pagePool } from '../pages.ts';
import { servePages } from '../serve.ts';
import { MeetingCamera } from './camera.ts';
import { openable } from './link.ts';
import { leave, walk } from './walk.ts';

export const optionsSchema = z.strictObject({
  /** How many warm pages to keep. */
  warm: z.number().int().min(0).max(50).default(2),
  /**
   * A folder for pictures of pages that were not understood, the newest hundred. They may show what is in a meeting, so
   * there is none by default.
   */
  screenshots: z.string().min(1).nullable().default(null),
  /** How long something unknown may be on the screen before the join has failed, milliseconds. */
  unknownPatienceMs: z.number().int().min(500).max(300_000).default(30_000),
  /** How long the way to the lobby may take, milliseconds. The client is large. */
  joinTimeoutMs: z.number().int().min(1000).max(600_000).default(120_000),
  /** Language of the browser, which Teams follows: its texts are best known in English. */
  locale: z.string().min(2).default('en-US'),
  /** Origin of a page that stands in for Teams; for tests. */
  standIn: z
    .url({ protocol: /^https?$/ })
    .nullable()
    .default(null),
});
type Options = z.infer<typeof optionsSchema>;

const entry = fileURLToPath(new URL('./page/room-page.ts', import.meta.url));
const html = '<!doctype html><meta charset="utf-8"><title>Usher</title><body><script src="/page.js"></script>';

const factory: GuestAdapterFactory = async (environment) => {
  const options = optionsSchema.parse(environment.options ?? {});
  const pages = await servePages({
    '/': { type: 'text/html', body: html },
    '/page.js': { type: 'text/javascript', body: await bundlePage(entry) },
  });
  const pool = pagePool({
    browser: environment.browser,
    size: options.warm,
    // The room's own page; the meeting's is opened beside it when it is known which.
    prepare: async (page) => {
      await announce(page, [bridgeFunction]);
      await page.goto(`${pages.origin}/`);
    },
    clock: environment.clock,
    log: environment.log,
  });
  return {
    name: 'teams-web',
    join: (request) => leg(environment, options, pool, request),
    warm: (wanted) => pool.warm(wanted),
    async close() {
      await pool.close();
      await pages.close();
    },
  };
};
export default factory;

function leg(environment: GuestEnvironment, options: Options, pool: PagePool, request: JoinRequest): GuestLeg {
  const { clock, lobbyTimeoutMs } = environment;
  let meeting: Page | null = null;
  return startLeg({
    clock,
    lobbyTimeoutMs,
    joinTimeoutMs: options.joinTimeoutMs,
    page: () => pool.take(),
    async join(room, control) {
      const link = openable(request.meeting.url);
      if (link === null) {
        control.end('wrong-link', 'the web client needs a link to a Teams meeting, and the invite has none');
        return;
      }
      const url = options.standIn === null ? link : new URL(link.pathname + link.search, options.standIn);
      await exposeBridge(room, request.media);
      await room.evaluate(() => window.usherRoom.connect());
      meeting = await openMeetingPage(url, options.locale, control, environment);
      const camera = new MeetingCamera(meeting, room);
      const troubled = (error: unknown): void =>
        environment.log('warn', 'teams-web: no media', { error: String(error) });
      await camera.install(troubled);
      await meeting.goto(url.href, { waitUntil: 'commit' });
      await walk({
        page: meeting,
        url,
        displayName: request.displayName,
        control,
        clock,
        unknownPatienceMs: options.unknownPatienceMs,
        alsoHost: options.standIn === null ? null : new URL(options.standIn).hostname,
        admitted: () => void camera.show().catch(troubled),
        screenshot: () => screenshot(meeting, options.screenshots, clock.now()),
      });
    },
    goodbye: async () => {
      if (meeting !== null) await leave(meeting);
    },
    async ended() {
      request.media.close();
      await meeting
        ?.context()
        .close()
        .catch(() => undefined);
    },
  });
}

/**
 * A page in a browser context of its own. Not the room page's: Playwright gives every page of a context the channel by
 * which one of them reaches Node, and this page shall have none.
 */
async function openMeetingPage(
  url: URL,
  locale: string,
  control: LegControl,
  environment: GuestEnvironment,
): Promise<Page> {
  const browser = await environment.browser();
  const context = await browser.newContext({ viewport: { width: 1280, height: 720 }, locale, acceptDownloads: false });
  const close = (): void => void context.close().catch(() => undefined);
  if (control.signal.aborted) close();
  else control.signal.addEventListener('abort', close, { once: true });
  await context.grantPermissions(['camera', 'microphone'], { origin: url.origin });
  const page = await context.newPage();
  page.once('crash', () => control.end('connection-lost', 'the meeting’s page crashed'));
  page.once('close', () => control.end('connection-lost', 'the meeting’s page was closed, or Chromium ended'));
  // What Teams opens besides (help, downloads) is nothing that a room could use.
  context.on('page', (other) => {
    if (other !== page) void other.close().catch(() => undefined);
  });
  page.on('pageerror', (error) => environment.log('debug', 'teams-web page', { error: error.message }));
  return page;
}

/** Pictures that are kept; the oldest go first. */
const mostPictures = 100;

async function keepNewest(folder: string): Promise<void> {
  const pictures = (await readdir(folder)).filter((name) => /^teams-web-.*\.png$/.test(name)).toSorted();
  for (const name of pictures.slice(0, -mostPictures)) await rm(joinPath(folder, name), { force: true });
}

async function screenshot(page: Page | null, folder: string | null, now: number): Promise<string> {
  if (folder === null) return 'Set `screenshots` to a folder to have a picture of such a page.';
  const path = joinPath(folder, `teams-web-${new Date(now).toISOString().replace(/[:.]/g, '-')}.png`);
  try {
    await page?.screenshot({ path, timeout: 5000 });
    await keepNewest(folder);
    return `Its picture is ${path}`;
  } catch (error) {
    return `No picture could be taken: ${error instanceof Error ? error.message : String(error)}`;
  }
}
