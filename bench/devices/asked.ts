/** What the bench `devices` and the process of its video systems say to each other. */
import { z } from 'zod';

/** Every fifth is one that dies now and then. */
export const whoSchema = z.enum(['all', 'doomed', 'others']);
export type Who = z.infer<typeof whoSchema>;

/** Ways to die. */
export const deathSchema = z.enum([
  'take the connection and never answer',
  'answer half and hang',
  'refuse the connection',
  'take ten seconds for TLS',
]);
export type Death = z.infer<typeof deathSchema>;

export function isDoomed(index: number): boolean {
  return index % 5 === 0;
}

/** Title of a meeting. Lists are told apart by the number of the change. */
export function titleOf(meeting: number, change: number): string {
  return `Meeting ${meeting} change ${change}`;
}

export const askedSchema = z.discriminatedUnion('ask', [
  /** Answered once so many video systems listen. */
  z.object({ ask: z.literal('start'), count: z.number(), host: z.string() }),
  /** Answered once those hold the list of that change. */
  z.object({ ask: z.literal('hold'), who: whoSchema, change: z.number(), meetings: z.number() }),
  z.object({ ask: z.literal('die'), death: deathSchema }),
  z.object({ ask: z.literal('live') }),
  z.object({ ask: z.literal('figures'), who: whoSchema }),
  z.object({ ask: z.literal('end') }),
]);
export type Asked = z.infer<typeof askedSchema>;

/** Every answer carries all of it: ports in order, requests of those asked for so far, CPU of the process so far. */
export const answeredSchema = z.object({
  ports: z.array(z.number()),
  requests: z.number(),
  cpuSeconds: z.number(),
});
export type Answered = z.infer<typeof answeredSchema>;
