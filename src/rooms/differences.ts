/** What a device shows, held against what is wanted on it: whether it must be written, and what status says of it. */
import { createHash } from 'node:crypto';
import { type DeviceEntry, type JoinEntry, ownIdPrefix, type PushedDevice } from '../../connectors/devices/device.ts';

export interface Comparison {
  device: Pick<PushedDevice, 'shows'>;
  wanted: readonly JoinEntry[];
  /** What the device listed, `null` where it has not been asked yet. */
  found: readonly DeviceEntry[] | null;
  /** A digest of each entry that was confirmed; `null` where only what is shown matters. */
  sent: Readonly<Record<string, string>> | null;
  now: number;
}

/**
 * One for each entry that is not on the device as it is wanted, in words without titles; none where the two agree. What
 * others put there, and what has ended, does not matter.
 */
export function differences({ device, wanted, found, sent, now }: Comparison): readonly string[] {
  const ours = new Map(
    (found ?? []).filter(({ id }) => id.startsWith(ownIdPrefix)).map((entry) => [entry.id, entry] as const),
  );
  const words: string[] = [];
  for (const entry of wanted) {
    const expected = device.shows(entry);
    const shown = ours.get(expected.id);
    ours.delete(expected.id);
    const other = shown === undefined ? [] : otherFields(expected, shown);
    if (found !== null && shown === undefined) words.push(`${at(entry.start)} is missing`);
    else if (other.length > 0) words.push(`${at(entry.start)} shows another ${other.join(' and ')}`);
    else if (sent !== null && sent[entry.id] !== digest(entry))
      words.push(`${at(entry.start)} is not confirmed as it is`);
  }
  for (const { start, end } of ours.values()) if (end > now) words.push(`${at(start)} should not be there any more`);
  return words;
}

/** Of a whole entry, since a device does not tell everything back: the organiser, when the button shows. */
export function digest(entry: JoinEntry): string {
  let known = digests.get(entry);
  if (known === undefined) {
    known = createHash('sha256').update(JSON.stringify(entry)).digest('base64url').slice(0, 16);
    digests.set(entry, known);
  }
  return known;
}

/** Status asks for all rooms again and again. */
const digests = new WeakMap<JoinEntry, string>();

function otherFields(expected: DeviceEntry, shown: DeviceEntry): string[] {
  const other: string[] = [];
  if (!isTitle(shown.title, expected.title)) other.push('title');
  if (shown.start !== expected.start) other.push('start');
  if (shown.end !== expected.end) other.push('end');
  if (shown.dial !== expected.dial) other.push('dial string');
  return other;
}

/** How long a title may be no document says for all of them: one that the device cut shorter than we did is right. */
function isTitle(shown: string, expected: string): boolean {
  return shown === expected || (shown !== '' && expected.startsWith(shown));
}

function at(start: number): string {
  return `the meeting at ${new Date(start).toISOString().slice(0, 16)}Z`;
}
