/** Keeps one call's slate up: opens it, shows the newest scene, and opens another when its page is lost. */
import type { PagePort } from '../../media/call.ts';
import type { CallLog } from './call-log.ts';
import type { CallSlate, SlateScene, Slates } from './slates.ts';

/** How often a lost slate is replaced in one call. */
const maximumSlates = 4;

export class SlateKeeper {
  readonly #slates: Slates;
  readonly #about: { room: string; title: string | null; language: string };
  readonly #log: CallLog;
  #port: (() => PagePort) | null = null;
  #slate: CallSlate | null = null;
  #scene: SlateScene | null = null;
  #resting = false;
  #opened = 0;
  #closed = false;
  #work: Promise<void> = Promise.resolve();

  constructor(slates: Slates, about: { room: string; title: string | null; language: string }, log: CallLog) {
    this.#slates = slates;
    this.#about = about;
    this.#log = log;
  }

  /** `port` makes the bridge's port for a slate page, a fresh one each time. */
  open(port: () => PagePort): void {
    this.#port = port;
    this.#do(() => this.#replace());
  }

  /** A slate that cannot be shown is logged: the call goes on, with nothing to see. */
  show(scene: SlateScene): void {
    this.#scene = scene;
    this.#resting = false;
    this.#do(async () => {
      // Only the newest scene is worth drawing.
      if (this.#scene === scene) await this.#slate?.show(scene);
    });
  }

  /** Nobody looks at it until the next scene is shown. */
  rest(): void {
    this.#resting = true;
    this.#do(async () => {
      if (this.#resting) await this.#slate?.rest();
    });
  }

  async close(): Promise<void> {
    this.#closed = true;
    await this.#work;
    await this.#slate?.close();
    this.#slate = null;
  }

  async #replace(): Promise<void> {
    if (this.#closed || this.#port === null || this.#opened === maximumSlates) return;
    this.#opened++;
    const slate = await this.#slates.open({ port: this.#port(), ...this.#about });
    this.#slate = slate;
    slate.onGone((detail) => {
      if (this.#slate !== slate || this.#closed) return;
      this.#slate = null;
      this.#log('warn', 'A slate was lost', { room: this.#about.room, detail });
      this.#do(async () => {
        await slate.close();
        await this.#replace();
      });
    });
    if (this.#scene !== null) await slate.show(this.#scene);
    if (this.#resting) await slate.rest();
  }

  #do(step: () => Promise<void>): void {
    this.#work = this.#work.then(async () => {
      if (this.#closed) return;
      try {
        await step();
      } catch (error) {
        this.#log('warn', 'A slate could not be shown', { room: this.#about.room, error });
      }
    });
  }
}
