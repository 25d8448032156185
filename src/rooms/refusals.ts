/**
 * What tenants refused to guests, so that a button that would only fail is not offered again. A policy may change: what
 * was refused is forgotten after `keepMs`, and at once when a guest got as far as the lobby by the same way.
 */
import { createHash } from 'node:crypto';
import { z } from 'zod';
import { isRefusal, ownLegs, type Refusal } from '../../media/guest/choose.ts';
import { type Outcome, outcomes } from '../../media/guest/guest.ts';
import { consumerTenant } from '../../parsers/teams.ts';
import type { Clock } from '../clock.ts';
import { removeOlderThan } from '../store/cleanup.ts';
import type { Collection, CollectionSpec, Store } from '../store/store.ts';
import type { MeetingTarget, PlannedEntry } from './plan.ts';

const refusalSchema = z.object({
  /** Whose refusal it is; see `subjectOf`. */
  subject: z.string(),
  leg: z.string(),
  outcome: z.enum(outcomes),
  /** Milliseconds since 1970. */
  at: z.number(),
  /** When it is forgotten. */
  until: z.number(),
});
export type StoredRefusal = z.infer<typeof refusalSchema>;

export const refusalCollection: CollectionSpec<StoredRefusal> = {
  name: 'refusals',
  schema: refusalSchema,
  indexes: { until: (refusal) => refusal.until },
};

/** A week: long enough not to annoy, short enough for a changed policy to be found out. */
export const keepMs = 7 * 24 * 60 * 60_000;
/** More than these are not kept in mind; the oldest go first. */
const most = 10_000;

/**
 * Whose policy it was: the tenant's where the invite names it. Short links name none, and their host is every tenant's
 * alike; there the organiser's mail domain stands for it, and where that is missing too, the meeting for itself. Personal
 * accounts have one service and one policy.
 */
export function subjectOf(meeting: MeetingTarget): string {
  const { tenantId, tenancy, cloud, organizerDomain } = meeting;
  if (cloud === 'consumer' || tenancy === 'consumer' || tenantId === consumerTenant) return 'personal Teams accounts';
  if (tenantId !== null) return `tenant ${tenantId.toLowerCase()}`;
  return organizerDomain === null ? meetingSubject(meeting) : `organisers at ${organizerDomain}`;
}

/** Protection is a choice of each meeting, so it says nothing of its tenant's others. Links hold passcodes: hashed. */
function meetingSubject({ threadId, meetingId, url }: MeetingTarget): string {
  const name = threadId ?? meetingId ?? url ?? '';
  return `meeting ${createHash('sha256').update(name).digest('hex').slice(0, 16)}`;
}

/** Every name under which something may be known of this meeting. */
export function subjectsOf(meeting: MeetingTarget): readonly string[] {
  return [...new Set([subjectOf(meeting), meetingSubject(meeting)])];
}

/** Whether what is known of `subject` decides on one of these entries. */
export function concerns(subject: string, planned: readonly PlannedEntry[]): boolean {
  return planned.some(({ guest, refused }) => {
    const meeting = guest?.meeting ?? refused?.meeting;
    return meeting !== undefined && subjectsOf(meeting).includes(subject);
  });
}

export class Refusals {
  readonly #collection: Collection<StoredRefusal>;
  readonly #clock: Clock;
  readonly #failed: (error: unknown) => void;
  readonly #listeners = new Set<(subject: string) => void>();
  #known = new Map<string, StoredRefusal>();
  /** Writes and readings of the store, one after the other, so that none undoes what another has just learnt. */
  #turn: Promise<void> = Promise.resolve();

  private constructor(collection: Collection<StoredRefusal>, clock: Clock, failed: (error: unknown) => void) {
    this.#collection = collection;
    this.#clock = clock;
    this.#failed = failed;
  }

