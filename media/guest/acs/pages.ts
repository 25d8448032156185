/**
 * Serves the adapter's page and Microsoft's SDK, bundled, from a loopback origin: the SDK wants a secure context, and
 * `http://127.0.0.1` is one.
 */
import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import { bundlePage } from '../page-host.ts';
import { type ServedPages, servePages } from '../serve.ts';

/** Where the SDK comes from: the installed packages' main files, or one module that stands in for both. */
export type SdkSource = { calling: string; common: string } | { standIn: string };

const entry = fileURLToPath(new URL('./page/acs-page.ts', import.meta.url));
const html =
  '<!doctype html><meta charset="utf-8"><title>Usher</title><script src="/sdk.js"></script><script src="/page.js"></script>';

/** @throws Error with esbuild's message if the SDK or the page does not bundle */
export async function serveAcsPages(sdk: SdkSource): Promise<ServedPages> {
  return servePages({
    '/': { type: 'text/html', body: html },
    '/sdk.js': { type: 'text/javascript', body: await bundleSdk(sdk) },
    '/page.js': { type: 'text/javascript', body: await bundlePage(entry) },
  });
}

/** Both packages as `window.usherAcsSdk`. */
export async function bundleSdk(sdk: SdkSource): Promise<string> {
  const paths = 'standIn' in sdk ? [sdk.standIn] : [sdk.calling, sdk.common];
  const [first = ''] = paths;
  const result = await build({
    stdin: {
      contents: paths.map((path) => `export * from ${JSON.stringify(path)};`).join('\n'),
      resolveDir: dirname(first),
    },
    bundle: true,
    write: false,
    format: 'iife',
    globalName: 'usherAcsSdk',
    platform: 'browser',
    target: 'es2022',
    logLevel: 'silent',
  });
  const [file] = result.outputFiles;
  if (file === undefined) throw new Error('esbuild wrote no bundle for the SDK');
  return file.text;
}
