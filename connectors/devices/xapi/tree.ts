/** xAPI answers as one tree, whether they came as XML from the device itself or as JSON from the Webex cloud. */
import type { XmlElement } from '../../../parsers/read/xml.ts';

/** Deeper than any answer of a device. */
const deepest = 20;

/** JSON as the tree that its XML form would be: the items of an array are elements of the same name. */
export function treeOf(name: string, value: unknown): XmlElement {
  return { name, attributes: {}, ...contentOf(value, 0) };
}

function contentOf(value: unknown, depth: number): Pick<XmlElement, 'children' | 'text'> {
  if (value === null || value === undefined || depth > deepest) return { children: [], text: '' };
  if (typeof value !== 'object') return { children: [], text: String(value) };
  const children = Object.entries(value).flatMap(([key, inner]): XmlElement[] => {
    const items: readonly unknown[] = Array.isArray(inner) ? inner : [inner];
    return items.map((item) => ({ name: key, attributes: {}, ...contentOf(item, depth + 1) }));
  });
  return { children, text: '' };
}

/** A string as XML text or attribute value. What XML 1.0 cannot carry at all (NUL, lone surrogates) becomes U+FFFD. */
export function xmlText(text: string): string {
  return text
    .toWellFormed()
    .replace(/[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\u{10000}-\u{10ffff}]/gu, '\ufffd')
    .replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`);
}
