/**
 * Lets Node load this package's TypeScript when it is installed below `node_modules`, where Node itself does not strip
 * types. Loaded by the launcher and, through `--import`, by worker threads. Types are blanked out in place, so line and
 * column numbers in stack traces stay true.
 */
import { readFileSync } from 'node:fs';
import { registerHooks, stripTypeScriptTypes } from 'node:module';
import process from 'node:process';
import { fileURLToPath } from 'node:url';

const own = new URL('..', import.meta.url).href;

if (own.includes('/node_modules/')) {
  // Node still calls the function experimental; every command would begin with that sentence.
  const warn = process.emitWarning;
  process.emitWarning = (warning, ...rest) => {
    if (!String(warning).includes('stripTypeScriptTypes')) warn.call(process, warning, ...rest);
  };
  registerHooks({
    load(url, context, nextLoad) {
      const path = url.split('?')[0] ?? url;
      if (!path.startsWith(own) || !path.endsWith('.ts') || path.slice(own.length).includes('node_modules/')) {
        return nextLoad(url, context);
      }
      const source = stripTypeScriptTypes(readFileSync(fileURLToPath(path), 'utf8'), { mode: 'strip' });
      return { format: 'module', source, shortCircuit: true };
    },
  });
}
