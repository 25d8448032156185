/**
 * What the demo takes from `fixtures/`, by path, as any configuration could: the meeting simulator with the way into it, and
 * a video system that dials. Usher itself knows none of them.
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
