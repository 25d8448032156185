/** Dialling from a Cisco device: `Dial`, the call's state by looking again and again, `Call Disconnect`. */
import { EventEmitter } from 'node:events';
import { childrenNamed, childText } from '../../../parsers/read/xml.ts';
import type { ConnectorClock } from '../../calendars/calendar.ts';
import { DeviceError, type DialedCall, type Dialer, type DialState, type DialTarget } from '../device.ts';
import { dialCommand, disconnectCommand, resultOf } from './commands.ts';
import type { CiscoConnection } from './connection.ts';

/** How often a call is looked at, milliseconds; slower once it is up. */
const lookEveryMs = 1_000;
const lookLaterEveryMs = 5_000;
/** So many failed looks in a row, and the call counts as lost. */
const failuresTolerated = 5;

export class CiscoDialer implements Dialer {
  readonly #connection: CiscoConnection;
  readonly #clock: ConnectorClock;
  readonly #calls = new Set<CiscoCall>();

  constructor(connection: CiscoConnection, clock: ConnectorClock) {
    this.#connection = connection;
    this.#clock = clock;
  }

  async dial(target: DialTarget): Promise<DialedCall> {
    const result = resultOf(await this.#connection.post('/putxml', dialCommand(target)), 'DialResult');
    const id = childText(result, 'CallId');
    if (id === null) throw new DeviceError('bad-answer', 'dialled, but gave no id of the call');
    const call = new CiscoCall(id, this.#connection, this.#clock);
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

class CiscoCall implements DialedCall {
  readonly id: string;
  #state: DialState = 'connecting';
  readonly #connection: CiscoConnection;
  readonly #clock: ConnectorClock;
  readonly #emitter = new EventEmitter();
  #cancelLook: () => void = () => {};
  #left = false;
  #failures = 0;

  constructor(id: string, connection: CiscoConnection, clock: ConnectorClock) {
    this.id = id;
    this.#connection = connection;
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
      resultOf(await this.#connection.post('/putxml', disconnectCommand(this.id)), 'CallDisconnectResult');
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
    const wait = this.#state === 'connected' ? lookLaterEveryMs : lookEveryMs;
    this.#cancelLook = this.#clock.after(wait, () => void this.#look());
  }

  /** Never rejects. */
  async #look(): Promise<void> {
    try {
      const status = await this.#connection.status('/Status/Call');
      this.#failures = 0;
      const call = childrenNamed(status, 'Call').find(({ attributes }) => attributes['item'] === this.id);
      const text = call === undefined ? 'Idle' : (childText(call, 'Status') ?? '');
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
