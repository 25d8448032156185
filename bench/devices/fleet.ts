/** The bench's end of the process of its video systems. */
import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { z } from 'zod';
import { type Answered, type Asked, answeredSchema } from './asked.ts';

const messageSchema = z.object({ id: z.number(), answered: answeredSchema });

export class Fleet {
  readonly #child: ChildProcess = fork(fileURLToPath(new URL('codecs.ts', import.meta.url)));
  readonly #waiting = new Map<number, (answered: Answered) => void>();
  #asked = 0;

  constructor() {
    this.#child.on('message', (message) => {
      const { id, answered } = messageSchema.parse(message);
      this.#waiting.get(id)?.(answered);
      this.#waiting.delete(id);
    });
    this.#child.on('exit', () => {
      if (this.#waiting.size > 0) throw new Error('the process of the video systems ended');
    });
  }

  ask(asked: Asked): Promise<Answered> {
    const id = ++this.#asked;
    const answered = new Promise<Answered>((resolve) => this.#waiting.set(id, resolve));
    this.#child.send({ id, asked });
    return answered;
  }

  async end(): Promise<void> {
    const ended = once(this.#child, 'exit');
    await this.ask({ ask: 'end' });
    await ended;
  }
}
