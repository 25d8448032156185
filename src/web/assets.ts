/** The script and style of the pages: bundled once at start, named by their content, so that browsers may keep them. */
import { createHash } from 'node:crypto';
import { fileURLToPath } from 'node:url';
import { buildSync } from 'esbuild';
import { panelScript, panelStyle } from '../../connectors/devices/panel/panel.ts';

export interface Assets {
  /** Changes with every script and style. */
  build: string;
  panelScript: string;
  panelStyle: string;
  pageStyle: string;
  files: ReadonlyMap<string, { type: string; body: string }>;
}

/** @throws Error when esbuild cannot run (its platform package is missing) or the source does not bundle. */
export function bundleAssets(): Assets {
  const script = bundle(panelScript, 'es2015');
  const style = bundle(panelStyle, 'chrome60');
  const pages = bundle(fileURLToPath(new URL('./pages.css', import.meta.url)), 'chrome60');
  const names = {
    script: `panel-${hash(script)}.js`,
    style: `panel-${hash(style)}.css`,
    pages: `pages-${hash(pages)}.css`,
  };
  const css = 'text/css; charset=utf-8';
  return {
    build: hash(script + style),
    panelScript: `/assets/${names.script}`,
    panelStyle: `/assets/${names.style}`,
    pageStyle: `/assets/${names.pages}`,
    files: new Map([
      [names.script, { type: 'text/javascript; charset=utf-8', body: script }],
      [names.style, { type: css, body: style }],
      [names.pages, { type: css, body: pages }],
    ]),
  };
}

function bundle(entry: string, target: string): string {
  // The synchronous form: its helper process ends with the call, so that nothing is left to stop.
  const built = buildSync({
    entryPoints: [entry],
    bundle: true,
    write: false,
    minify: true,
    target,
    ...(entry.endsWith('.css') ? {} : { format: 'iife' as const }),
    charset: 'utf8',
    logLevel: 'silent',
  });
  const file = built.outputFiles[0];
  if (file === undefined) throw new Error(`esbuild made nothing of ${entry}; reinstall with npm ci`);
  return file.text;
}

function hash(text: string): string {
  return createHash('sha256').update(text).digest('hex').slice(0, 12);
}
