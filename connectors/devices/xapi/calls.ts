/** Dialling from a RoomOS device: `Dial`, the call's state by looking again and again, `Call Disconnect`. */
import { EventEmitter } from 'node:events';
import type { ConnectorClock } from '../../calendars/calendar.ts';
import { DeviceError, type DialedCall, type Dialer, type DialState, type DialTarget } from '../device.ts';

/** The calls of one device, on whichever way it is reached. */
export interface CallControl {
  /** Sent once, whatever happens. @returns the id of the call @throws DeviceError */
  dial(target: DialTarget): Promise<string>;
  /** What each call's `Status` says, by the id of the call; `null` where it may not be asked now. @throws DeviceError */
  calls(): Promise<ReadonlyMap<string, string> | null>;
  /** @throws DeviceError `refused` where there is no such call */
  disconnect(callId: string): Promise<void>;
  /** How often a call is looked at, milliseconds; slower once it is up. */
  lookEveryMs: { connecting: number; connected: number };
}

/** So many failed looks in a row, and the call counts as lost. */
const failuresTolerated = 5;

export class XapiDialer implements Dialer {
  readonly #control: CallControl;
  readonly #clock: ConnectorClock;
  readonly #calls = new Set<XapiCall>();

  constructor(control: CallControl, clock: ConnectorClock) {
    this.#control = control;
    this.#clock = clock;
  }

  async dial(target: DialTarget): Promise<DialedCall> {
    const call = new XapiCall(await this.#control.dial(target), this.#control, this.#clock);
    this.#calls.add(call);
    call.onState((state) => {
      if (state === 'disconnected') this.#calls.delete(call);
    });
    return call;
  }

  /** Looks at no call any more; the calls go on. */
  close(): void {
    for (const call of this.#calls) call.leave();
  }
}

class XapiCall implements DialedCall {
  readonly id: string;
  #state: DialState = 'connecting';
  readonly #control: CallControl;
  readonly #clock: ConnectorClock;
  readonly #emitter = new EventEmitter();
  #cancelLook: () => void = () => {};
  #left = false;
  #failures = 0;

  constructor(id: string, control: CallControl, clock: ConnectorClock) {
    this.id = id;
    this.#control = control;
    this.#clock = clock;
    this.#lookLater();
  }

  get state(): DialState {
    return this.#state;
  }

  onState(changed: (state: DialState, reason: string | null) => void): () => void {
    this.#emitter.on('state', changed);
    return () => this.#emitter.off('state', changed);
  }

  async hangUp(): Promise<void> {
    if (this.#state === 'disconnected') return;
    try {
      await this.#control.disconnect(this.id);
    } catch (error) {
      // A call that has ended meanwhile cannot be disconnected: that is what was wanted.
      if (!(error instanceof DeviceError) || error.kind !== 'refused') throw error;
    }
    this.#become('disconnected', null);
  }

  leave(): void {
    this.#left = true;
    this.#cancelLook();
  }

  #lookLater(): void {
    if (this.#left || this.#state === 'disconnected') return;
    const { connected, connecting } = this.#control.lookEveryMs;
    const wait = this.#state === 'connected' ? connected : connecting;
    this.#cancelLook = this.#clock.after(wait, () => void this.#look());
  }

  /** Never rejects. */
  async #look(): Promise<void> {
    try {
      const calls = await this.#control.calls();
      this.#failures = 0;
      const text = calls === null ? '' : (calls.get(this.id) ?? 'Idle');
      if (/^(Idle|Disconnecting)$/.test(text)) this.#become('disconnected', null);
      else if (/^(Connected|OnHold)$/.test(text)) this.#become('connected', null);
    } catch (error) {
      if (++this.#failures >= failuresTolerated) {
        this.#become('disconnected', error instanceof Error ? error.message : String(error));
      }
    }
    this.#lookLater();
  }

  #become(state: DialState, reason: string | null): void {
    if (this.#state === state || this.#state === 'disconnected') return;
    this.#state = state;
    if (state === 'disconnected') this.#cancelLook();
    this.#emitter.emit('state', state, reason);
  }
}