  /** Takes up what the store kept. `failed` hears what could not be stored: a call never fails by it. */
  static async open(store: Store, clock: Clock, failed: (error: unknown) => void): Promise<Refusals> {
    const opened = new Refusals(await store.collection(refusalCollection), clock, failed);
    await opened.follow();
    return opened;
  }

  /** What was refused to guests of this meeting or of its tenant, and is not forgotten yet. */
  of(meeting: MeetingTarget): readonly Refusal[] {
    const now = this.#clock.now();
    return subjectsOf(meeting)
      .flatMap((subject) => ownLegs.flatMap((leg) => this.#known.get(keyOf(subject, leg)) ?? []))
      .filter(({ until }) => until > now);
  }

  /** All of them, newest first. */
  all(): readonly StoredRefusal[] {
    const now = this.#clock.now();
    return [...this.#known.values()].filter(({ until }) => until > now).toSorted((a, b) => b.at - a.at);
  }

  /** Called with the subject whenever what is known of it has changed. */
  onChange(listener: (subject: string) => void): void {
    this.#listeners.add(listener);
  }

  /** Does nothing where the outcome is no refusal. Never rejects. */
  async remember(meeting: MeetingTarget, leg: string, outcome: Outcome): Promise<void> {
    if (!isRefusal(leg, outcome)) return;
    const ofMeeting = outcome === 'watermark-or-encryption-required';
    const subject = ofMeeting ? meetingSubject(meeting) : subjectOf(meeting);
    const at = this.#clock.now();
    const refusal: StoredRefusal = { subject, leg, outcome, at, until: at + keepMs };
    this.#known.set(keyOf(subject, leg), refusal);
    this.#tell([subject]);
    await this.#write(() => this.#collection.put(keyOf(subject, leg), refusal));
  }

  /** A guest came in by this way: whatever was refused to it here no longer counts. Never rejects. */
  async forget(meeting: MeetingTarget, leg: string): Promise<void> {
    for (const subject of subjectsOf(meeting)) {
      const key = keyOf(subject, leg);
      if (!this.#known.delete(key)) continue;
      this.#tell([subject]);
      await this.#write(() => this.#collection.remove(key));
    }
  }

  /** Forgets all of them, for an administrator who knows that a policy was changed. @returns how many */
  async forgetAll(): Promise<number> {
    const known = [...this.#known];
    this.#known.clear();
    this.#tell(new Set(known.map(([, { subject }]) => subject)));
    await this.#inTurn(async () => {
      for (const [key] of known) await this.#collection.remove(key);
    });
    return known.length;
  }

  /** Takes up what other processes have stored, and drops what is over. */
  follow(): Promise<void> {
    return this.#inTurn(() => this.#read());
  }

  async #read(): Promise<void> {
    const now = this.#clock.now();
    const stored = await this.#collection.find({
      range: { index: 'until', from: now },
      orderBy: { index: 'until', direction: 'descending' },
      limit: most,
    });
    const before = this.#known;
    this.#known = new Map(stored.map(({ key, value }) => [key, value]));
    const changed = [...before, ...this.#known].filter(([key]) => before.get(key)?.at !== this.#known.get(key)?.at);
    this.#tell(new Set(changed.map(([, { subject }]) => subject)));
  }

  /** Removes what is over from the store. */
  cleanUp(): Promise<number> {
    return removeOlderThan(this.#collection, 'until', this.#clock.now());
  }

  #inTurn(work: () => Promise<void>): Promise<void> {
    const done = this.#turn.then(work);
    this.#turn = done.catch(() => undefined);
    return done;
  }

  async #write(write: () => Promise<unknown>): Promise<void> {
    try {
      await this.#inTurn(async () => void (await write()));
    } catch (error) {
      this.#failed(error);
    }
  }

  #tell(subjects: Iterable<string>): void {
    for (const subject of subjects) for (const listener of this.#listeners) listener(subject);
  }
}

function keyOf(subject: string, leg: string): string {
  return `${leg} ${subject}`;
}
