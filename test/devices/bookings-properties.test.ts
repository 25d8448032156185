/** Whatever a meeting is called and dials, and whatever others book: the strict simulators take it, and show it as foretold. */
import assert from 'node:assert/strict';
import fc from 'fast-check';
import { CiscoDevice } from '../../connectors/devices/cisco/device.ts';
import type { JoinEntry, PushedDevice } from '../../connectors/devices/device.ts';
import { WebexAccount } from '../../connectors/devices/webex/account.ts';
import { WebexDevice } from '../../connectors/devices/webex/device.ts';
import { putBody } from '../../connectors/devices/xapi/booking.ts';
import { readListing } from '../../connectors/devices/xapi/listing.ts';
import { treeOf } from '../../connectors/devices/xapi/tree.ts';
import { type HeldBooking, readPut } from '../../fixtures/codec/bookings.ts';
import { Codec, type CodecOptions } from '../../fixtures/codec/codec.ts';
import { foreignBooking } from '../../fixtures/codec/foreign.ts';
import { WebexCloud } from '../../fixtures/webex/webex.ts';
import { systemClock } from '../../src/clock.ts';
import { joinEntry } from './contract.ts';

const never = new AbortController().signal;
const minute = 60_000;
const soon = Math.ceil(Date.now() / minute) * minute + 10 * minute;
const numRuns = process.env['USHER_LONG'] === '1' ? 500 : 15;

/** Whole characters, halves of characters, control characters, and what means something to XML or JSON. */
const hostile = fc.oneof(
  fc.string({ unit: 'binary', maxLength: 300 }),
  fc.string({
    unit: fc.constantFrom('&', '<', '>', '"', "'", ']]>', '\\', '\0', '\r', '\n', '\ud800', '\udc00', 'é', '🎉'),
    maxLength: 200,
  }),
);
const dial = fc.oneof(
  fc.constant(null),
  fc.record({
    address: fc
      .tuple(fc.constantFrom('sip:', 'sips:', 'h323:', ''), fc.oneof(hostile, fc.emailAddress()))
      .map((parts) => parts.join('')),
    protocol: fc.constantFrom('sip' as const, 'h323' as const),
  }),
);
const entry: fc.Arbitrary<JoinEntry> = fc
  .record({
    number: fc.nat(),
    title: hostile,
    organizer: fc.option(fc.record({ name: hostile, email: fc.option(hostile) })),
    note: fc.option(hostile),
    after: fc.integer({ min: 0, max: 6 * 1440 * minute }),
    lasts: fc.integer({ min: 0, max: 1440 * minute }),
    lead: fc.integer({ min: 0, max: 240 * minute }),
    dial,
    privacy: fc.constantFrom('public' as const, 'private' as const),
  })
  .map(({ number, after, lasts, lead, ...rest }) => {
    const start = soon + after;
    const end = start + lasts;
    return joinEntry({ ...rest, id: `usher-${number}`, start, end, buttonFrom: start - lead, buttonUntil: end + lead });
  });

/** As a device holds text: it came by XML or JSON, and its ends were trimmed. */
const heldText = (most: number) =>
  hostile.map((text) =>
    text
      .toWellFormed()
      .replace(/[\p{Cc}\ufffe\uffff]/gu, ' ')
      .slice(0, most)
      .toWellFormed()
      .trim(),
  );
const foreign: fc.Arbitrary<HeldBooking> = fc
  .record({
    id: fc.nat().map((n) => `tms-${n}`),
    title: heldText(200).map((text) => text || 'Theirs'),
    agenda: heldText(500),
    privacy: fc.constantFrom('Public' as const, 'Private' as const),
    email: heldText(100),
    name: fc.constantFrom('Front Desk', 'Desk', 'Front & "Desk" <1>'),
    protocol: fc.constantFrom('SIP', 'H323', 'ISDN', 'IP', 'Spark', 'None', 'WebRTC'),
    startBuffer: fc.nat({ max: 7200 }),
    endBuffer: fc.nat({ max: 7200 }),
    after: fc.nat({ max: 9000 }),
    lasts: fc.integer({ min: 1, max: 600 }),
    callType: fc.constantFrom('Audio', 'Video'),
    encryption: fc.constantFrom('BestEffort', 'On', 'Off'),
  })
  .map(({ email, name, after, lasts, protocol, callType, ...rest }) => {
    const start = soon + after * minute;
    const dials = protocol === 'SIP' || protocol === 'H323' || protocol === 'Spark';
    return foreignBooking({
      ...rest,
      start,
      end: start + lasts * minute,
      organizer: { name, email },
      protocol,
      number: protocol === 'None' ? '' : '4711&<x>@bridge.example.net',
      platform: protocol === 'WebRTC' ? 'MicrosoftTeams' : '',
      callType: dials ? callType : 'Video',
    });
  });

