/** What calls need of the slate (media/slate): a picture and a tone for the room while it is not in the meeting. */
import type { PagePort } from '../../media/call.ts';
import type { Outcome } from '../../media/guest/guest.ts';

export type SlateScene =
  /** `startsAt` as the room's clock shows it. */
  | { kind: 'early'; startsAt: string; remainingMs: number }
  | { kind: 'joining' }
  | { kind: 'lobby'; waitedMs: number }
  /** For a meeting that has no picture. */
  | { kind: 'admitted' }
  | { kind: 'reconnecting' }
  | { kind: 'ended'; outcome: Outcome };

export interface CallSlate {
  show(scene: SlateScene): Promise<void>;
  /** Nobody looks at it until the next `show()`. */
  rest(): Promise<void>;
  /** Called once when its page is lost. */
  onGone(listener: (detail: string) => void): void;
  close(): Promise<void>;
}

export interface Slates {
  /** @throws Error when there is no browser to show it */
  open(call: { port: PagePort; room: string; title: string | null; language: string }): Promise<CallSlate>;
  /** Makes as many ready ahead of need, and keeps that many; optional. Never rejects. */
  warm?(pages: number): Promise<void>;
}
