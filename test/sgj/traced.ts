/** Tells the steps of a call as they happen, from outside of its parts: for benches that ask where the time goes. */
import type { Bridge, PagePort } from '../../media/call.ts';
import type { GuestAdapter } from '../../media/guest/guest.ts';
import type { Slates } from '../../src/calls/slates.ts';

export type OnStep = (step: string) => void;

export function tracedBridge(bridge: Bridge, onStep: OnStep): Bridge {
  return {
    get calls() {
      return bridge.calls;
    },
    close: () => bridge.close(),
    async open(callId) {
      const call = await bridge.open(callId);
      const guestPort = call.guestPort.bind(call);
      const slatePort = call.slatePort.bind(call);
      call.guestPort = () => tracedPort('guest page', guestPort(), onStep);
      call.slatePort = () => tracedPort('slate page', slatePort(), onStep);
      return call;
    },
  };
}

function tracedPort(who: string, port: PagePort, onStep: OnStep): PagePort {
  let connected = 0;
  return {
    async request(method, data) {
      // The page's own work lies between its requests; the bridge's within.
      if (method === 'capabilities') onStep(`${who}: asks what the room speaks`);
      if (method === 'createTransport') onStep(`${who}: asks for a transport`);
      const answer = await port.request(method, data);
      if (method === 'connectTransport') onStep(`${who}: transport ${++connected} has its keys`);
      if (method === 'consume') onStep(`${who}: is told of the room's streams`);
      if (method === 'produce') onStep(`${who}: sends`);
      return answer;
    },
    close: () => port.close(),
  };
}

export function tracedSlates(slates: Slates, onStep: OnStep): Slates {
  return {
    async open(call) {
      onStep('slate: asked for');
      const slate = await slates.open(call);
      onStep('slate: its page is there');
      return {
        async show(scene) {
          await slate.show(scene);
          onStep(`slate: shows "${scene.kind}"`);
        },
        rest: () => slate.rest(),
        onGone: (listener) => slate.onGone(listener),
        close: () => slate.close(),
      };
    },
  };
}

export function tracedGuest(adapter: GuestAdapter, onStep: OnStep): GuestAdapter {
  return {
    ...adapter,
    join(request) {
      onStep('guest: asked to join');
      const leg = adapter.join(request);
      leg.onState(({ state }) => onStep(`guest: ${state}`));
      return leg;
    },
  };
}
