/** XML as a small tree by local names: no DTD, no entities but XML's own five, bounded in depth and number. */
import { SaxesParser } from 'saxes';
import { UnreadableInvite } from './unreadable.ts';

export interface XmlElement {
  /** Without its prefix. */
  name: string;
  /** By name without prefix. */
  attributes: Readonly<Record<string, string>>;
  children: readonly XmlElement[];
  /** Text directly inside it. */
  text: string;
}

interface Open extends XmlElement {
  children: Open[];
  pieces: string[];
}

const MAX_DEPTH = 100;
const MAX_ELEMENTS = 200_000;

/**
 * Reads a document. A document that is cut off or broken gives what stood before the damage, unless it is wanted whole.
 * @throws UnreadableInvite for a DTD, for more than 100 levels or 200,000 elements, or where there is no element; where
 *   it is wanted whole, for any damage
 */
export function parseXml(source: string, { whole = false }: { whole?: boolean } = {}): XmlElement {
  const root = element('', {});
  const open: Open[] = [root];
  let elements = 0;
  let broken = false;
  const parser = new SaxesParser({ position: false, fragment: false });
  parser.on('doctype', () => {
    throw new UnreadableInvite('XML with a DTD, which is refused');
  });
  parser.on('error', (error) => {
    // A foreign entity (`&nbsp;`) stays as it is written; everything else that is wrong ends the document.
    if (!/undefined entity/.test(error.message)) broken = true;
  });
  parser.on('opentag', (tag) => {
    if (broken) return;
    if (open.length > MAX_DEPTH || ++elements > MAX_ELEMENTS)
      throw new UnreadableInvite('XML nested or long beyond all bounds');
    const child = element(localName(tag.name), attributesOf(tag.attributes));
    open[open.length - 1]?.children.push(child);
    open.push(child);
  });
  parser.on('closetag', () => {
    const closed = open.length > 1 ? open.pop() : undefined;
    if (closed !== undefined) closed.text = closed.pieces.join('');
  });
  const text = (piece: string) => {
    if (!broken) open[open.length - 1]?.pieces.push(piece);
  };
  parser.on('text', text);
  parser.on('cdata', text);
  // In pieces, so that damage ends the work instead of being read to the end.
  for (let at = 0; at < source.length && !broken; at += 65_536) parser.write(source.slice(at, at + 65_536));
  if (!broken) parser.close();
  if (whole && broken) throw new UnreadableInvite('XML that is damaged or cut off');
  for (const left of open) left.text = left.pieces.join('');
  const first = root.children[0];
  if (first === undefined) throw new UnreadableInvite('XML without an element');
  return first;
}

function element(name: string, attributes: Record<string, string>): Open {
  return { name, attributes, children: [], text: '', pieces: [] };
}

function localName(name: string): string {
  return name.slice(name.indexOf(':') + 1);
}

function attributesOf(attributes: Readonly<Record<string, unknown>>): Record<string, string> {
  const plain: Record<string, string> = {};
  for (const name in attributes) plain[localName(name)] = String(attributes[name]);
  return plain;
}

export function childrenNamed(parent: XmlElement, name: string): XmlElement[] {
  return parent.children.filter((child) => child.name === name);
}

/** The trimmed text of the first child of that name; `null` where there is none or it is empty. */
export function childText(parent: XmlElement, name: string): string | null {
  const text = parent.children.find((child) => child.name === name)?.text.trim();
  return text === undefined || text === '' ? null : text;
}

export function descend(parent: XmlElement, path: readonly string[]): XmlElement | null {
  let at: XmlElement | undefined = parent;
  for (const name of path) at = at?.children.find((child) => child.name === name);
  return at ?? null;
}
