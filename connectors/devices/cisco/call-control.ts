/** The calls of a Cisco device on the local network. */
import { childrenNamed, childText } from '../../../parsers/read/xml.ts';
import { DeviceError, type DialTarget } from '../device.ts';
import type { CallControl } from '../xapi/calls.ts';
import { dialCommand, disconnectCommand, resultOf } from './commands.ts';
import type { CiscoConnection } from './connection.ts';

export class CiscoCallControl implements CallControl {
  readonly lookEveryMs = { connecting: 1_000, connected: 5_000 };
  readonly #connection: CiscoConnection;

  constructor(connection: CiscoConnection) {
    this.#connection = connection;
  }

  async dial(target: DialTarget): Promise<string> {
    const result = resultOf(await this.#connection.post('/putxml', dialCommand(target)), 'DialResult');
    const id = childText(result, 'CallId');
    if (id === null) throw new DeviceError('bad-answer', 'dialled, but gave no id of the call');
    return id;
  }

  async calls(): Promise<ReadonlyMap<string, string>> {
    const calls = childrenNamed(await this.#connection.status('/Status/Call'), 'Call');
    return new Map(calls.map((call) => [call.attributes['item'] ?? '', childText(call, 'Status') ?? '']));
  }

  async disconnect(callId: string): Promise<void> {
    resultOf(await this.#connection.post('/putxml', disconnectCommand(callId)), 'CallDisconnectResult');
  }
}
