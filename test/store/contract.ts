/**
 * The contract of the store port (`src/store/store.ts`), as tests that every implementation runs. A test file calls
 * `storeContract` with a way to open a fresh store and a way to open the same data again.
 */
import assert from 'node:assert/strict';
import { z } from 'zod';
import { removeOlderThan } from '../../src/store/cleanup.ts';
import {
  type Collection,
  type CollectionSpec,
  type Store,
  StoreConflict,
  StoreUnavailable,
} from '../../src/store/store.ts';

export interface StoreContract {
  /** Names the implementation in titles; ends with the tags, as in `the SQLite store @first-run`. */
  name: string;
  /** Opens a store with nothing in it. Tests close what they open; whatever it leaves behind is the caller's to remove. */
  open(): Promise<Store>;
  /** Opens the data of a store that was closed. */
  reopen(closed: Store): Promise<Store>;
}

const bookingSchema = z.object({
  room: z.string(),
  start: z.number(),
  code: z.string().nullable().default(null),
  notes: z.record(z.string(), z.string()).default({}),
});
type Booking = z.infer<typeof bookingSchema>;

const bookings: CollectionSpec<Booking> = {
  name: 'bookings',
  schema: bookingSchema,
  indexes: { room: (b) => b.room, start: (b) => b.start, code: (b) => b.code },
  unique: ['code'],
};

const mixedSchema = z.object({ value: z.union([z.string(), z.number(), z.null()]) });
const mixed: CollectionSpec<z.infer<typeof mixedSchema>> = {
  name: 'mixed_values',
  schema: mixedSchema,
  indexes: { value: (m) => m.value },
};

const booking = (room: string, start: number, code: string | null = null): Booking => ({
  room,
  start,
  code,
  notes: {},
});
const keys = (found: readonly { key: string }[]): string[] => found.map((stored) => stored.key);
const conflict = (reason: StoreConflict['reason']) => (error: unknown) => {
  assert.ok(error instanceof StoreConflict, String(error));
  assert.equal(error.reason, reason);
  return true;
};

