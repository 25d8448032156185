/** Which rooms there are: from the tenant's directory of places, or from a table that an administrator keeps. */
import { parse } from 'csv-parse/sync';
import { IANAZone } from 'luxon';
import { findIana } from 'windows-iana';
import { z } from 'zod';
import { CalendarUnavailable } from '../calendar.ts';
import { type GraphApi, GraphRefusal, mostInBatch } from './api.ts';

export interface RoomListing {
  /** SMTP address of the mailbox, lower case. */
  email: string;
  name: string;
  /** IANA name; `null` where nothing says so. */
  timeZone: string | null;
}

export interface RoomImport {
  /** By address. */
  rooms: readonly RoomListing[];
  /** What could not be read, with what to do. */
  problems: readonly string[];
}

const placesSchema = z.object({
  value: z.array(z.object({ emailAddress: z.string().nullish(), displayName: z.string().nullish() })),
  '@odata.nextLink': z.string().nullish(),
});
const settingsSchema = z.object({ timeZone: z.string().nullish() });
const mostRooms = 50_000;

/**
 * All rooms of the tenant (`Place.Read.All`), with the time zones of their mailboxes (`MailboxSettings.Read`; without
 * that permission the zones are left out and a problem says so).
 * @throws CalendarUnavailable
 */
export async function roomsFromPlaces(api: GraphApi, signal: AbortSignal): Promise<RoomImport> {
  const rooms = await listPlaces(api, signal);
  /** Rooms by what kept their zone from being read: one missing permission is one sentence, not one for each room. */
  const reasons = new Map<string, string[]>();
  for (let from = 0; from < rooms.length; from += mostInBatch) {
    signal.throwIfAborted();
    const some = rooms.slice(from, from + mostInBatch);
    const answers = await api.batch(
      some.map(({ email }) => ({
        mailbox: email,
        url: `/users/${encodeURIComponent(email)}/mailboxSettings?$select=timeZone`,
        headers: {},
      })),
      signal,
    );
    for (const [index, room] of some.entries()) {
      const answer = answers[index];
      const settings = answer?.ok === true ? settingsSchema.safeParse(answer.body) : null;
      room.timeZone = ianaName(settings?.data?.timeZone ?? null);
      if (room.timeZone !== null) continue;
      const why =
        answer?.ok === false
          ? answer.error.message
          : `its zone ${JSON.stringify(settings?.data?.timeZone ?? null)} is unknown`;
      const reason = why.replaceAll(room.email, 'the mailbox');
      reasons.set(reason, [...(reasons.get(reason) ?? []), room.email]);
    }
  }
  const problems = [...reasons].map(
    ([reason, those]) =>
      `${some(those)}: no time zone (${reason}); grant MailboxSettings.Read, or write timeZone in the configuration`,
  );
  return { rooms, problems };
}

/** `a@example.com`, or `a@example.com, b@example.com, c@example.com and 4,997 more rooms`. */
function some(addresses: readonly string[]): string {
  const named = addresses.slice(0, 3).join(', ');
  const rest = addresses.length - 3;
  return rest > 0 ? `${named} and ${rest.toLocaleString('en')} more rooms` : named;
}

async function listPlaces(api: GraphApi, signal: AbortSignal): Promise<RoomListing[]> {
  const rooms = new Map<string, RoomListing>();
  try {
    let next: string | null = '/places/microsoft.graph.room?$top=100';
    while (next !== null && rooms.size < mostRooms) {
      const page: z.infer<typeof placesSchema> = placesSchema.parse(await api.get(next, { mailbox: '', signal }));
      for (const { emailAddress, displayName } of page.value) {
        const email = emailAddress?.trim().toLowerCase();
        if (email) rooms.set(email, { email, name: displayName?.trim() || email, timeZone: null });
      }
      next = page['@odata.nextLink'] ?? null;
    }
  } catch (error) {
    if (error instanceof CalendarUnavailable || signal.aborted) throw error;
    const remedy = error instanceof GraphRefusal && error.status === 403 ? '; grant the app Place.Read.All' : '';
    throw new CalendarUnavailable(
      `the list of rooms could not be read: ${error instanceof Error ? error.message : String(error)}${remedy}`,
      { cause: error },
    );
  }
  return [...rooms.values()].sort((a, b) => (a.email < b.email ? -1 : 1));
}

