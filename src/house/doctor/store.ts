/** The store: whether it can be opened, is of this version, and who has it. Nothing of it is changed. */
import { hostname } from 'node:os';
import { sqlitePath } from '../../store/open.ts';
import { lookAtSqlite } from '../../store/sqlite/look.ts';
import { type Finding, wordsOf } from './finding.ts';

/** An Usher that runs with this store now. */
export interface RunningUsher {
  /** Null where it is not known, or on another machine. */
  pid: number | null;
  /** Whether it runs on this machine. */
  here: boolean;
  /** `process 4711`. */
  words: string;
}

export interface StoreCheck {
  findings: Finding[];
  running: RunningUsher | null;
  /** Whether something has been stored before. */
  isThere: boolean;
}

export function checkSqlite(choice: { path?: string | undefined }, dataFolder: string): StoreCheck {
  const what = 'store';
  try {
    const { path, holder, layout, newest, bytes } = lookAtSqlite(sqlitePath(dataFolder, choice.path));
    if (layout === null) {
      const words = `${path} is not there yet: the first usher serve makes it`;
      return { findings: [{ what, state: 'ok', words }], running: null, isThere: false };
    }
    const here = holder?.host === hostname();
    const running =
      holder === null
        ? null
        : {
            pid: here ? holder.pid : null,
            here,
            words: `process ${holder.pid ?? 'of unknown number'}${here ? '' : ` on host ${holder.host}`}`,
          };
    const age = layout < newest ? `, layout ${layout}: the next usher serve brings it to ${newest}` : '';
    const by = running === null ? '' : `, in use by ${running.words}`;
    const words = `${path}, sound, ${Math.ceil(bytes / 1024).toLocaleString('en')} KB${age}${by}`;
    return { findings: [{ what, state: 'ok', words }], running, isThere: layout > 0 };
  } catch (error) {
    return { findings: [{ what, state: 'error', words: wordsOf(error) }], running: null, isThere: true };
  }
}
