/** One worker thread: understands one invite at a time, so that a hostile one holds up nothing but this thread. */
import { parentPort, workerData } from 'node:worker_threads';
import type { Invite } from '../../parsers/invite.ts';
import { type UnderstandOptions, understand } from '../../parsers/understand.ts';

const options: UnderstandOptions = workerData;

parentPort?.on('message', (invite: Invite) => {
  parentPort?.postMessage(understand(invite, options));
});
