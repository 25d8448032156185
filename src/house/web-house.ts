/** What the web asks, answered from the parts. */
import type { RoomView } from '../../connectors/devices/device.ts';
import type { IcsFeedDevice } from '../../connectors/devices/ics-feed/ics-feed.ts';
import type { PanelDevice } from '../../connectors/devices/panel/panel.ts';
import type { RoomCall } from '../../connectors/devices/panel/state.ts';
import type { CallQuery, CallRecord } from '../calls/records.ts';
import type { Clock } from '../clock.ts';
import type { Dialling } from '../rooms/dialling.ts';
import type { Reconciler } from '../rooms/reconciler.ts';
import type { Refusals, StoredRefusal } from '../rooms/refusals.ts';
import type { Room } from '../rooms/room.ts';
import type { House, JoinResult, RoomName, RoomStatus, ServiceStatus, StartFacts } from '../web/house.ts';
import type { RoomDevices } from './devices.ts';
import type { PanelSecrets } from './panel-secrets.ts';
import { roomStatus } from './status.ts';

export interface WebHouseParts {
  clock: Clock;
  rooms: ReadonlyMap<string, Room>;
  devices: ReadonlyMap<string, RoomDevices>;
  dialling: Dialling;
  reconciler: Reconciler;
  secrets: PanelSecrets;
  refusals: Refusals;
  adminSecret: string;
  calls: (query: CallQuery) => Promise<readonly CallRecord[]>;
  services: () => readonly ServiceStatus[];
  start: () => StartFacts;
  notReady: () => string | null;
}

export class WebHouse implements House {
  readonly #parts: WebHouseParts;
  readonly #listeners = new Map<string, Set<() => void>>();

  constructor(parts: WebHouseParts) {
    this.#parts = parts;
    for (const room of parts.rooms.values()) room.onChange(() => this.changed(room.id));
  }

  /** Tells whoever watches the room that its view or call has changed. */
  changed(roomId: string): void {
    for (const listener of [...(this.#listeners.get(roomId) ?? [])]) listener();
  }

  rooms(): readonly RoomName[] {
    return [...this.#parts.rooms.values()].map(({ settings: { id, name } }) => ({ id, name }));
  }

  view(roomId: string): RoomView | null {
    return this.#parts.rooms.get(roomId)?.view() ?? null;
  }

  panel(roomId: string): PanelDevice | null {
    return this.#parts.devices.get(roomId)?.panel ?? null;
  }

  feed(roomId: string): IcsFeedDevice | null {
    return this.#parts.devices.get(roomId)?.feed ?? null;
  }

  subscribe(roomId: string, changed: () => void): () => void {
    let listeners = this.#listeners.get(roomId);
    if (listeners === undefined) {
      listeners = new Set();
      this.#listeners.set(roomId, listeners);
    }
    listeners.add(changed);
    return () => listeners.delete(changed);
  }

  secrets(roomId: string): readonly string[] {
    return this.#parts.rooms.has(roomId) ? this.#parts.secrets.of(roomId) : [];
  }

  renewSecret(roomId: string, graceMs: number): Promise<void> {
    return this.#parts.secrets.rotate(roomId, graceMs);
  }

  adminSecret(): string | null {
    return this.#parts.adminSecret;
  }

  call(roomId: string): RoomCall {
    return this.#parts.dialling.call(roomId);
  }

  async join(roomId: string, entryId: string): Promise<JoinResult> {
    const room = this.#parts.rooms.get(roomId);
    if (room === undefined) return { outcome: 'unknown-entry', words: 'there is no such room' };
    return this.#parts.dialling.join(room, this.#parts.devices.get(roomId)?.dialer ?? null, entryId);
  }

  async hangUp(roomId: string): Promise<JoinResult> {
    const room = this.#parts.rooms.get(roomId);
    if (room === undefined) return { outcome: 'unknown-entry', words: 'there is no such room' };
    return this.#parts.dialling.hangUp(room);
  }

  status(): readonly RoomStatus[] {
    const { clock, reconciler, dialling, rooms } = this.#parts;
    const now = clock.now();
    return [...rooms.values()].map((room) =>
      roomStatus(room, { now, reconciler, callState: dialling.call(room.id).state }),
    );
  }

  services(): readonly ServiceStatus[] {
    return this.#parts.services();
  }

  refusals(): readonly StoredRefusal[] {
    return this.#parts.refusals.all();
  }

  forgetRefusals(): Promise<number> {
    return this.#parts.refusals.forgetAll();
  }

  calls(query: CallQuery): Promise<readonly CallRecord[]> {
    return this.#parts.calls(query);
  }

  start(): StartFacts {
    return this.#parts.start();
  }

  notReady(): string | null {
    return this.#parts.notReady();
  }
}
