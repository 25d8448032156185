/** Change notifications of a tenant: who wants to hear of which mailbox, and what comes in. */
import { createHash, createHmac, timingSafeEqual } from 'node:crypto';
import { z } from 'zod';
import type { ConnectorClock } from '../calendar.ts';
import type { GraphApi } from './api.ts';
import {
  type ListenerOptions,
  lifecyclePath,
  type Notification,
  NotificationListener,
  notificationPath,
} from './listener.ts';
import { lane, MailboxSubscription, type SubscriptionStatus } from './subscription.ts';
import type { TenantId } from './tenant-id.ts';

export interface NotificationOptions {
  listen: ListenerOptions;
  /** How Graph reaches the listener: `https://usher.example.org`, with a path if a proxy adds one. */
  publicUrl: string;
  /** At least 16 bytes that stay the same over restarts; what subscriptions prove themselves by is made from it. */
  secret: string | Uint8Array;
}

export interface NotificationContext {
  api: GraphApi;
  clock: ConnectorClock;
  serverNow(): number;
  /** Notifications of another tenant are dropped. */
  tenantId: TenantId;
}

export interface NotificationCounters {
  /** Changes told, each copy of them. */
  received: number;
  /** Readings that they led to, without those that look again. */
  folded: number;
  lifecycle: number;
  /** Without the secret, for another tenant, or of a subscription that is not ours. */
  refused: number;
}

/** Graph tells every change three times or more, and one edit is several changes. */
const foldMs = 150;
/**
 * A mailbox has several copies in Exchange, and the one that is read may not show yet what was told. Nothing says how long
 * that takes, so the calendar is read again, so long after the last notification.
 */
const againMs = [2_000, 10_000];

interface Watched {
  subscription: MailboxSubscription;
  clientState: Buffer;
  /** Several rooms may have one mailbox. */
  listeners: Set<() => void>;
  pending: (() => void) | null;
  /** When the last notification came, on the monotonic clock. */
  toldAt: number;
  /** Takes back the readings that are still to follow the last notification. */
  cancelAgain: () => void;
}

const listSchema = z.object({
  value: z.array(z.object({ id: z.string(), notificationUrl: z.string().nullish(), expirationDateTime: z.string() })),
  '@odata.nextLink': z.string().nullish(),
});

export class Notifications {
  readonly #options: NotificationOptions;
  readonly #context: NotificationContext;
  readonly #listener: NotificationListener;
  readonly #watched = new Map<string, Watched>();
  readonly counters: NotificationCounters = { received: 0, folded: 0, lifecycle: 0, refused: 0 };
  /** Resolves to what an earlier run left behind, by key. */
  #left: Promise<Map<string, { id: string; expires: number }>> | null = null;
  #base: string;

  constructor(options: NotificationOptions, context: NotificationContext) {
    this.#options = options;
    this.#context = context;
    this.#base = options.publicUrl.replace(/\/+$/, '');
    this.#listener = new NotificationListener(options.listen, (key, notification) => this.#received(key, notification));
  }

  /** Listens; call it before the first calendar is watched, since Graph checks the address at once. Resolves to the port. */
  async listen(): Promise<number> {
    const port = await this.#listener.listen();
    // `https://usher.example.org:0`: the port that the system chose.
    this.#base = this.#base.replace(/:0(?=\/|$)/, `:${port}`);
    return port;
  }

