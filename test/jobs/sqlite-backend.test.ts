import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { SqliteAgendaBackend } from '../../src/jobs/sqlite-backend/backend.ts';
import { backendContract } from './backend-contract.ts';

const folder = mkdtempSync(join(tmpdir(), 'usher-jobs-'));
let files = 0;

after(() => rmSync(folder, { recursive: true, force: true }));

const open = async (): Promise<SqliteAgendaBackend> => {
  const backend = new SqliteAgendaBackend({ path: join(folder, `${files}.db`) });
  await backend.connect();
  return backend;
};

backendContract({
  name: 'the SQLite backend @firm',
  open: () => {
    files++;
    return open();
  },
  another: open,
  keepsProcessorFields: true,
});
