/** Finds in the page what the table names. */
import type { Locator, Page } from 'playwright-core';
import type { Control, Text } from './screens.ts';

/** Any of these texts, as a part, in any case and with any spaces; `null` where there is none. */
export function anyOf(texts: readonly Text[]): RegExp | null {
  if (texts.length === 0) return null;
  const escaped = texts.map(({ text }) => text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&').replace(/\s+/g, '\\s+'));
  return new RegExp(escaped.join('|'), 'i');
}

/** The first that is visible, in the table's order; `null` where none is. */
export async function find(page: Page, control: Control): Promise<Locator | null> {
  const name = anyOf(control.texts);
  const candidates = [
    ...control.css.map((css) => page.locator(css)),
    ...(name === null ? [] : [page.getByRole('button', { name })]),
  ];
  for (const candidate of candidates) {
    const visible = candidate.filter({ visible: true }).first();
    if (await visible.isVisible().catch(() => false)) return visible;
  }
  return null;
}
