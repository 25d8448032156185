/** Zoom: `<id>[.<passcode>]@zoomcrc.com` (Zoom "Cloud Room Connector"), on all of its own and partner clouds. */
import { hostIs } from '../links/host.ts';
import { codeAfter, numbersIn } from '../numbers.ts';
import { addressText, type ProviderParser, type Reading, type Surroundings, segmentsOf } from './provider.ts';

const hosts = ['zoom.us', 'zoom.com', 'zoomgov.com', 'zoom-x.de', 'zoom.com.cn', 'zoom.cn'];
const connectors = ['zoomcrc.com', 'sip.zoomgov.com', 'zmcrc.com.cn', 'zoomcrc.cn'];

export const zoom: ProviderParser = {
  name: 'zoom',
  readUrl(url) {
    if (url.protocol === 'zoommtg:' || !hosts.some((host) => hostIs(url.hostname, host))) return null;
    const [first = '', second = '', third = ''] = segmentsOf(url);
    const place = first.toLowerCase();
    if (place === 'my' && second !== '') return { url: url.href, id: null, sip: null };
    const id = ['j', 'w', 's'].includes(place) ? idOf(second) : place === 'wc' ? (idOf(second) ?? idOf(third)) : null;
    return id === null ? null : { url: url.href, id, sip: null };
  },
  readAddress(address) {
    if (!connectors.includes(address.domain)) return null;
    const id = /^(\d{9,12})(?:\.[\w*.]{1,20})?$/.exec(address.user)?.[1];
    return id === undefined ? null : { url: null, id, sip: addressText(address) };
  },
  sip(reading, around) {
    const written = around.addresses.find((one) => connectors.includes(one.domain) && idMatches(one.user, reading.id));
    const id = reading.id ?? (written === undefined ? idIn(around.text) : (/^\d+/.exec(written.user)?.[0] ?? null));
    if (id === null) return null;
    if (written !== undefined && /^\d+\.\w/.test(written.user)) return addressText(written);
    const passcode = passcodeOf(reading, around, id);
    const domain = written?.domain ?? connectorOf(reading.url);
    return `${id}${passcode === null ? '' : `.${passcode}`}@${domain}`;
  },
};

function idOf(text: string): string | null {
  const digits = text.replace(/[\s-]/g, '');
  return /^\d{9,12}$/.test(digits) ? digits : null;
}

function idMatches(user: string, id: string | null): boolean {
  return /^\d{9,12}(?:\.|$)/.test(user) && (id === null || user === id || user.startsWith(`${id}.`));
}

/** A personal link (`/my/name`) does not say its number; the block does, in groups of 3-3-3, 3-3-4 or 3-4-4. */
function idIn(text: string): string | null {
  const run = numbersIn(text).find(
    (one) =>
      one.kind === 'plain' && /^3,(?:3,3|3,4|4,4)$|^(?:9|10|11)$/.test(one.groups.map((group) => group.length).join()),
  );
  return run?.digits ?? null;
}

/**
 * The numeric passcode that a room system can send. A passcode with letters has a numeric twin, which the one-tap number
 * (`,,<id>#,,,,*<passcode>#`) shows. The link's `pwd` is a hash of it and no use here, unless it is a bare number.
 */
function passcodeOf(reading: Reading, around: Surroundings, id: string): string | null {
  for (const run of numbersIn(around.text)) {
    if (run.digits !== id || run.kind !== 'plain') continue;
    const code = codeAfter(around.text, run.end)?.code;
    if (code !== undefined && /^\d{4,10}$/.test(code)) return code;
  }
  for (const end of around.ends) {
    const code = codeAfter(around.text, end)?.code;
    if (code !== undefined && /^\d{4,10}$/.test(code)) return code;
  }
  const oneTap = /#,{1,6}\*(\d{4,10})#/.exec(around.text)?.[1];
  if (oneTap !== undefined) return oneTap;
  const pwd = reading.url === null ? null : new URL(reading.url).searchParams.get('pwd');
  return pwd !== null && /^\d{4,10}$/.test(pwd) ? pwd : null;
}

function connectorOf(url: string | null): string {
  return url !== null && hostIs(new URL(url).hostname, 'zoomgov.com') ? 'sip.zoomgov.com' : 'zoomcrc.com';
}
