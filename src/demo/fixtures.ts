/**
 * What the demo takes from `fixtures/`, by path, as any configuration could: the meeting simulator with the way into it, a
 * Cisco codec, and a video system without a booking list. Usher itself knows none of them.
 */
import { fileURLToPath } from 'node:url';

const fixture = (path: string): string => fileURLToPath(new URL(`../../fixtures/${path}`, import.meta.url));

export const guestAdapterModule = fixture('meeting/guest-adapter.ts');
export const videoSystemModule = fixture('vtc/device.ts');

export interface DemoMeetings {
  /** Origin, for the guest adapter. */
  readonly url: string;
  /** The one host page for all meetings. */
  readonly host: string;
  close(): Promise<void>;
}

/** Starts the meeting simulator. */
export async function startDemoMeetings(): Promise<DemoMeetings> {
  const loaded: unknown = await import(fixture('meeting/server.ts'));
  if (!hasStart(loaded)) throw new Error('fixtures/meeting/server.ts has no startMeetingServer');
  return loaded.startMeetingServer({});
}

function hasStart(loaded: unknown): loaded is { startMeetingServer(options: object): Promise<DemoMeetings> } {
  return (
    typeof loaded === 'object' &&
    loaded !== null &&
    'startMeetingServer' in loaded &&
    typeof loaded.startMeetingServer === 'function'
  );
}

export interface DemoCodec {
  address: string;
  port: number;
  username: string;
  password: string;
  /** PEM of the authority to trust. */
  ca: string;
  /** Its touch panel, as a page. */
  screen: string;
  close(): Promise<void>;
}

/** Starts the simulated Cisco codec. */
export async function startDemoCodec(): Promise<DemoCodec> {
  const loaded: unknown = await import(fixture('codec/start.ts'));
  if (!hasStartCodec(loaded)) throw new Error('fixtures/codec/start.ts has no startCodec');
  return loaded.startCodec();
}

function hasStartCodec(loaded: unknown): loaded is { startCodec(): Promise<DemoCodec> } {
  return (
    typeof loaded === 'object' && loaded !== null && 'startCodec' in loaded && typeof loaded.startCodec === 'function'
  );
}
