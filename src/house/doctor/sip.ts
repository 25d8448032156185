/** Guest calls: the SIP listeners, what devices are told to dial, the certificate, and the ports of media. */
import { isIP } from 'node:net';
import { PortPool } from '../../../media/bridge/ports.ts';
import type { Config } from '../../config/schema.ts';
import { checkCertificate } from './certificate.ts';
import type { Finding } from './finding.ts';
import { checkListener, isLoopback, tryBinding } from './listeners.ts';
import type { RunningUsher } from './store.ts';

type Sip = NonNullable<Config['sip']>;

/** A call with video takes a pair of ports for sound and one for video. */
const pairsOfCall = 2;

export async function checkSip(sip: Sip, running: RunningUsher | null, now: number): Promise<Finding[]> {
  const findings: Finding[] = [];
  for (const { transport, address, port } of sip.listen) {
    const what = `SIP ${transport} ${hostAndPort(address, port)}`;
    const plain = transport === 'udp' ? 'udp' : 'tcp';
    findings.push(await checkListener({ what, transport: plain, address, port, setting: 'sip.listen' }, running));
  }
  findings.push(checkDialled(sip));
  if (sip.tls !== undefined) {
    const host = hostOf(sip.domain) ?? sip.advertisedAddress ?? null;
    findings.push(checkCertificate({ what: 'SIP/TLS certificate', setting: 'sip.tls', host, ...sip.tls }, now));
  }
  findings.push(checkMediaPorts(sip), await checkMediaAddress(sip));
  return findings;
}

/** What dial strings name. */
function checkDialled({ domain, advertisedAddress, listen }: Sip): Finding {
  const what = 'SIP address';
  const host = domain ?? advertisedAddress ?? listen[0]?.address ?? '0.0.0.0';
  if (isLoopback(host)) {
    const words = `devices are told to dial ${host}, which only this machine reaches: set sip.advertisedAddress`;
    return { what, state: 'warning', words };
  }
  return { what, state: 'ok', words: `devices are told to dial ${host}` };
}

function checkMediaPorts({ rtp, maxCalls }: Sip): Finding {
  const what = 'media ports';
  const range = { min: rtp.minPort, max: rtp.maxPort };
  const { pairs } = new PortPool('127.0.0.1', range);
  const calls = Math.floor(pairs / pairsOfCall);
  const words = `UDP ${rtp.minPort} to ${rtp.maxPort}: enough for ${calls} calls`;
  if (calls >= maxCalls) return { what, state: 'ok', words };
  const first = rtp.minPort + (rtp.minPort % 2);
  const enough = first + 2 * pairsOfCall * maxCalls - 1;
  const widen = enough <= 65_535 ? `set sip.rtp.maxPort to ${enough} or more` : 'begin lower with sip.rtp.minPort';
  return {
    what,
    state: calls === 0 ? 'error' : 'warning',
    words: `${words}, but sip.maxCalls is ${maxCalls}: ${widen}, or sip.maxCalls to ${Math.max(1, calls)}`,
  };
}

async function checkMediaAddress({ rtp, advertisedAddress, listen }: Sip): Promise<Finding> {
  const what = 'media address';
  const address = rtp.address ?? listen[0]?.address ?? '0.0.0.0';
  const announced = rtp.announcedAddress ?? advertisedAddress ?? address;
  const code = await tryBinding({ transport: 'udp', address, port: 0 });
  if (code !== null) {
    return {
      what,
      state: 'error',
      words: `${address} is not an address of this machine (${code}): correct sip.rtp.address`,
    };
  }
  if (isIP(announced) === 0) {
    const words = `rooms cannot send media to ${announced}: set sip.rtp.announcedAddress to the IP address where they reach this machine`;
    return { what, state: 'error', words };
  }
  return { what, state: 'ok', words: `rooms send media to ${announced}` };
}

function hostAndPort(host: string, port: number): string {
  return `${host.includes(':') ? `[${host}]` : host}:${port === 0 ? 'any' : port}`;
}

/** Without a port and parameters. */
function hostOf(domain: string | undefined): string | null {
  if (domain === undefined) return null;
  return /^\[([^\]]+)\]/.exec(domain)?.[1] ?? domain.replace(/[:;].*$/s, '');
}
