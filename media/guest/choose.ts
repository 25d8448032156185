/**
 * Which guest legs may be tried for a Teams meeting, in which order, and why the others may not. One table, cloud by
 * tenancy; a meeting for which nothing is left has route `none` with the reasons, not a button that fails.
 */
import type { TeamsInfo, Tenancy } from '../../parsers/invite.ts';
import { teamsCloudOf } from '../../parsers/teams.ts';
import type { Outcome } from './guest.ts';

/** Our own adapters. Others, which an administrator names by module, are not in the table and may join anything. */
export const ownLegs = ['acs', 'teams-web'] as const;
export type OwnLeg = (typeof ownLegs)[number];
/** `national`: a partner's cloud, whose hosts are known and nothing else. */
export type Cloud = NonNullable<TeamsInfo['cloud']> | 'national';

export interface Row {
  cloud: Cloud;
  /** Whose meetings; `any`: it makes no difference there. */
  tenancy: readonly Tenancy[] | 'any';
  /** Allowed legs, the better one first. */
  legs: readonly OwnLeg[];
  /** Why a leg is missing. */
  missing: Partial<Record<OwnLeg, string>>;
  source: string;
}

const capabilities = 'learn.microsoft.com/azure/communication-services/concepts/interop/guest/meeting-capabilities';

/**
 * The first row that fits counts. Sources: `documented`, a vendor says so; `cautious`, nothing says that it works, so it
 * is not tried. GCC is not told from commercial: it shares its hosts, and no invite says which it is.
 */
export const legTable: readonly Row[] = [
  {
    // The tenant id of personal accounts, on a link of the commercial host.
    cloud: 'commercial',
    tenancy: ['consumer'],
    legs: ['teams-web'],
    missing: { acs: 'Azure Communication Services joins no meeting of a personal Teams account' },
    source: `documented: "Join Teams for Home meeting: no", ${capabilities}`,
  },
  {
    // A guest is one in the own tenant too: the call signs in nowhere.
    cloud: 'commercial',
    tenancy: ['own', 'external', 'unknown'],
    legs: ['acs', 'teams-web'],
    missing: {},
    source: `documented: "Join Teams for Work meeting via URL, via meeting ID & passcode: yes", ${capabilities}; the web client does the same in a browser`,
  },
  {
    cloud: 'consumer',
    tenancy: 'any',
    legs: ['teams-web'],
    missing: { acs: 'Azure Communication Services joins no meeting of a personal Teams account' },
    source: `documented: "Join Teams for Home meeting: no", ${capabilities}`,
  },
  {
    cloud: 'gcc-high',
    tenancy: 'any',
    legs: ['teams-web'],
    missing: { acs: 'a commercial Azure Communication Services resource does not reach the government cloud' },
    source:
      'cautious: government clouds are apart from the commercial one; whether guests get in is the tenant’s policy',
  },
  {
    cloud: 'dod',
    tenancy: 'any',
    legs: ['teams-web'],
    missing: { acs: 'a commercial Azure Communication Services resource does not reach the government cloud' },
    source: 'cautious: as gcc-high',
  },
  {
    cloud: 'china',
    tenancy: 'any',
    legs: [],
    missing: {
      acs: 'Azure Communication Services does not reach Teams operated by 21Vianet',
      'teams-web': 'the web client of Teams operated by 21Vianet has not been looked at',
    },
    source: 'cautious: nothing about guest joins there was found',
  },
  {
    cloud: 'national',
    tenancy: 'any',
    legs: [],
    missing: {
      acs: 'Azure Communication Services does not reach the national cloud of a partner',
      'teams-web': 'the web client of this national cloud has not been looked at',
    },
    source: 'cautious: nothing about guest joins there was found',
  },
];

/** What a tenant refused to one leg before; kept by whoever remembers. */
export interface Refusal {
  leg: string;
  outcome: Outcome;
}

