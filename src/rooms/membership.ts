/**
 * Which processes share a store, and whether this one may still act for them. Each process beats in a document of its own;
 * the others watch its version. Nobody compares clocks across machines: a process counts as dead when an observer has
 * seen no beat for `ttl` on the observer's own monotonic clock, and it stops acting by itself a little before that can be.
 */
import { randomUUID } from 'node:crypto';
import type { BaseLogger } from 'pino';
import { z } from 'zod';
import type { Cancel, Clock } from '../clock.ts';
import { type Collection, type CollectionSpec, StoreConflict } from '../store/store.ts';

const memberSchema = z.object({
  /** Counts up, so that each beat is a write. */
  beats: z.number(),
  /** Declared dead by another process: whoever finds this of itself has lost everything it held. */
  out: z.boolean(),
});
export type Member = z.infer<typeof memberSchema>;

export const memberCollection: CollectionSpec<Member> = { name: 'members', schema: memberSchema, indexes: {} };

export interface MembershipOptions {
  members: Collection<Member>;
  clock: Clock;
  log: Pick<BaseLogger, 'info' | 'warn'>;
  /** Part of the process's name in the store, for people who read it: a host name. */
  name: string;
  /** Milliseconds without a beat after which others take a process for dead. */
  ttl: number;
  /** Called when this process may no longer act: it could not beat in time, or was declared dead. */
  onExpired(): void;
}

/** The part of `ttl` in which a process acts on one beat: the rest is for clocks that run at slightly different speeds. */
const ownShare = 0.9;

interface Observation {
  version: number;
  since: number;
}

export class Membership {
  readonly #options: MembershipOptions;
  readonly #observed = new Map<string, Observation>();
  #id: string;
  #version = 0;
  #beats = 0;
  #validUntil = Number.NEGATIVE_INFINITY;
  #validUntilWall = Number.NEGATIVE_INFINITY;
  #cancelExpiry: Cancel = () => {};

  constructor(options: MembershipOptions) {
    this.#options = options;
    this.#id = newId(options.name);
  }

  /** The name under which this process holds leases now; another one after it was declared dead. */
  get id(): string {
    return this.#id;
  }

  /**
   * True while no other process can have taken this one for dead. The wall clock is asked as well, because the monotonic
   * one stands still while a machine is suspended; a wall clock that is set forward only makes this process wait for a beat.
   */
  valid(): boolean {
    const { clock } = this.#options;
    return clock.monotonic() < this.#validUntil && clock.now() < this.#validUntilWall;
  }

  /** @throws StoreUnavailable; the process then goes on until its last beat is too old */
  async beat(): Promise<void> {
    const { members, clock, log, onExpired } = this.#options;
    // Counted from before the write: the others see it later than this at the earliest.
    const sent = clock.monotonic();
    const sentWall = clock.now();
    try {
      const member = { beats: ++this.#beats, out: false };
      const stored =
        this.#version === 0
          ? await members.insert(this.#id, member)
          : await members.replace(this.#id, member, this.#version);
      this.#version = stored.version;
    } catch (error) {
      if (!(error instanceof StoreConflict)) throw error;
      log.warn({ member: this.#id }, 'other processes took this one for dead: it begins anew');
      this.#expire();
      this.#id = newId(this.#options.name);
      this.#version = 0;
      onExpired();
      return this.beat();
    }
    this.#validUntil = sent + this.#options.ttl * ownShare;
    this.#validUntilWall = sentWall + this.#options.ttl * ownShare;
    this.#cancelExpiry();
    this.#cancelExpiry = clock.after(this.#validUntil - clock.monotonic(), () => {
      if (this.valid()) return;
      log.warn({ member: this.#id }, 'the store could not be reached in time: this process stops acting for its rooms');
      onExpired();
    });
  }

  /**
   * Who is there, this process included. Declares dead who has not beaten for too long.
   * @returns ids of the living
   */
  async survey(): Promise<ReadonlySet<string>> {
    const { members, clock, log, ttl } = this.#options;
    const found = await members.find({ limit: 10_000 });
    const now = clock.monotonic();
    const alive = new Set([this.#id]);
    for (const { key, value, version } of found) {
      if (key === this.#id) continue;
      const before = this.#observed.get(key);
      const seen = before?.version === version ? before : { version, since: now };
      this.#observed.set(key, seen);
      if (value.out) {
        // Everybody has seen by now that it is gone; its leases are free by its absence.
        if (now - seen.since >= ttl) await members.remove(key, version);
      } else if (now - seen.since < ttl) alive.add(key);
      else if (!(await this.#declareDead(key, value, version))) alive.add(key);
      else log.warn({ member: key, silentForMs: Math.round(now - seen.since) }, 'a process of this house is gone');
    }
    const present = new Set(found.map(({ key }) => key));
    for (const key of this.#observed.keys()) if (!present.has(key)) this.#observed.delete(key);
    return alive;
  }

  /** Leaves: others see at once that this process holds nothing. */
  async leave(): Promise<void> {
    this.#expire();
    if (this.#version > 0) await this.#options.members.remove(this.#id);
  }

  async #declareDead(key: string, member: Member, version: number): Promise<boolean> {
    try {
      await this.#options.members.replace(key, { ...member, out: true }, version);
      return true;
    } catch (error) {
      if (error instanceof StoreConflict) return false; // It beat just now, or somebody else was first.
      throw error;
    }
  }

  #expire(): void {
    this.#cancelExpiry();
    this.#validUntil = Number.NEGATIVE_INFINITY;
  }
}

function newId(name: string): string {
  return `${name}/${randomUUID()}`;
}
