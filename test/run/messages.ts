/** What the test runner and its processes say to each other, one JSON object a message (child_process's IPC). */
import { z } from 'zod';

/** To a process: how it is to run its files; then files, one at a time, each after the result of the one before; then the end. */
export const order = z.discriminatedUnion('kind', [
  z.object({
    kind: z.literal('settings'),
    /** A regular expression over full titles. */
    grep: z.string().nullable(),
    reporter: z.string(),
    /** Milliseconds for one test. */
    timeout: z.number(),
    color: z.boolean(),
    forbidOnly: z.boolean(),
  }),
  z.object({ kind: z.literal('file'), file: z.string() }),
  z.object({ kind: z.literal('end') }),
]);
export type Order = z.infer<typeof order>;
export type Settings = Extract<Order, { kind: 'settings' }>;

/** What became of one file: counts of tests, and a line for each that failed. */
export const result = z.object({
  file: z.string(),
  passed: z.number(),
  failed: z.number(),
  skipped: z.number(),
  failures: z.array(z.string()),
});
export type Result = z.infer<typeof result>;