  /** Returns the function that ends it and removes the subscription. */
  watch(mailbox: string, changed: () => void): () => Promise<void> {
    const key = this.#key(mailbox);
    const watched = this.#watched.get(key) ?? this.#subscribe(key, mailbox);
    watched.listeners.add(changed);
    return async () => {
      watched.listeners.delete(changed);
      if (watched.listeners.size > 0) return;
      if (this.#watched.get(key) === watched) this.#watched.delete(key);
      quiet(watched);
      await watched.subscription.stop();
    };
  }

  #subscribe(key: string, mailbox: string): Watched {
    const clientState = this.#mac('state', mailbox);
    const { api, clock, serverNow } = this.#context;
    const query = `?key=${key}`;
    const watched: Watched = {
      clientState: Buffer.from(clientState),
      listeners: new Set(),
      pending: null,
      cancelAgain: () => {},
      toldAt: Number.NEGATIVE_INFINITY,
      subscription: new MailboxSubscription({
        api,
        clock,
        serverNow,
        mailbox,
        clientState,
        notificationUrl: `${this.#base}${notificationPath}${query}`,
        lifecycleNotificationUrl: `${this.#base}${lifecyclePath}${query}`,
        changed: () => this.#fold(watched),
      }),
    };
    this.#watched.set(key, watched);
    void this.#leftBehind().then((left) => {
      if (this.#watched.get(key) !== watched) return;
      const found = left.get(key) ?? null;
      // Taken up once: who stops watching removes it.
      left.delete(key);
      watched.subscription.start(found);
    });
    return watched;
  }

  status(): SubscriptionStatus[] {
    return [...this.#watched.values()].map(({ subscription }) => subscription.status);
  }

  /** Why there is no subscription to a mailbox; `null` where there is one, or it is still being made. */
  problem(mailbox: string): string | null {
    const status = this.#watched.get(this.#key(mailbox))?.subscription.status;
    return status === undefined || status.state === 'active' ? null : status.problem;
  }

  /** A reading found a change since `since`, on the monotonic clock: if nobody told of it, the subscription is looked after. */
  foundChange(mailbox: string, since: number): void {
    const watched = this.#watched.get(this.#key(mailbox));
    if (watched !== undefined && watched.toldAt < since) watched.subscription.doubt();
  }

  /** Whether changes of a mailbox are told at the moment. */
  tells(mailbox: string): boolean {
    return this.#watched.get(this.#key(mailbox))?.subscription.status.state === 'active';
  }

  async close(): Promise<void> {
    const watched = [...this.#watched.values()];
    this.#watched.clear();
    for (const one of watched) quiet(one);
    await Promise.all(watched.map(({ subscription }) => subscription.stop()));
    await this.#listener.close();
  }

  #received(key: string, notification: Notification): void {
    const watched = this.#watched.get(key);
    if (watched === undefined || !same(Buffer.from(notification.clientState), watched.clientState)) {
      this.counters.refused++;
      return;
    }
    const { tenantId } = this.#context;
    if (tenantId.known !== null || notification.tenantId === null) this.#proven(watched, notification, tenantId.known);
    else
      void tenantId.learn().then((known) => {
        if (this.#watched.get(key) === watched) this.#proven(watched, notification, known);
      });
  }

  /** What has the secret. Where Entra cannot be asked for the tenant's GUID, the secret has to do: nothing may be lost. */
  #proven(watched: Watched, notification: Notification, tenantId: string | null): void {
    if (tenantId !== null && notification.tenantId !== null && notification.tenantId.toLowerCase() !== tenantId) {
      this.counters.refused++;
      return;
    }
    if (notification.lifecycleEvent === null) {
      this.counters.received++;
      this.#told(watched);
      return;
    }
    this.counters.lifecycle++;
    // News of a subscription that has been replaced since says nothing about the one that replaced it.
    const { id } = watched.subscription;
    if (id === null || id === notification.subscriptionId) watched.subscription.lifecycle(notification.lifecycleEvent);
  }

  /** A notification came: the calendar is read soon, and looked at again later. */
  #told(watched: Watched): void {
    const { clock } = this.#context;
    watched.toldAt = clock.monotonic();
    watched.cancelAgain();
    const again = againMs.map((ms) => clock.after(ms, () => tell(watched)));
    watched.cancelAgain = () => {
      for (const cancel of again) cancel();
    };
    this.#fold(watched);
  }

  #fold(watched: Watched): void {
    watched.pending ??= this.#context.clock.after(foldMs, () => {
      watched.pending = null;
      this.counters.folded++;
      tell(watched);
    });
  }

  /** What the addresses of a mailbox carry; not secret, but nobody's to guess. */
  #key(mailbox: string): string {
    return this.#mac('key', mailbox).slice(0, 26);
  }

  #mac(purpose: string, mailbox: string): string {
    return createHmac('sha256', this.#options.secret)
      .update(`${purpose}\n${mailbox.toLowerCase()}`)
      .digest('base64url');
  }

  /** Subscriptions that an earlier run with the same secret made and could not remove; others at our address are removed. */
  #leftBehind(): Promise<Map<string, { id: string; expires: number }>> {
    this.#left ??= this.#list().catch(() => new Map());
    return this.#left;
  }

  async #list(): Promise<Map<string, { id: string; expires: number }>> {
    const { api } = this.#context;
    const left = new Map<string, { id: string; expires: number }>();
    let page = listSchema.parse(await api.get('/subscriptions', { mailbox: lane }));
    for (;;) {
      for (const { id, notificationUrl, expirationDateTime } of page.value) {
        const [address, key] = (notificationUrl ?? '').split('?key=');
        if (address !== `${this.#base}${notificationPath}` || key === undefined) continue;
        if (this.#watched.has(key) && !left.has(key)) left.set(key, { id, expires: Date.parse(expirationDateTime) });
        else await api.delete(`/subscriptions/${encodeURIComponent(id)}`, { mailbox: lane }).catch(() => {});
      }
      const next = page['@odata.nextLink'];
      if (next == null) return left;
      page = listSchema.parse(await api.get(next, { mailbox: lane }));
    }
  }
}

function tell({ listeners }: Watched): void {
  for (const changed of [...listeners]) changed();
}

/** Takes back every reading that was still to come. */
function quiet(watched: Watched): void {
  watched.pending?.();
  watched.cancelAgain();
}

/** In constant time, whatever the lengths. */
function same(a: Buffer, b: Buffer): boolean {
  const digest = (value: Buffer): Buffer => createHash('sha256').update(value).digest();
  return timingSafeEqual(digest(a), digest(b));
}