interface Place {
  device: PushedDevice;
  hold(bookings: readonly HeldBooking[]): void;
  held(): readonly HeldBooking[];
  close(): Promise<void>;
}

async function onCodec(options: CodecOptions): Promise<Place> {
  const codec = await Codec.start(options);
  const tls = { kind: 'authority', ca: codec.ca } as const;
  const account = { username: 'usher', password: 'simulated', tls, clock: systemClock, requestTimeoutMs: 60_000 };
  const device = new CiscoDevice({ id: 'oslo/0', address: '127.0.0.1', port: codec.port, ...account });
  return {
    device,
    hold: (bookings) => {
      codec.bookings = structuredClone([...bookings]);
    },
    held: () => codec.bookings,
    close: async () => {
      await device.close();
      await codec.close();
    },
  };
}

async function inCloud(): Promise<Place> {
  const cloud = await WebexCloud.start();
  const held = cloud.add('device-1');
  const credential = { kind: 'token', token: cloud.issueToken() } as const;
  const account = new WebexAccount({
    baseUrl: cloud.baseUrl,
    credential,
    clock: systemClock,
    requestTimeoutMs: 60_000,
  });
  return {
    device: new WebexDevice({ id: 'oslo/0', deviceId: 'device-1', account, clock: systemClock }),
    hold: (bookings) => {
      held.bookings = structuredClone([...bookings]);
    },
    held: () => held.bookings,
    close: async () => {
      await account.close();
      await cloud.close();
    },
  };
}

const places: readonly [string, () => Promise<Place>][] = [
  ['Bookings Put', () => onCodec({ generation: 'roomos11' })],
  ['bookingsputxml', () => onCodec({ generation: 'ce9.15', registeredWithWebex: false })],
  ['Bookings.Put through the Webex cloud', inCloud],
];

for (const [way, open] of places) {
  describe(`any booking by ${way} @devices`, function () {
    this.timeout(600_000);
    let place: Place;
    before(async () => {
      place = await open();
    });
    after(() => place.close());

    const list = (most: number) => fc.uniqueArray(entry, { maxLength: most, selector: ({ id }) => id });

    it('is taken, shows as foretold, and leaves what others booked as it was', async () => {
      const theirs = fc.uniqueArray(foreign, { maxLength: 6, selector: ({ id }) => id });
      await fc.assert(
        fc.asyncProperty(list(6), theirs, async (entries, others) => {
          place.hold(others);
          await place.device.replace(entries, never);
          const ours = (await place.device.list(never)).filter(({ id }) => id.startsWith('usher-'));
          assert.deepEqual(
            ours,
            entries.map((one) => place.device.shows(one)),
          );
          const kept = () => place.held().filter(({ id }) => !id.startsWith('usher-'));
          assert.deepEqual(kept(), others);
          for (const [index, { start, dial: target }] of entries.entries()) {
            const held = place.held().find(({ id }) => id === entries[index]?.id);
            assert.ok(held && held.start <= start && start - held.start < 1000 && held.start % 1000 === 0);
            const number = (target?.address ?? '').replace(/^(sips?|h323):/i, '').trim();
            assert.ok(held.number === '' || held.number === number, 'whole, or not at all');
            assert.equal(held.protocol === 'None', held.number === '');
            assert.ok(held.title.length <= 128 && held.title !== '');
          }
          await place.device.replace([], never);
          assert.deepEqual(place.held(), others);
        }),
        { numRuns },
      );
    });
  });
}

describe('a booking of others that lacks what Bookings Put asks for @devices', () => {
  it('goes back all the same, so that it keeps none of ours from the device', () => {
    const listed = treeOf('BookingsListResult', {
      Booking: {
        Id: 'theirs',
        Title: '',
        MeetingPlatform: 'Unheard Of',
        Encryption: 'Perhaps',
        Time: { StartTime: '2026-03-02T09:00:00Z', EndTime: '2026-03-02T09:00:30Z' },
        DialInfo: { Calls: { Call: { Number: '', Protocol: 'Sip', CallType: 'Unknown' } } },
      },
    });
    const bookings = readListing(listed).map(({ booking }) => booking);
    const [held] = readPut(JSON.stringify(putBody(bookings)));
    assert.deepEqual([held?.id, held?.number, held?.protocol], ['theirs', '', 'None']);
  });
});
