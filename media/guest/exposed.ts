/**
 * Functions of ours that a page calls by their name on `window`. A warm page has them before anybody is there to answer:
 * what it calls waits for whoever takes the page, so that nothing has to be installed while a room waits.
 */
import type { Page } from 'playwright-core';
import { z } from 'zod';
import type { Json, PagePort } from '../call.ts';

/** What a page hands over is unchecked. */
export type PageFunction = (...given: unknown[]) => unknown;

const announced = new WeakMap<Page, Map<string, PromiseWithResolvers<PageFunction>>>();

/** Installs functions that `expose` will answer. For pages that are made ready ahead of need, before they load anything. */
export async function announce(page: Page, names: readonly string[]): Promise<void> {
  const waiting = new Map(names.map((name) => [name, Promise.withResolvers<PageFunction>()]));
  announced.set(page, waiting);
  for (const [name, { promise }] of waiting) {
    await page.exposeFunction(name, async (...given: unknown[]) => (await promise)(...given));
  }
}

/** Answers what the page calls by this name, also what it has called already; once for each name. */
export async function expose(page: Page, name: string, answer: PageFunction): Promise<void> {
  const waiting = announced.get(page)?.get(name);
  if (waiting === undefined) await page.exposeFunction(name, answer);
  else waiting.resolve(answer);
}

/** The name by which `connectBridge()` in the page calls the bridge. */
export const bridgeFunction = 'usherBridge';

const json: z.ZodType<Json> = z.json();

/** As the page's JSON; null for nothing at all. @throws ZodError for what is none */
export function pageJson(given: unknown): Json {
  return json.parse(given ?? null);
}

/** Lets a page call the bridge's port. */
export function exposeBridge(page: Page, port: PagePort): Promise<void> {
  return expose(page, bridgeFunction, (method, data) => port.request(z.string().parse(method), pageJson(data)));
}
