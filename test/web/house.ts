/** A house in memory for the web's tests: rooms, entries and calls are what the test sets. */
import { EventEmitter, once } from 'node:events';
import type { Dialer, JoinEntry, RoomView } from '../../connectors/devices/device.ts';
import { IcsFeedDevice } from '../../connectors/devices/ics-feed/ics-feed.ts';
import { PanelDevice } from '../../connectors/devices/panel/panel.ts';
import type { RoomCall } from '../../connectors/devices/panel/state.ts';
import type { StoredRefusal } from '../../src/rooms/refusals.ts';
import type { House, JoinResult, RoomName, RoomStatus, ServiceStatus, StartFacts } from '../../src/web/house.ts';

export const minute = 60_000;
export const hour = 60 * minute;

let made = 0;

/** A joinable entry; the button shows from five minutes before the start. */
export function entry(part: Partial<JoinEntry> & { start: number }): JoinEntry {
  const { start } = part;
  const end = part.end ?? start + 30 * minute;
  made++;
  return {
    id: `usher-${String(made).padStart(26, 'a')}`,
    title: 'Weekly review',
    organizer: { name: 'Facilities', email: 'facilities@example.com' },
    end,
    buttonFrom: start - 5 * minute,
    buttonUntil: end,
    privacy: 'public',
    provider: 'teams',
    route: 'sgj',
    dial: { address: `sip:${String(made).padStart(26, 'b')}@usher.example.net`, protocol: 'sip' },
    note: null,
    ...part,
  };
}

export const dialer: Dialer = { dial: () => Promise.reject(new Error('the test house dials by itself')) };

interface TestRoom {
  view: RoomView;
  panel: PanelDevice;
  feed: IcsFeedDevice;
  secrets: string[];
  call: RoomCall;
}

export class TestHouse implements House {
  readonly #rooms = new Map<string, TestRoom>();
  readonly #changes = new EventEmitter().setMaxListeners(0);
  admin: string | null = null;
  joined: { roomId: string; entryId: string }[] = [];
  answer: JoinResult = { outcome: 'calling', words: 'The room’s video system is dialling.' };
  problems: string[] = [];
  differs: string[] = [];
  shownServices: ServiceStatus[] = [];
  refused: StoredRefusal[] = [];

  add(view: Partial<RoomView> & { roomId: string }, options: { dials?: boolean; secret?: string } = {}): this {
    this.#rooms.set(view.roomId, {
      view: { roomName: 'Atrium', timeZone: 'UTC', language: 'en-GB', entries: [], revision: 1, ...view },
      panel: new PanelDevice({ id: `${view.roomId}-panel`, dialer: options.dials === false ? null : dialer }),
      feed: new IcsFeedDevice({ id: `${view.roomId}-feed` }),
      secrets: [options.secret ?? `secret-of-${view.roomId}-0123456789`],
      call: { state: 'idle', entryId: null, notice: null },
    });
    return this;
  }

  set(roomId: string, entries: readonly JoinEntry[]): void {
    const room = this.#room(roomId);
    room.view = { ...room.view, entries, revision: room.view.revision + 1 };
    this.#changes.emit(roomId);
  }

  setCall(roomId: string, call: Partial<RoomCall>): void {
    const room = this.#room(roomId);
    room.call = { state: 'idle', entryId: null, notice: null, ...call };
    this.#changes.emit(roomId);
  }

  setSecrets(roomId: string, secrets: string[]): void {
    this.#room(roomId).secrets = secrets;
  }

  listeners(roomId: string): number {
    return this.#changes.listenerCount(roomId);
  }

  /** Resolves when a subscription of the room ends. */
  async unsubscribed(roomId: string): Promise<void> {
    await once(this.#changes, `unsubscribed ${roomId}`);
  }

  refusals(): readonly StoredRefusal[] {
    return this.refused;
  }

  async forgetRefusals(): Promise<number> {
    return this.refused.splice(0).length;
  }

  rooms(): readonly RoomName[] {
    return [...this.#rooms].map(([id, room]) => ({ id, name: room.view.roomName }));
  }

  view(roomId: string): RoomView | null {
    return this.#rooms.get(roomId)?.view ?? null;
  }

  panel(roomId: string): PanelDevice | null {
    return this.#rooms.get(roomId)?.panel ?? null;
  }

  feed(roomId: string): IcsFeedDevice | null {
    return this.#rooms.get(roomId)?.feed ?? null;
  }

  subscribe(roomId: string, changed: () => void): () => void {
    this.#changes.on(roomId, changed);
    return () => {
      this.#changes.off(roomId, changed);
      this.#changes.emit(`unsubscribed ${roomId}`);
    };
  }

  secrets(roomId: string): readonly string[] {
    return this.#rooms.get(roomId)?.secrets ?? [];
  }

  async renewSecret(roomId: string, graceMs: number): Promise<void> {
    const room = this.#room(roomId);
    room.secrets = [`${room.secrets[0]}-new`, ...(graceMs > 0 ? room.secrets.slice(0, 1) : [])];
  }

  adminSecret(): string | null {
    return this.admin;
  }

  call(roomId: string): RoomCall {
    return this.#rooms.get(roomId)?.call ?? { state: 'idle', entryId: null, notice: null };
  }

  async join(roomId: string, entryId: string): Promise<JoinResult> {
    this.joined.push({ roomId, entryId });
    if (this.answer.outcome === 'calling') this.setCall(roomId, { state: 'dialling', entryId });
    return this.answer;
  }

  async hangUp(roomId: string): Promise<JoinResult> {
    this.setCall(roomId, {});
    return { outcome: 'hung-up', words: 'The call was ended from the panel.' };
  }

  async calls(): Promise<readonly never[]> {
    return [];
  }

  status(): readonly RoomStatus[] {
    return [...this.#rooms].map(([id, { view, panel, call }]) => {
      const next = view.entries[0];
      const { title, start, end, route, privacy } = next ?? {
        title: '',
        start: 0,
        end: 0,
        route: 'none',
        privacy: 'public',
      };
      return {
        id,
        name: view.roomName,
        timeZone: view.timeZone,
        next: next === undefined ? null : { id: next.id, title, start, end, route, private: privacy === 'private' },
        lastRead: null,
        devices: [
          {
            id: 'panel',
            label: 'panel',
            kind: 'pulled',
            lastSeen: panel.lastRead()?.at ?? null,
            lastContact: null,
            confirmed: null,
            problem: null,
            differs: this.differs,
            upToDate: true,
          },
        ],
        call: call.state,
        problems: this.problems,
      };
    });
  }

  services(): readonly ServiceStatus[] {
    return this.shownServices;
  }

  start(): StartFacts {
    return { mode: 'demo', version: '0.0.0', bridge: 'ready', meetingHost: 'http://127.0.0.1:1/host', calendars: {} };
  }

  notReady(): string | null {
    return null;
  }

  #room(roomId: string): TestRoom {
    const room = this.#rooms.get(roomId);
    if (room === undefined) throw new Error(`the test house has no room ${roomId}`);
    return room;
  }
}
