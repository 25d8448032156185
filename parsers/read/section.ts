import type { FoundLink } from '../links/link.ts';

/** One message's worth of body. */
export interface Section {
  /** Plain text with block structure: one line per paragraph, row or list item, blanks single, no zero-width characters. */
  text: string;
  /** In order of appearance; `at` and `end` are offsets in `text`. */
  links: readonly FoundLink[];
}
