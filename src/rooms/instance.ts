/** The running instance as the command line reaches it: by its web, with the administrator's secret where one is needed. */
import { access, constants } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import type { z } from 'zod';
import { loadConfig } from '../config/load.ts';
import { loadSecret } from './secret.ts';

/** Where to ask. `secret` is the administrator's; from the same machine status needs none. */
export interface Instance {
  url: string;
  secret: string | null;
}

/**
 * By its configuration, whose data folder holds the secret; else by its address. `USHER_ADMIN_SECRET` wins over the folder.
 * @throws ConfigError
 */
export async function findInstance(
  asked: { config: string | undefined; url: string | undefined },
  environment: NodeJS.ProcessEnv,
): Promise<Instance> {
  const given = environment['USHER_ADMIN_SECRET'] ?? null;
  if (asked.config === undefined) return { url: asked.url ?? 'http://127.0.0.1:8080', secret: given };
  const { web, dataFolder } = await loadConfig(asked.config, environment);
  const wildcard = web.address === '0.0.0.0' || web.address === '::';
  const host = wildcard ? '127.0.0.1' : web.address.includes(':') ? `[${web.address}]` : web.address;
  const secret = given ?? (await adminSecretIn(resolve(dirname(asked.config), dataFolder)));
  return { url: `http://${host}:${web.port}`, secret };
}

/** `null` where Usher has not run yet, or its secret is not for us to read: on its own machine none is needed. */
async function adminSecretIn(dataFolder: string): Promise<string | null> {
  try {
    await access(join(dataFolder, 'secret'), constants.R_OK);
  } catch {
    return null;
  }
  return (await loadSecret(dataFolder)).adminSecret();
}

/** The largest answer read, in characters: some 20,000 rooms. */
const largest = 64 * 1024 * 1024;

/** One request and its answer, checked. @throws Error with the remedy */
export async function ask<T>(
  instance: Instance,
  request: { path: string; schema: z.ZodType<T>; post?: object },
  signal: AbortSignal,
): Promise<T> {
  const url = new URL(request.path, instance.url);
  const headers: Record<string, string> = { accept: 'application/json' };
  if (instance.secret !== null) headers['authorization'] = `Bearer ${instance.secret}`;
  const post = request.post === undefined ? {} : { method: 'POST', body: JSON.stringify(request.post) };
  if (request.post !== undefined) headers['content-type'] = 'application/json';
  let response: Response;
  let text: string;
  try {
    const until = AbortSignal.any([signal, AbortSignal.timeout(10_000)]);
    response = await fetch(url, { ...post, headers, redirect: 'error', signal: until });
    text = await response.text();
  } catch (error) {
    const cause = error instanceof Error && error.cause instanceof Error ? error.cause.message : String(error);
    throw new Error(
      `no answer from ${url.origin} (${cause}). Is Usher running, and is that its web.address and web.port?`,
    );
  }
  if (response.status === 401 || response.status === 403) {
    throw new Error(
      `${url.origin} asks for the administrator secret: run this on its machine, with --config, or set USHER_ADMIN_SECRET`,
    );
  }
  if (response.status === 409) throw new Error(text.trim().slice(0, 300));
  const parsed = text.length > largest ? null : request.schema.safeParse(json(text));
  if (!response.ok || parsed === null || !parsed.success) {
    throw new Error(`what answers at ${url.origin} (status ${response.status}) is not an Usher of this version`);
  }
  return parsed.data;
}

function json(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
