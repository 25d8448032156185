/** Loads a guest adapter by the module that the configuration names. */
import { isAbsolute, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { GuestAdapter, GuestAdapterFactory, GuestEnvironment } from './guest.ts';

export interface GuestAdapterChoice {
  /**
   * `acs` or `teams-web` for our own; else a path (relative ones from `base`), a `file:` URL, or a package's name.
   */
  module: string;
  /** Handed to the adapter unparsed; it parses them with its own schema. */
  options?: unknown;
  /** The folder that relative paths start from, e.g. that of the configuration file. Default: the working directory. */
  base?: string;
}

/** The adapter cannot be used; the message says which, why, and what to do. */
export class GuestAdapterUnavailable extends Error {
  override name = 'GuestAdapterUnavailable';
}

const ours: Record<string, string> = {
  acs: new URL('./acs/adapter.ts', import.meta.url).href,
  'teams-web': new URL('./teams-web/adapter.ts', import.meta.url).href,
};

/** @throws GuestAdapterUnavailable if the module is missing, exports no factory, or its factory fails */
export async function loadGuestAdapter(
  choice: GuestAdapterChoice,
  environment: Omit<GuestEnvironment, 'options'>,
): Promise<GuestAdapter> {
  const specifier = specifierOf(choice);
  let loaded: unknown;
  try {
    loaded = await import(specifier);
  } catch (error) {
    throw new GuestAdapterUnavailable(
      `guest adapter "${choice.module}" could not be loaded from ${specifier}: ${reason(error)}. Name "acs", "teams-web", or the path of a module`,
      { cause: error },
    );
  }
  const factory = defaultExport(loaded);
  if (!isFactory(factory)) {
    throw new GuestAdapterUnavailable(
      `guest adapter "${choice.module}" (${specifier}) has no default export that is a function, but ${factory === undefined ? 'none' : `a ${typeof factory}`}: it must export a GuestAdapterFactory by default`,
    );
  }
  let adapter: unknown;
  try {
    adapter = await factory({ ...environment, options: choice.options });
  } catch (error) {
    throw new GuestAdapterUnavailable(`guest adapter "${choice.module}" cannot start: ${reason(error)}`, {
      cause: error,
    });
  }
  if (!isAdapter(adapter)) {
    throw new GuestAdapterUnavailable(
      `guest adapter "${choice.module}" (${specifier}) gave something without name, join and close: it must give a GuestAdapter`,
    );
  }
  return adapter;
}

function specifierOf({ module, base }: GuestAdapterChoice): string {
  const own = Object.hasOwn(ours, module) ? ours[module] : undefined;
  if (own !== undefined) return own;
  if (module.startsWith('file:')) return module;
  if (isAbsolute(module)) return pathToFileURL(module).href;
  if (module.startsWith('./') || module.startsWith('../')) {
    return pathToFileURL(resolve(base ?? process.cwd(), module)).href;
  }
  return module;
}

function defaultExport(loaded: unknown): unknown {
  return typeof loaded === 'object' && loaded !== null && 'default' in loaded ? loaded.default : undefined;
}

function isFactory(value: unknown): value is GuestAdapterFactory {
  return typeof value === 'function';
}

function isAdapter(value: unknown): value is GuestAdapter {
  if (typeof value !== 'object' || value === null) return false;
  return (
    'name' in value &&
    typeof value.name === 'string' &&
    'join' in value &&
    typeof value.join === 'function' &&
    'close' in value &&
    typeof value.close === 'function'
  );
}

function reason(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
