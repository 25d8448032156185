/** Secrets in the configuration: `${env:NAME}` and `${file:PATH}`, so that none stands in the file itself. */
import { readFile } from 'node:fs/promises';
import { resolve } from 'node:path';

const reference = /\$\{([a-z]*):?([^}]*)\}/g;

/**
 * Resolves every reference in `text`. A file's trailing line break is not part of its secret.
 * @param folder what relative paths start from
 */
export async function resolveSecret(
  text: string,
  folder: string,
  environment: NodeJS.ProcessEnv,
): Promise<{ value: string } | { problem: string }> {
  let value = '';
  let end = 0;
  for (const match of text.matchAll(reference)) {
    const [whole, kind, name = ''] = match;
    value += text.slice(end, match.index);
    end = match.index + whole.length;
    if (kind === 'env') {
      const found = environment[name];
      if (found === undefined) return { problem: `${whole}: the environment variable ${name} is not set; set it` };
      value += found;
    } else if (kind === 'file') {
      const path = resolve(folder, name);
      try {
        value += (await readFile(path, 'utf8')).replace(/\r?\n$/, '');
      } catch (error) {
        const why = error instanceof Error ? error.message : String(error);
        return { problem: `${whole}: ${path} cannot be read (${why})` };
      }
    } else {
      return { problem: `${whole}: write \${env:NAME} or \${file:PATH}` };
    }
  }
  return { value: value + text.slice(end) };
}
