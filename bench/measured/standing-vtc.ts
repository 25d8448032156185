/** A video system that is switched on, as those in rooms are: one baresip for all of a bench's calls. */
import type { DialedCall, DialState, PulledDevice } from '../../connectors/devices/device.ts';
import { DeviceError } from '../../connectors/devices/device.ts';
import { Baresip } from '../../fixtures/vtc/baresip.ts';

let agent: Baresip | null = null;

export async function switchOn(lifetimeSeconds: number): Promise<void> {
  agent = await Baresip.start({ lifetimeSeconds });
}

export async function switchOff(): Promise<void> {
  await agent?.close();
  agent = null;
}

function dialed(id: string, on: Baresip): DialedCall {
  const listeners = new Set<(state: DialState, reason: string | null) => void>();
  let state: DialState = 'connecting';
  const become = (next: DialState, reason: string | null): void => {
    state = next;
    for (const listener of listeners) listener(next, reason);
  };
  const patience = 300_000;
  const up = on.nextEvent(({ type }) => type === 'CALL_ESTABLISHED', 'answer', patience);
  const over = on.nextEvent(({ type }) => type === 'CALL_CLOSED', 'end of the call', patience);
  up.then(
    () => become('connected', null),
    () => {},
  );
  const ended = over.then(
    ({ param }) => become('disconnected', param ?? null),
    () => become('disconnected', 'the video system ended'),
  );
  return {
    id,
    get state() {
      return state;
    },
    onState(changed) {
      listeners.add(changed);
      return () => listeners.delete(changed);
    },
    async hangUp() {
      await on.hangUp();
      await ended;
    },
  };
}

let calls = 0;

export default async function openStandingVtc(options: { deviceId: string }): Promise<PulledDevice> {
  return {
    kind: 'pulled',
    description: { id: options.deviceId, label: 'standing video system (baresip)' },
    lastRead: () => null,
    dialer: {
      async dial(target) {
        if (agent === null) throw new DeviceError('unreachable', 'is switched off');
        const call = dialed(String(++calls), agent);
        await agent.dial(target.address);
        return call;
      },
    },
  };
}
