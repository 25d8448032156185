/** Finds the packages that the administrator installed for this adapter. */
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

export const installCommand =
  'npm install --no-save @azure/communication-calling @azure/communication-common @azure/communication-identity';

/** Where to look: the folder that the configuration names, the working directory, Usher's own. */
function places(folder: string | null): string[] {
  const own = dirname(fileURLToPath(import.meta.url));
  return folder === null ? [process.cwd(), own] : [folder];
}

/** Path of a package's main file, `null` where it is not installed. */
export function installed(name: string, folder: string | null): string | null {
  for (const place of places(folder)) {
    try {
      return createRequire(join(place, 'package.json')).resolve(name);
    } catch {
      // Not here; the next place may have it.
    }
  }
  return null;
}
