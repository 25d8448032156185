/**
 * Many replaying rooms in a process of their own, so that what they cost is not counted as Usher's. Run by `startRooms`;
 * as a program it records, says `ready`, and then does what its parent's messages say. It ends with its parent.
 */
import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { z } from 'zod';
import { findExecutable } from '../../fixtures/vtc/executable.ts';
import { record } from './recording.ts';
import { ReplayRoom } from './replay-room.ts';

const line = z.object({
  sent: z.number(),
  lostThere: z.number(),
  received: z.number(),
  lostHere: z.number(),
  timestamps: z.number(),
});
const countsSchema = z.array(z.object({ audio: line, video: line, pictures: z.number() }));
const command = z.discriminatedUnion('do', [
  z.object({ do: z.literal('dial'), uri: z.string() }),
  z.object({ do: z.literal('counts') }),
  z.object({ do: z.literal('hangUp') }),
]);
const reply = z.object({ error: z.string().optional(), counts: countsSchema.optional() });
type Command = z.infer<typeof command>;
type Reply = z.infer<typeof reply>;

const recordedSeconds = 4;

export interface Rooms {
  readonly pid: number;
  /** Resolves when the call is answered. @throws Error with the status where it is refused */
  dial(uri: string): Promise<void>;
  /** In the order in which they dialled. */
  counts(): Promise<z.infer<typeof countsSchema>>;
  close(): Promise<void>;
}

/** Takes some seconds: it records first. */
export async function startRooms(): Promise<Rooms> {
  const child = fork(import.meta.filename, [], { stdio: ['ignore', 'ignore', 'inherit', 'ipc'] });
  const gone = once(child, 'exit');
  await replyOf(child);
  const ask = (what: Command): Promise<Reply> => {
    const answered = replyOf(child);
    child.send(what);
    return answered;
  };
  return {
    pid: child.pid ?? 0,
    dial: async (uri) => void (await ask({ do: 'dial', uri })),
    counts: async () => (await ask({ do: 'counts' })).counts ?? [],
    async close() {
      if (child.connected) await ask({ do: 'hangUp' }).catch(() => {});
      if (child.connected) child.disconnect();
      await gone;
    },
  };
}

async function replyOf(child: ChildProcess): Promise<Reply> {
  const ended = new AbortController();
  const exit = (): void => ended.abort(new Error('the rooms have ended'));
  child.once('exit', exit);
  try {
    const [message] = await once(child, 'message', { signal: ended.signal });
    const answer = reply.parse(message);
    if (answer.error !== undefined) throw new Error(answer.error);
    return answer;
  } finally {
    child.off('exit', exit);
  }
}

async function serve(send: (answer: Reply) => void): Promise<void> {
  const ffmpeg = findExecutable('ffmpeg');
  if (ffmpeg === null) return send({ error: 'ffmpeg not found on PATH: npm run setup' });
  const recording = await record(ffmpeg, recordedSeconds);
  const rooms: ReplayRoom[] = [];
  const perform = async (message: Command): Promise<Reply> => {
    if (message.do === 'dial') rooms.push(await ReplayRoom.dial(message.uri, recording));
    if (message.do === 'hangUp') for (const room of rooms.splice(0)) room.hangUp();
    return message.do === 'counts' ? { counts: rooms.map((room) => room.counts()) } : {};
  };
  process.on('disconnect', () => process.exit());
  process.on('message', (message) => {
    perform(command.parse(message)).then(send, (error: unknown) => send({ error: String(error) }));
  });
  send({});
}

if (process.argv[1] === import.meta.filename && process.send !== undefined) {
  const send = process.send.bind(process);
  serve((answer) => void send(answer)).catch((error: unknown) => send({ error: String(error) }));
}
