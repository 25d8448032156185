/** Looks at the page as a person would: what is visible, by the table of screens. */
import type { Page } from 'playwright-core';
import type { Look } from './decide.ts';
import { anyOf } from './find.ts';
import { type Screen, type Signs, screens } from './screens.ts';

/**
 * Playwright evaluates locators in a world of its own, so a page cannot make this see what is not there. Null where the page
 * could not be looked at whole (it was just changing): a sign that was not looked for is not a sign that is missing.
 */
export function look(page: Page): Promise<Look | null> {
  return lookAtAll(page).catch(() => null);
}

async function lookAtAll(page: Page): Promise<Look> {
  const address = page.url();
  const shown = new Set<Screen>();
  await Promise.all(
    entries.map(async ([screen, signs, texts]) => {
      const there =
        signs.url?.test(address) === true ||
        (signs.css.length > 0 && (await isVisible(page, signs.css.join(', ')))) ||
        (texts !== null && (await isTextVisible(page, texts)));
      if (there) shown.add(screen);
    }),
  );
  return { shown, host: URL.canParse(address) ? new URL(address).hostname : '' };
}

const entries = (Object.entries(screens) as [Screen, Signs][]).map(
  ([screen, signs]) => [screen, signs, anyOf(signs.texts)] as const,
);

function isVisible(page: Page, css: string): Promise<boolean> {
  return page.locator(css).filter({ visible: true }).first().isVisible();
}

function isTextVisible(page: Page, texts: RegExp): Promise<boolean> {
  return page.getByText(texts).filter({ visible: true }).first().isVisible();
}
