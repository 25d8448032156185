/** What can be wrong with a Cisco device, one check for each, in an order in which they can be repaired. */
import { type DeviceCheck, DeviceError } from '../device.ts';
import { isOurs } from '../xapi/booking.ts';
import type { Listed } from '../xapi/listing.ts';
import { teamsMode } from '../xapi/refusal.ts';
import { clockToleratedMs, type Facts, wayOf } from './facts.ts';
import type { CiscoTls } from './tls.ts';

export interface CheckSources {
  tls: CiscoTls;
  /** @throws DeviceError */
  read: () => Promise<Facts>;
  /** @throws DeviceError */
  list: () => Promise<readonly Listed[]>;
}

/** Writes nothing to the device. Never rejects because of the device. */
export async function checkCisco({ tls, read, list }: CheckSources): Promise<readonly DeviceCheck[]> {
  const checks: DeviceCheck[] = [checkTls(tls)];
  try {
    const facts = await read();
    checks.push({ what: 'answers', ok: true, words: `${facts.product}, ${facts.software}` });
    checks.push(checkMode(facts), checkClock(facts), await checkList(list));
  } catch (error) {
    if (!(error instanceof DeviceError)) throw error;
    checks.push({ what: 'answers', ok: false, words: error.message });
  }
  return checks;
}

function checkTls(tls: CiscoTls): DeviceCheck {
  const words =
    tls.kind === 'none'
      ? 'not checked: give tls.ca, or pin the certificate with tls.fingerprint'
      : tls.kind === 'fingerprint'
        ? 'pinned'
        : 'by a certificate authority';
  return { what: 'certificate', ok: tls.kind !== 'none', words };
}

function checkMode(facts: Facts): DeviceCheck {
  if (facts.teams) return { what: 'takes bookings', ok: false, words: teamsMode };
  const way = wayOf(facts) === 'json' ? 'Bookings Put' : 'bookingsputxml';
  return { what: 'takes bookings', ok: true, words: `by ${way}` };
}

function checkClock({ aheadMs }: Facts): DeviceCheck {
  if (aheadMs === null) return { what: 'clock', ok: true, words: 'the device tells no time' };
  const seconds = Math.round(aheadMs / 1000);
  const ok = Math.abs(aheadMs) <= clockToleratedMs;
  return {
    what: 'clock',
    ok,
    words: `${Math.abs(seconds)} s ${seconds < 0 ? 'slow' : 'fast'}${ok ? '' : ': set its NTP server'}`,
  };
}

async function checkList(list: CheckSources['list']): Promise<DeviceCheck> {
  try {
    const listed = await list();
    const ours = listed.filter(({ booking }) => isOurs(booking)).length;
    return { what: 'list', ok: true, words: `${ours} bookings of Usher, ${listed.length - ours} of others` };
  } catch (error) {
    if (!(error instanceof DeviceError)) throw error;
    return { what: 'list', ok: false, words: error.message };
  }
}
