/** The shape of `usher explain --json`: one line per input file, in order. Part of the product; scripts may rely on it. */
import { z } from 'zod';
import { understandingSchema } from '../../parsers/invite.ts';

/** One event of a file: the answer without `file` and `more`. */
export const eventAnswerSchema = understandingSchema;

/** The first event with join info, and all the others of the same file in `more`. */
export const fileAnswerSchema = z.strictObject({
  /** As given on the command line. */
  file: z.string(),
  ...understandingSchema.shape,
  more: z.array(eventAnswerSchema),
});

/** A file that could not be read. */
export const fileErrorSchema = z.strictObject({ file: z.string(), error: z.string() });

/** One line of `usher explain --json`. */
export const explainLineSchema = z.union([fileAnswerSchema, fileErrorSchema]);

export type EventAnswer = z.infer<typeof eventAnswerSchema>;
export type FileAnswer = z.infer<typeof fileAnswerSchema>;
export type FileError = z.infer<typeof fileErrorSchema>;
export type ExplainLine = z.infer<typeof explainLineSchema>;

/** A file's answer from its events in file order; `null` where there is no event. */
export function answerOf(file: string, events: readonly EventAnswer[]): FileAnswer | null {
  const at = Math.max(
    0,
    events.findIndex((event) => event.join !== null),
  );
  const first = events[at];
  if (first === undefined) return null;
  const { warnings, evidence, ...rest } = first;
  return { file, ...rest, more: events.filter((_event, index) => index !== at), warnings, evidence };
}
