/** `usher doctor` on a configuration of a test's own. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { z } from 'zod';
import { doctorCommand } from '../../src/house/doctor.ts';

const answerSchema = z.object({
  ok: z.boolean(),
  findings: z.array(z.object({ what: z.string(), state: z.enum(['ok', 'warning', 'error']), words: z.string() })),
});

export interface Diagnosis {
  status: number;
  /** `error`, … and the words of what was looked at; where there are several, of the first. */
  of(what: string | RegExp): string;
  /** Everything, a line each. */
  text: string;
}

/** A folder for a configuration and its data. */
export class DoctorFolder {
  readonly path: string;

  private constructor(path: string) {
    this.path = path;
  }

  static async make(): Promise<DoctorFolder> {
    return new DoctorFolder(await mkdtemp(join(tmpdir(), 'usher-doctor-')));
  }

  /** @param changes to a configuration of one room, whose calendar is this folder */
  async examine(changes: object = {}): Promise<Diagnosis> {
    const file = await this.configure(changes);
    let text = '';
    const out = { write: (piece: string) => (text += piece) };
    const io = { stdout: out, stderr: out, signal: new AbortController().signal };
    const status = await doctorCommand(['--config', file, '--json'], io);
    const { findings } = answerSchema.parse(JSON.parse(text));
    return {
      status,
      of(wanted) {
        const found = findings.find(({ what }) => (typeof wanted === 'string' ? what === wanted : wanted.test(what)));
        return found === undefined ? `nothing was said of ${wanted}` : `${found.state}: ${found.words}`;
      },
      text: findings.map(({ what, state, words }) => `${state} ${what}: ${words}`).join('\n'),
    };
  }

  /** @returns the path of the configuration */
  async configure(changes: object): Promise<string> {
    const file = join(this.path, 'usher.yaml');
    const rooms = [{ id: 'oslo', name: 'Oslo', calendar: { type: 'folder', path: '.' } }];
    await writeFile(file, JSON.stringify({ dataFolder: 'data', web: { port: 0 }, rooms, ...changes }));
    return file;
  }

  remove(): Promise<void> {
    return rm(this.path, { recursive: true, force: true });
  }
}
