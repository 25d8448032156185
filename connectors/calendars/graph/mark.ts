/**
 * What write-back leaves on an item: a piece of text that devices read, and beside it a named property that says which
 * piece is ours, so that it can be found, changed and taken away again, and is never taken for what the organiser wrote.
 */
import { z } from 'zod';
import { hasText, withoutPlainText, withoutText } from './own-text.ts';

/** Where the text goes: what a device shows decides. */
export type MarkPlace = 'location' | 'body';

/** GUID of the property set PublicStrings. */
export const markPropertyId = 'String {00020329-0000-0000-C000-000000000046} Name UsherMark';

const markSchema = z.object({
  place: z.enum(['location', 'body']),
  /** The text that is ours: of a location as it stands there, of a body its words, whatever the markup around them. */
  piece: z.string(),
  /** How often it was written because it had vanished. */
  again: z.number(),
  /** Somebody else keeps changing it: left alone for good. */
  left: z.boolean(),
});
export type MarkState = z.infer<typeof markSchema>;

const itemSchema = z.object({
  location: z.object({ displayName: z.string().nullish() }).nullish(),
  body: z.object({ content: z.string().nullish() }).nullish(),
  singleValueExtendedProperties: z.array(z.object({ id: z.string(), value: z.string() })).nullish(),
});

/** The state that an item carries; `null` where we never wrote on it, or have taken back what we wrote. */
export function markOf(item: unknown): MarkState | null {
  const parsed = itemSchema.safeParse(item);
  const property = parsed.data?.singleValueExtendedProperties?.find(
    ({ id }) => id.toLowerCase() === markPropertyId.toLowerCase(),
  );
  if (property === undefined) return null;
  try {
    const state = markSchema.safeParse(JSON.parse(property.value));
    return state.success ? state.data : null;
  } catch {
    return null;
  }
}

/** What stands at the place now. */
export function textAt(item: unknown, place: MarkPlace): string {
  const { data } = itemSchema.safeParse(item);
  return (place === 'location' ? data?.location?.displayName : data?.body?.content) ?? '';
}

/** Whether our piece stands in a text. */
export function stands({ place, piece }: MarkState, text: string): boolean {
  return place === 'location' ? text.includes(piece) : hasText(text, piece);
}

/** A text without our piece. */
export function withoutPiece({ place, piece }: MarkState, text: string): string {
  return place === 'location' ? text.replace(piece, '') : withoutText(text, piece);
}

/** The item as it was before we wrote on it. */
export function withoutMark(item: unknown): unknown {
  const state = markOf(item);
  if (state === null || state.piece === '' || typeof item !== 'object' || item === null) return item;
  const clean = (value: unknown, text: (of: string) => string): unknown => {
    if (typeof value === 'string') return text(value);
    if (Array.isArray(value)) return value.map((one) => clean(one, text));
    if (typeof value !== 'object' || value === null) return value;
    return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, clean(inner, text)]));
  };
  const piece = (text: string): string => withoutPiece(state, text);
  const places: Readonly<Record<string, (text: string) => string>> =
    state.place === 'location'
      ? { location: piece, locations: piece }
      : { body: piece, bodyPreview: (text) => withoutPlainText(text, state.piece) };
  return Object.fromEntries(
    Object.entries(item).map(([key, value]) => {
      const text = Object.hasOwn(places, key) ? places[key] : undefined;
      return [key, text === undefined ? value : clean(value, text)];
    }),
  );
}
