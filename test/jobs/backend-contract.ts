/**
 * What agenda expects of a backend, as tests that every backend of Usher's runs: its repository and its log, then agenda
 * itself on top. They ask what agenda's own shared suites ask, and what Usher relies on beyond them.
 */
import type { AgendaBackend } from 'agenda';
import { agendaBehaviour } from './agenda-behaviour.ts';
import { type GivenBackend, present } from './given.ts';
import { logContract } from './log-contract.ts';
import { repositoryContract } from './repository-contract.ts';

export interface BackendContract {
  /** Names the backend in titles; ends with the tags. */
  name: string;
  /** Opens a backend over a store without jobs, connected. */
  open(): Promise<AgendaBackend>;
  /** Opens another backend over the same store, as a second process would. */
  another(): Promise<AgendaBackend>;
  /** False where saving a job clears the processor's fields. */
  keepsProcessorFields: boolean;
}

export function backendContract(contract: BackendContract): void {
  describe(`${contract.name}: what agenda expects of a backend`, () => {
    let backend: AgendaBackend | undefined;
    const others: AgendaBackend[] = [];

    beforeEach(async () => {
      backend = await contract.open();
    });
    afterEach(async () => {
      for (const other of [backend, ...others.splice(0)]) await other?.disconnect();
    });

    const given = (): GivenBackend => ({
      backend: present(backend),
      async another() {
        const other = await contract.another();
        others.push(other);
        return other;
      },
    });
    repositoryContract(given, contract.keepsProcessorFields);
    logContract(given);
    agendaBehaviour(given);
  });
}
