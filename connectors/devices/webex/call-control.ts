/** The calls of a device in the Webex cloud: `Dial` and `Call.Disconnect`, and its status (developer.webex.com, "xAPI"). */
import { z } from 'zod';
import { DeviceError, type DialTarget } from '../device.ts';
import type { CallControl } from '../xapi/calls.ts';
import type { WebexAccount } from './account.ts';

const dialAnswer = z.object({ result: z.object({ CallId: z.union([z.int(), z.string().regex(/^\d{1,10}$/)]) }) });
const statusAnswer = z.object({
  result: z.object({
    // A device without a call has no such part.
    Call: z.array(z.object({ id: z.union([z.int(), z.string()]), Status: z.string().default('') })).default([]),
  }),
});

export class WebexCallControl implements CallControl {
  /** Each look counts against what Webex allows the organisation. */
  readonly lookEveryMs = { connecting: 2_000, connected: 10_000 };
  readonly #account: WebexAccount;
  readonly #deviceId: string;

  constructor(account: WebexAccount, deviceId: string) {
    this.#account = account;
    this.#deviceId = deviceId;
  }

  async dial({ address, protocol }: DialTarget): Promise<string> {
    const target = {
      Number: address.replace(/^(sips?|h323):/i, ''),
      Protocol: protocol === 'h323' ? 'H323' : 'Sip',
      CallType: 'Video',
    };
    const parsed = dialAnswer.safeParse(await this.#command('Dial', target));
    if (!parsed.success) throw new DeviceError('bad-answer', 'dialled, but gave no id of the call');
    return String(parsed.data.result.CallId);
  }

  async calls(): Promise<ReadonlyMap<string, string> | null> {
    if (this.#account.pausedForMs > 0) return null;
    const query = new URLSearchParams({ deviceId: this.#deviceId, name: 'Call[*].*' });
    const parsed = statusAnswer.safeParse(await this.#account.get(`/xapi/status?${query}`));
    if (!parsed.success) throw new DeviceError('bad-answer', 'tells no state of its calls');
    return new Map(parsed.data.result.Call.map(({ id, Status }) => [String(id), Status]));
  }

  async disconnect(callId: string): Promise<void> {
    await this.#command('Call.Disconnect', { CallId: Number(callId) });
  }

  #command(name: string, given: object): Promise<unknown> {
    return this.#account.post(`/xapi/command/${name}`, { deviceId: this.#deviceId, arguments: given });
  }
}