export function storeContract(contract: StoreContract): void {
  describe(`${contract.name}: the store's contract`, () => {
    let store: Store;
    let collection: Collection<Booking>;

    beforeEach(async () => {
      store = await contract.open();
      collection = await store.collection(bookings);
    });
    afterEach(() => store.close());

    const reopen = async (): Promise<void> => {
      await store.close();
      store = await contract.reopen(store);
      collection = await store.collection(bookings);
    };

    describe('one document', () => {
      it('is not there before it is inserted, and is there as it was written afterwards', async () => {
        assert.equal(await collection.get('a'), null);
        const inserted = await collection.insert('a', booking('atrium', 5, 'x'));
        assert.deepEqual(inserted, { key: 'a', value: booking('atrium', 5, 'x'), version: 1 });
        assert.deepEqual(await collection.get('a'), inserted);
      });

      it('is inserted once', async () => {
        await collection.insert('a', booking('atrium', 5));
        await assert.rejects(collection.insert('a', booking('library', 6)), conflict('exists'));
        assert.equal((await collection.get('a'))?.value.room, 'atrium');
      });

      it('is replaced at the version that was read, and at no other', async () => {
        await collection.insert('a', booking('atrium', 5));
        const second = await collection.replace('a', booking('library', 6), 1);
        assert.deepEqual(second, { key: 'a', value: booking('library', 6), version: 2 });
        await assert.rejects(collection.replace('a', booking('studio', 7), 1), conflict('version'));
        await assert.rejects(collection.replace('b', booking('studio', 7), 1), conflict('missing'));
        assert.deepEqual(await collection.get('a'), second);
      });

      it('is put whether or not it is there, one version further each time', async () => {
        assert.equal((await collection.put('a', booking('atrium', 5))).version, 1);
        const second = await collection.put('a', booking('library', 6));
        assert.equal(second.version, 2);
        assert.deepEqual(await collection.get('a'), second);
      });

      it('is removed once, and with a version only at that version', async () => {
        await collection.put('a', booking('atrium', 5));
        assert.equal(await collection.remove('a', 2), false);
        assert.equal(await collection.remove('a', 1), true);
        assert.equal(await collection.remove('a'), false);
        assert.equal(await collection.get('a'), null);
        assert.equal((await collection.insert('a', booking('atrium', 5))).version, 1);
      });

      it('lets one of many writers at the same version win', async () => {
        await collection.insert('a', booking('atrium', 0));
        const writers = Array.from({ length: 20 }, (_, n) => collection.replace('a', booking('atrium', n + 1), 1));
        const results = await Promise.allSettled(writers);
        assert.equal(results.filter((r) => r.status === 'fulfilled').length, 1);
        assert.equal((await collection.get('a'))?.version, 2);
      });

      it('lets one of many inserters of a key win', async () => {
        const results = await Promise.allSettled(
          Array.from({ length: 20 }, (_, n) => collection.insert('a', booking('atrium', n))),
        );
        assert.equal(results.filter((r) => r.status === 'fulfilled').length, 1);
        for (const result of results) if (result.status === 'rejected') conflict('exists')(result.reason);
      });

      it('counts every one of many puts at the same time', async () => {
        await Promise.all(Array.from({ length: 20 }, (_, n) => collection.put('a', booking('atrium', n))));
        assert.equal((await collection.get('a'))?.version, 20);
      });
    });

    describe('keys and contents', () => {
      const odd = [
        'a b',
        'A',
        'é',
        'e\u0301',
        '\u{1F4DE}',
        "'; DROP TABLE x; --",
        '$where',
        'a.b',
        'a\u0000b',
        '%',
        '__proto__',
        ' ',
      ];

      it('keeps keys apart by every character, upper and lower case included', async () => {
        for (const [n, key] of odd.entries()) await collection.insert(key, booking(key, n));
        await collection.insert('a', booking('a', 99));
        for (const [n, key] of odd.entries())
          assert.deepEqual((await collection.get(key))?.value, booking(key, n), key);
        for (const [n, key] of odd.entries()) {
          assert.deepEqual(keys(await collection.find({ equal: { room: key } })), [key], `index value ${n}`);
        }
        assert.equal(await collection.count(), odd.length + 1);
      });

      it('keeps any text in a document, names with dots, dollars and NUL included', async () => {
        const notes = Object.fromEntries(odd.filter((key) => key !== '__proto__').map((key) => [key, `${key}\r\n\t"`]));
        const value = { ...booking('atrium', 1), notes };
        await collection.insert('a', value);
        await reopen();
        assert.deepEqual((await collection.get('a'))?.value, value);
      });

      it('keeps numbers as they are', async () => {
        for (const start of [0, -1, 1.5, 2 ** 53 - 1, -(2 ** 53) + 1, 1e300, 5e-324, Date.UTC(2026, 0, 1)]) {
          await collection.put('n', booking('atrium', start));
          assert.equal((await collection.get('n'))?.value.start, start);
          assert.deepEqual(keys(await collection.find({ equal: { start } })), ['n'], `index value ${start}`);
        }
      });

      it('keeps a document of a megabyte', async () => {
        const value = { ...booking('atrium', 1), notes: { long: '\u{1F4DE}é"'.repeat(100_000) } };
        await collection.insert('a', value);
        assert.deepEqual((await collection.get('a'))?.value, value);
      });

      it('refuses a key that is empty, too long or not Unicode', async () => {
        for (const key of ['', 'k'.repeat(1025), '\ud800']) {
          await assert.rejects(collection.insert(key, booking('atrium', 1)), TypeError);
          await assert.rejects(collection.get(key), TypeError);
        }
      });

      it('refuses a document that its schema does not allow, naming what is wrong, and keeps what was there', async () => {
        await collection.insert('a', booking('atrium', 1));
        const wrong = { ...booking('atrium', 1), start: Number.NaN };
        await assert.rejects(collection.put('a', wrong), /"bookings".*"a".*start/s);
        await assert.rejects(collection.replace('a', wrong, 1), TypeError);
        await assert.rejects(collection.insert('b', wrong), TypeError);
        assert.deepEqual(await collection.get('a'), { key: 'a', value: booking('atrium', 1), version: 1 });
        assert.equal(await collection.count(), 1);
      });

      it('gives what it parsed, not the object it was handed', async () => {
        const handed = booking('atrium', 1);
        const { value } = await collection.insert('a', handed);
        handed.notes['later'] = 'changed';
        assert.deepEqual(value.notes, {});
        assert.deepEqual((await collection.get('a'))?.value.notes, {});
      });
    });

    describe('unique values', () => {
      it('are taken by one document, whichever way another tries to write them', async () => {
        await collection.insert('a', booking('atrium', 1, 'x'));
        await collection.insert('b', booking('atrium', 2, 'y'));
        await assert.rejects(collection.insert('c', booking('atrium', 3, 'x')), conflict('unique'));
        await assert.rejects(collection.put('c', booking('atrium', 3, 'x')), conflict('unique'));
        await assert.rejects(collection.put('b', booking('atrium', 3, 'x')), conflict('unique'));
        await assert.rejects(collection.replace('b', booking('atrium', 3, 'x'), 1), conflict('unique'));
        assert.deepEqual(await collection.get('b'), { key: 'b', value: booking('atrium', 2, 'y'), version: 1 });
        assert.equal(await collection.get('c'), null);
      });

      it('may be written again by their own document, and are free when it gives them up', async () => {
        await collection.insert('a', booking('atrium', 1, 'x'));
        await collection.replace('a', booking('atrium', 2, 'x'), 1);
        await collection.put('a', booking('atrium', 3, 'y'));
        await collection.insert('b', booking('atrium', 1, 'x'));
        await collection.remove('a');
        await collection.insert('c', booking('atrium', 1, 'y'));
      });

      it('are not broken by documents without one', async () => {
        await collection.insert('a', booking('atrium', 1));
        await collection.insert('b', booking('atrium', 1));
        assert.deepEqual(keys(await collection.find({ equal: { code: null } })), ['a', 'b']);
      });

      it('are taken once by many writers at the same time', async () => {
        const results = await Promise.allSettled(
          Array.from({ length: 20 }, (_, n) => collection.put(`k${n}`, booking('atrium', n, 'x'))),
        );
        assert.equal(results.filter((r) => r.status === 'fulfilled').length, 1);
        for (const result of results) if (result.status === 'rejected') conflict('unique')(result.reason);
        assert.equal(await collection.count(), 1);
      });
    });

    describe('queries', () => {
      beforeEach(async () => {
        for (const [key, room, start] of [
          ['d', 'atrium', 40],
          ['b', 'atrium', 20],
          ['a', 'library', 30],
          ['c', 'atrium', 20],
          ['e', 'studio', 10],
        ] as const) {
          await collection.insert(key, booking(room, start));
        }
      });

      it('give everything by key when nothing is asked', async () => {
        assert.deepEqual(keys(await collection.find()), ['a', 'b', 'c', 'd', 'e']);
        assert.equal(await collection.count(), 5);
      });

      it('filter by equal values, all of them at once', async () => {
        assert.deepEqual(keys(await collection.find({ equal: { room: 'atrium' } })), ['b', 'c', 'd']);
        assert.deepEqual(keys(await collection.find({ equal: { room: 'atrium', start: 20 } })), ['b', 'c']);
        assert.deepEqual(keys(await collection.find({ equal: { room: 'Atrium' } })), []);
        assert.equal(await collection.count({ equal: { room: 'atrium' } }), 3);
      });

      it('filter by a range that has its beginning and not its end', async () => {
        assert.deepEqual(keys(await collection.find({ range: { index: 'start', from: 20, to: 40 } })), ['a', 'b', 'c']);
        assert.deepEqual(keys(await collection.find({ range: { index: 'start', from: 30 } })), ['a', 'd']);
        assert.deepEqual(keys(await collection.find({ range: { index: 'start', to: 20 } })), ['e']);
        assert.deepEqual(keys(await collection.find({ range: { index: 'room', from: 'b', to: 's' } })), ['a']);
        assert.equal(await collection.count({ range: { index: 'start', from: 20, to: 40 } }), 3);
      });

      it('order by an index, and equals by key', async () => {
        assert.deepEqual(keys(await collection.find({ orderBy: { index: 'start', direction: 'ascending' } })), [
          'e',
          'b',
          'c',
          'a',
          'd',
        ]);
        assert.deepEqual(keys(await collection.find({ orderBy: { index: 'start', direction: 'descending' } })), [
          'd',
          'a',
          'b',
          'c',
          'e',
        ]);
      });

      it('put everything together: filter, range, order and limit', async () => {
        const found = await collection.find({
          equal: { room: 'atrium' },
          range: { index: 'start', from: 10, to: 41 },
          orderBy: { index: 'start', direction: 'descending' },
          limit: 2,
        });
        assert.deepEqual(keys(found), ['d', 'b']);
        assert.deepEqual(found[0], { key: 'd', value: booking('atrium', 40), version: 1 });
      });

      it('follow a document that changes', async () => {
        await collection.replace('a', booking('atrium', 5), 1);
        await collection.put('b', booking('studio', 50));
        await collection.remove('c');
        assert.deepEqual(keys(await collection.find({ equal: { room: 'atrium' } })), ['a', 'd']);
        assert.deepEqual(keys(await collection.find({ range: { index: 'start', from: 45 } })), ['b']);
      });

      it('give 1,000 documents unless told otherwise', async () => {
        await Promise.all(Array.from({ length: 1_100 }, (_, n) => collection.put(`many${n}`, booking('hall', n))));
        assert.equal((await collection.find({ equal: { room: 'hall' } })).length, 1_000);
        assert.equal((await collection.find({ equal: { room: 'hall' }, limit: 1_100 })).length, 1_100);
      });

      it('refuse an index that is not there and limits out of bounds', async () => {
        await assert.rejects(collection.find({ equal: { colour: 'red' } }), /no index "colour".*room, start, code/);
        await assert.rejects(collection.count({ range: { index: 'constructor', from: 1 } }), /no index "constructor"/);
        await assert.rejects(collection.find({ orderBy: { index: 'end', direction: 'ascending' } }), TypeError);
        for (const limit of [0, -1, 1.5, 10_001, Number.NaN])
          await assert.rejects(collection.find({ limit }), TypeError);
        await assert.rejects(collection.find({ range: { index: 'start' } }), TypeError);
        await assert.rejects(collection.find({ range: { index: 'start', from: 1, to: 'b' } }), TypeError);
      });

      it('remove what they match, in their order and up to their limit', async () => {
        const oldest = { equal: { room: 'atrium' }, orderBy: { index: 'start', direction: 'ascending' } } as const;
        assert.equal(await collection.removeMany({ ...oldest, limit: 1 }), 1);
        assert.deepEqual(keys(await collection.find()), ['a', 'c', 'd', 'e']);
        assert.equal(await collection.removeMany(oldest), 2);
        assert.equal(await collection.removeMany(oldest), 0);
        assert.deepEqual(keys(await collection.find()), ['a', 'e']);
      });

      it('remove by age in as many batches as it takes', async () => {
        await Promise.all(
          Array.from({ length: 1_300 }, (_, n) => collection.put(`old${n}`, booking('hall', n - 2_000))),
        );
        assert.equal(await removeOlderThan(collection, 'start', 10), 1_300);
        assert.equal(await collection.count(), 5);
      });
    });

    describe('values of different kinds in one index', () => {
      const values = ['b', 5, null, '', 'a', -1, '5', '\u{1F4DE}', '\uFFFD'];

      it('are told apart, and order as null, numbers, strings by code point', async () => {
        const all = await store.collection(mixed);
        for (const [n, value] of values.entries()) await all.insert(`k${n}`, { value });
        const ordered = await all.find({ orderBy: { index: 'value', direction: 'ascending' } });
        assert.deepEqual(
          ordered.map((stored) => stored.value.value),
          [null, -1, 5, '', '5', 'a', 'b', '\uFFFD', '\u{1F4DE}'],
        );
        for (const [n, value] of values.entries()) {
          assert.deepEqual(keys(await all.find({ equal: { value } })), [`k${n}`], JSON.stringify(value));
        }
      });

      it('are in a range only when they are of its kind', async () => {
        const all = await store.collection(mixed);
        for (const [n, value] of values.entries()) await all.insert(`k${n}`, { value });
        const inRange = async (range: { from?: string | number; to?: string | number }): Promise<unknown[]> => {
          const found = await all.find({
            range: { index: 'value', ...range },
            orderBy: { index: 'value', direction: 'ascending' },
          });
          return found.map((stored) => stored.value.value);
        };
        assert.deepEqual(await inRange({ from: -5 }), [-1, 5]);
        assert.deepEqual(await inRange({ to: 1_000 }), [-1, 5]);
        assert.deepEqual(await inRange({ to: 'b' }), ['', '5', 'a']);
        assert.deepEqual(await inRange({ from: 'b' }), ['b', '\uFFFD', '\u{1F4DE}']);
      });
    });

    describe('over time', () => {
      it('keeps documents, versions and unique values when closed and opened again', async () => {
        await collection.insert('a', booking('atrium', 1, 'x'));
        await collection.put('a', booking('atrium', 2, 'x'));
        await collection.insert('b', booking('library', 3));
        await reopen();
        assert.deepEqual(await collection.get('a'), { key: 'a', value: booking('atrium', 2, 'x'), version: 2 });
        assert.deepEqual(keys(await collection.find({ equal: { room: 'library' } })), ['b']);
        await assert.rejects(collection.insert('c', booking('atrium', 1, 'x')), conflict('unique'));
      });

      it('keeps collections apart, and opens the same one twice', async () => {
        const twin = await store.collection(bookings);
        const others = await store.collection({ ...bookings, name: 'other_bookings' });
        await collection.insert('a', booking('atrium', 1, 'x'));
        assert.equal((await twin.get('a'))?.version, 1);
        assert.equal(await others.get('a'), null);
        await others.insert('a', booking('library', 2, 'x'));
        await others.removeMany({});
        assert.equal(await collection.count(), 1);
      });

      it('finds old documents by an index that a newer spec adds, and forgets one that it drops', async () => {
        await collection.insert('a', booking('atrium', 1));
        await store.close();
        store = await contract.reopen(store);
        const first = await store.collection({ ...bookings, unique: [], indexes: { day: (b) => b.start % 7 } });
        assert.deepEqual(keys(await first.find({ equal: { day: 1 } })), ['a']);
        await assert.rejects(first.find({ equal: { room: 'atrium' } }), /no index "room"/);
        await first.insert('b', booking('atrium', 2, 'x'));
        await reopen();
        assert.deepEqual(keys(await collection.find({ equal: { room: 'atrium' } })), ['a', 'b']);
        await assert.rejects(collection.insert('c', booking('atrium', 1, 'x')), conflict('unique'));
      });

      it('refuses to make an index unique over documents that share a value', async () => {
        const loose = { ...bookings, name: 'loose', unique: [] };
        const before = await store.collection(loose);
        await before.insert('a', booking('atrium', 1, 'x'));
        await before.insert('b', booking('atrium', 1, 'x'));
        await store.close();
        store = await contract.reopen(store);
        await assert.rejects(store.collection({ ...loose, unique: ['code'] }), conflict('unique'));
        assert.equal(await (await store.collection(loose)).count(), 2);
      });

      it('names the document that a schema no longer allows', async () => {
        await collection.insert('a', booking('atrium', 1));
        await store.close();
        store = await contract.reopen(store);
        const stricter = { ...bookings, schema: bookingSchema.refine((b) => b.start > 1, 'starts too early') };
        const strict = await store.collection(stricter);
        const says = (error: unknown): boolean =>
          error instanceof StoreUnavailable && /"a".*"bookings".*starts too early/s.test(error.message);
        await assert.rejects(strict.get('a'), says);
        await assert.rejects(strict.find(), says);
      });

      it('refuses specs that it cannot keep', async () => {
        for (const name of ['', 'Rooms', 'a-b', 'a"b', '_a', 'sqlite;']) {
          await assert.rejects(store.collection({ ...bookings, name }), TypeError);
        }
        await assert.rejects(store.collection({ ...bookings, name: 'bad', unique: ['colour'] }), /"colour"/);
        await assert.rejects(
          store.collection({ ...bookings, name: 'bad', unique: [], indexes: { 'a b': () => 1 } }),
          TypeError,
        );
        await assert.rejects(
          store.collection({ ...bookings, indexes: { room: (b) => b.room }, unique: [] }),
          /other indexes/,
        );
      });

      it('answers StoreUnavailable once it is closed, and may be closed twice', async () => {
        await store.close();
        await store.close();
        await assert.rejects(collection.get('a'), StoreUnavailable);
        await assert.rejects(collection.put('a', booking('atrium', 1)), StoreUnavailable);
        await assert.rejects(store.collection(bookings), StoreUnavailable);
      });

      it('describes itself without secrets', () => {
        assert.match(store.description, /^\w+ \S/);
        assert.doesNotMatch(store.description, /password|:[^/@]*@/);
      });
    });
  });
}
