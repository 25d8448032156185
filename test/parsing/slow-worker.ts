/** A worker that never answers, breaks or runs out of memory when an invite's subject says so. */
import { parentPort } from 'node:worker_threads';
import type { Invite } from '../../parsers/invite.ts';
import { understand } from '../../parsers/understand.ts';

parentPort?.on('message', (invite: Invite) => {
  if (invite.subject === 'endless') for (;;);
  if (invite.subject === 'broken') throw new Error('broken');
  if (invite.subject === 'greedy') for (const kept: number[][] = []; ; kept.push(new Array(100_000).fill(1)));
  parentPort?.postMessage(understand(invite, { ownTenants: [] }));
});
