/** Which generation of each room's address secret is in force. The secrets themselves are derived, never stored. */
import { z } from 'zod';
import type { Clock } from '../clock.ts';
import type { Secret } from '../rooms/secret.ts';
import type { Collection, CollectionSpec } from '../store/store.ts';

const record = z.strictObject({
  generation: z.int().min(0),
  /** Until when the address before this one is still good; `null` if it is not. */
  previousUntil: z.number().nullable(),
});
type Generation = z.infer<typeof record>;

export const generationCollection: CollectionSpec<Generation> = {
  name: 'address_secrets',
  schema: record,
  indexes: {},
};

const first: Generation = { generation: 0, previousUntil: null };

export class PanelSecrets {
  readonly #secret: Secret;
  readonly #clock: Clock;
  readonly #collection: Collection<Generation>;
  readonly #generations = new Map<string, Generation>();

  private constructor(secret: Secret, clock: Clock, collection: Collection<Generation>) {
    this.#secret = secret;
    this.#clock = clock;
    this.#collection = collection;
  }

  static async open(secret: Secret, clock: Clock, collection: Collection<Generation>): Promise<PanelSecrets> {
    const secrets = new PanelSecrets(secret, clock, collection);
    for (const { key, value } of await collection.find({ limit: 10_000 })) secrets.#generations.set(key, value);
    return secrets;
  }

  /** Those that open the room's pages, the one to hand out first. */
  of(roomId: string): readonly string[] {
    const { generation, previousUntil } = this.#generations.get(roomId) ?? first;
    const current = this.#secret.roomSecret(roomId, generation);
    const previousCounts = previousUntil !== null && this.#clock.now() < previousUntil;
    return previousCounts ? [current, this.#secret.roomSecret(roomId, generation - 1)] : [current];
  }

  /** Makes a new address; the old one is good for `graceMs` more, so that panels can be changed over. */
  async rotate(roomId: string, graceMs: number): Promise<void> {
    const { generation } = this.#generations.get(roomId) ?? first;
    const next = { generation: generation + 1, previousUntil: graceMs > 0 ? this.#clock.now() + graceMs : null };
    await this.#collection.put(roomId, next);
    this.#generations.set(roomId, next);
  }
}
