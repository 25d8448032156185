/** Where panels and others reach Usher by HTTP: its listeners, and its public address. */
import type { Clock } from '../../clock.ts';
import type { Config } from '../../config/schema.ts';
import { checkCertificate } from './certificate.ts';
import { type Finding, within, wordsOf } from './finding.ts';
import { checkListener, isLoopback } from './listeners.ts';
import type { RunningUsher } from './store.ts';

export async function checkWeb(
  config: Config,
  running: RunningUsher | null,
  clock: Clock,
  signal: AbortSignal,
): Promise<Finding[]> {
  const findings: Finding[] = [];
  for (const { what, setting, address, port } of listenersOf(config)) {
    const name = `${what} ${address.includes(':') ? `[${address}]` : address}:${port === 0 ? 'any' : port}`;
    findings.push(await checkListener({ what: name, transport: 'tcp', address, port, setting }, running));
  }
  const { publicUrl, trustedProxies } = config.web;
  if (publicUrl !== undefined && trustedProxies.length === 0 && needsProxy(publicUrl, config.web.address)) {
    const words =
      "web.publicUrl is a proxy's, but no proxy is named: all panels share one address' rate limit; name it in web.trustedProxies";
    findings.push({ what: 'web proxy', state: 'warning', words });
  }
  if (publicUrl !== undefined) findings.push(await checkPublicUrl(publicUrl, running, clock, signal));
  const online = config.microsoft365?.notifications;
  if (online?.tls !== undefined) {
    const host = new URL(online.publicUrl).hostname.replace(/^\[|\]$/g, '');
    const wanted = {
      what: 'notifications certificate',
      setting: 'microsoft365.notifications.tls',
      host,
      ...online.tls,
    };
    findings.push(checkCertificate(wanted, clock.now()));
  }
  return findings;
}

/** Usher itself speaks no https, and on loopback is reached from elsewhere by a proxy alone. */
function needsProxy(publicUrl: string, address: string): boolean {
  const { protocol, hostname } = new URL(publicUrl);
  return protocol === 'https:' || (isLoopback(address) && !isLoopback(hostname));
}

function listenersOf(config: Config): { what: string; setting: string; address: string; port: number }[] {
  const { web, microsoft365, cisco } = config;
  const all = [{ what: 'web', setting: 'web', address: web.address, port: web.port }];
  const online = microsoft365?.notifications;
  if (online !== undefined) {
    all.push({
      what: 'notifications',
      setting: 'microsoft365.notifications',
      address: online.address,
      port: online.port,
    });
  }
  const feedback = cisco?.feedback;
  if (feedback !== undefined) {
    all.push({ what: 'device feedback', setting: 'cisco.feedback', address: feedback.address, port: feedback.port });
  }
  return all;
}

/** Asked only while an Usher runs: without one nobody answers there. */
async function checkPublicUrl(
  url: string,
  running: RunningUsher | null,
  clock: Clock,
  signal: AbortSignal,
): Promise<Finding> {
  const what = 'web address';
  if (running === null) return { what, state: 'ok', words: `${url}; not asked, since no Usher runs` };
  const remedy =
    'see that the proxy runs, passes /healthz on and has a certificate that is trusted here, or correct web.publicUrl';
  try {
    const at = `${url.replace(/\/+$/, '')}/healthz`;
    const answer = await within(clock, signal, (until) => fetch(at, { signal: until, redirect: 'manual' }), 10_000);
    await answer.body?.cancel();
    if (answer.status === 200) return { what, state: 'ok', words: `${url} answers` };
    return { what, state: 'warning', words: `${url} answers HTTP ${answer.status} instead of Usher's 200: ${remedy}` };
  } catch (error) {
    signal.throwIfAborted();
    const cause = error instanceof Error && error.cause instanceof Error ? error.cause : error;
    return { what, state: 'warning', words: `${url} does not answer from here (${wordsOf(cause)}): ${remedy}` };
  }
}