export interface LegQuestion {
  /** As the parsers found it; `null` where the invite says nothing of it, and then the link's host decides. */
  cloud: TeamsInfo['cloud'];
  /** `null` where it is not known. */
  tenancy: Tenancy | null;
  broadcast: boolean;
  /** The link that leads to the meeting, if the invite has one: the web client cannot join without. */
  url: string | null;
  /** Names of the adapters that are configured, in the administrator's order. */
  configured: readonly string[];
  /** What this meeting's tenant refused lately. */
  refused?: readonly Refusal[];
}

export interface LegChoice {
  /** To be tried in this order. Empty: route `none`. */
  legs: readonly string[];
  /** Why configured adapters are not among them. */
  reasons: readonly { leg: string; why: string }[];
}

/** Policies that a later attempt by the same way meets again. */
const lasting: ReadonlySet<Outcome> = new Set<Outcome>([
  'anonymous-join-disabled',
  'sign-in-required',
  'captcha',
  'email-verification',
  'watermark-or-encryption-required',
]);

/** Whether an outcome is worth remembering for the next meeting. Adapters named by module are judged by nobody but them. */
export function isRefusal(leg: string, outcome: Outcome): boolean {
  return isOwn(leg) && lasting.has(outcome);
}

export function chooseLegs(question: LegQuestion): LegChoice {
  const row = rowFor(question);
  const legs: string[] = [];
  const reasons: { leg: string; why: string }[] = [];
  for (const leg of inOrder(question.configured, row)) {
    const why = whyNot(leg, question, row);
    if (why === null) legs.push(leg);
    else reasons.push({ leg, why });
  }
  if (question.configured.length === 0) reasons.push({ leg: '', why: 'no guest adapter is configured' });
  return { legs, reasons };
}

function rowFor({ cloud, tenancy, url }: LegQuestion): Row | undefined {
  const served = cloud ?? (tenancy === 'consumer' ? 'consumer' : cloudOf(url));
  const whose = tenancy ?? 'unknown';
  return legTable.find((row) => row.cloud === served && (row.tenancy === 'any' || row.tenancy.includes(whose)));
}

/** The administrator's order between adapters, but ours among themselves in the table's. */
function inOrder(configured: readonly string[], row: Row | undefined): string[] {
  const ours = (row?.legs ?? []).filter((leg) => configured.includes(leg));
  return configured.map((leg) => (isOwn(leg) && row?.legs.includes(leg) ? (ours.shift() ?? leg) : leg));
}

function whyNot(leg: string, question: LegQuestion, row: Row | undefined): string | null {
  if (isOwn(leg)) {
    if (row === undefined || !row.legs.includes(leg)) return row?.missing[leg] ?? 'not for this cloud';
    if (leg === 'teams-web' && question.url === null) return 'the invite has no link, which the web client needs';
    if (leg === 'acs' && question.broadcast) {
      return 'Azure Communication Services joins no webinar, town hall or live event';
    }
  }
  const refusal = question.refused?.find((one) => one.leg === leg && lasting.has(one.outcome));
  return refusal === undefined ? null : `this tenant refused it before: ${refusal.outcome}`;
}

/** By the link's host; a host that is nobody's is taken for commercial, where adapters look at links themselves. */
function cloudOf(url: string | null): Cloud {
  if (url === null || !URL.canParse(url)) return 'commercial';
  const cloud = teamsCloudOf(new URL(url).hostname);
  return cloud === null ? 'national' : (cloud ?? 'commercial');
}

function isOwn(leg: string): leg is OwnLeg {
  return ownLegs.some((own) => own === leg);
}

/**
 * Whether the next leg may be tried after one has ended. Never after the lobby was reached: from then on people have
 * decided, and a second knock would go behind their backs. Never where the meeting itself was the reason.
 */
export function mayFallBack(outcome: Outcome, reachedLobby: boolean): boolean {
  return !reachedLobby && (lasting.has(outcome) || outcome === 'failed' || outcome === 'connection-lost');
}
