/** The store on MongoDB: reachable, new enough, takes writes; what it is; its clock; who shares it, and with which secret. */
import { hostname } from 'node:os';
import type { Clock } from '../../clock.ts';
import type { Config } from '../../config/schema.ts';
import { memberCollection } from '../../rooms/membership.ts';
import type { Secret } from '../../rooms/secret.ts';
import type { MongoLook } from '../../store/mongo/look.ts';
import { houseCollection, otherSecret, secretMark } from '../stores.ts';
import { type Finding, within, wordsOf } from './finding.ts';
import type { RunningUsher, StoreCheck } from './store.ts';

/** More than this, and jobs and logs of the processes no longer agree, milliseconds. */
const clockTolerance = 30_000;

/** @param secret of the data folder, where there is one */
export async function checkMongo(
  { uri }: Extract<Config['store'], { type: 'mongodb' }>,
  secret: Secret | null,
  clock: Clock,
  signal: AbortSignal,
): Promise<StoreCheck> {
  try {
    // The driver is large, and who keeps a file never needs it.
    const { lookAtMongo } = await import('../../store/mongo/look.ts');
    return await within(clock, signal, () => lookAtMongo({ uri }, clock, (found) => told(found, secret)));
  } catch (error) {
    signal.throwIfAborted();
    const findings: Finding[] = [{ what: 'store', state: 'error', words: wordsOf(error) }];
    return { findings, running: null, isThere: true };
  }
}

async function told(found: MongoLook, secret: Secret | null): Promise<StoreCheck> {
  const { description, version } = found;
  const members = (await found.stored(memberCollection)).filter(({ value }) => !value.out);
  const sharers =
    members.length === 0 ? 'no Usher runs on it' : `shared by ${members.map(({ key }) => key).join(', ')}`;
  const findings: Finding[] = [
    {
      what: 'store',
      state: 'ok',
      words: `${description}, MongoDB ${version}, ${nature(found)}; takes writes; ${sharers}`,
    },
    clockFinding(found.aheadMs),
  ];
  const [house] = await found.stored(houseCollection);
  if (house !== undefined && secret !== null && house.value.secret !== secretMark(secret)) {
    findings.push({ what: 'store: secret', state: 'error', words: otherSecret(description) });
  }
  const running: RunningUsher | null =
    members.length === 0
      ? null
      : {
          pid: null,
          here: members.some(({ key }) => key.startsWith(`${hostname()}/`)),
          words: `of ${members.length} on this store`,
        };
  return { findings, running, isThere: house !== undefined };
}

function nature({ topology }: MongoLook): string {
  switch (topology.kind) {
    case 'single':
      return 'a single server, with which everything stands or falls';
    case 'replica-set':
      return `replica set ${topology.name} of ${topology.hosts}`;
    case 'sharded':
      return 'a sharded cluster';
  }
}

export function clockFinding(aheadMs: number | null): Finding {
  const what = 'store: clock';
  if (aheadMs === null) return { what, state: 'ok', words: 'the server does not tell its time' };
  const seconds = Math.round(Math.abs(aheadMs) / 1000);
  if (Math.abs(aheadMs) <= clockTolerance)
    return { what, state: 'ok', words: `agrees within ${Math.max(1, seconds)} s` };
  const which = aheadMs > 0 ? 'ahead of' : 'behind';
  const words = `the server's clock is ${seconds} s ${which} this machine's: let NTP set both, or jobs come at the wrong time and Join buttons too`;
  return { what, state: 'warning', words };
}