/** The names that columns have in exports of Exchange, Entra and by hand. */
const columns: Readonly<Record<keyof RoomListing, readonly string[]>> = {
  email: ['email', 'emailaddress', 'mail', 'mailbox', 'primarysmtpaddress', 'userprincipalname', 'address'],
  name: ['name', 'displayname', 'room'],
  timeZone: ['timezone', 'time zone', 'tz', 'workinghourstimezone'],
};

/**
 * A table with a heading: `email`, `name` and `timeZone` (IANA or Windows names), separated by commas, semicolons or
 * tabs, as `Get-Mailbox -RecipientTypeDetails RoomMailbox | Export-Csv` writes it.
 */
export function roomsFromCsv(text: string): RoomImport {
  const problems: string[] = [];
  let rows: string[][];
  try {
    const parsed: unknown = parse(text, {
      bom: true,
      delimiter: delimiterOf(text),
      relax_column_count: true,
      skip_empty_lines: true,
      trim: true,
      max_record_size: 100_000,
    });
    rows = z.array(z.array(z.string())).parse(parsed);
  } catch (error) {
    return {
      rooms: [],
      problems: [`the table cannot be read: ${error instanceof Error ? error.message.slice(0, 200) : String(error)}`],
    };
  }
  // PowerShell writes a line about types before the heading.
  const heading = rows.findIndex((row) => !row[0]?.startsWith('#'));
  const names = (rows[heading] ?? []).map((name) => name.toLowerCase());
  const at = (key: keyof RoomListing): number => names.findIndex((name) => columns[key].includes(name));
  const [email, name, zone] = [at('email'), at('name'), at('timeZone')];
  if (email < 0)
    return {
      rooms: [],
      problems: [
        `the table has no column for addresses; name one of its columns email (found: ${names.slice(0, 10).join(', ')})`,
      ],
    };
  const rooms = new Map<string, RoomListing>();
  for (const [index, row] of rows.slice(heading + 1).entries()) {
    const address = row[email]?.toLowerCase() ?? '';
    const line = `row ${index + 1}`;
    if (!/^[^\s@<>]+@[^\s@<>]+$/.test(address)) {
      problems.push(`${line}: ${JSON.stringify(address.slice(0, 60))} is no address; left out`);
      continue;
    }
    if (rooms.has(address)) problems.push(`${line}: ${address} stands here a second time; the later row counts`);
    const timeZone = ianaName(row[zone] ?? null);
    if (row[zone] && timeZone === null)
      problems.push(
        `${line}: the time zone ${JSON.stringify(row[zone].slice(0, 60))} is unknown; name it as Europe/Oslo is`,
      );
    rooms.set(address, { email: address, name: row[name] || address, timeZone });
  }
  return { rooms: [...rooms.values()], problems };
}

function delimiterOf(text: string): string {
  const line =
    text
      .slice(0, 10_000)
      .split(/\r?\n/)
      .find((candidate) => candidate.trim() !== '' && !/^\ufeff?"?#/.test(candidate)) ?? '';
  const count = (delimiter: string): number => line.split(delimiter).length;
  return [',', ';', '\t'].reduce((best, delimiter) => (count(delimiter) > count(best) ? delimiter : best));
}

/** `null` for a name that neither IANA nor Windows knows. */
function ianaName(name: string | null): string | null {
  if (name === null || name.trim() === '') return null;
  const iana = findIana(name.trim())[0] ?? name.trim();
  return IANAZone.isValidZone(iana) ? iana : null;
}
