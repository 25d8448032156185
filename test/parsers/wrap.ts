/** Wraps a link as each gateway does: the other direction of parsers/links/wrappers.ts, written from the vendors' descriptions. */

export type Wrap = (url: string) => string;

const lower = (url: string) => encodeURIComponent(url).replace(/%[0-9A-F]{2}/g, (code) => code.toLowerCase());

function proofpointV2(url: string): string {
  // Everything but letters, digits and dots is `-XX`, a slash `_`.
  const coded = [...Buffer.from(url)]
    .map((byte) => {
      const char = String.fromCharCode(byte);
      if (/[A-Za-z0-9.]/.test(char)) return char;
      return char === '/' ? '_' : `-${byte.toString(16).toUpperCase().padStart(2, '0')}`;
    })
    .join('');
  return `https://urldefense.proofpoint.com/v2/url?u=${coded}&d=DwMFaQ&c=abc&r=def&m=ghi&s=jkl&e=`;
}

const runs = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_';

function proofpointV3(url: string): string {
  let replaced = '';
  const coded = url.replace(/[^A-Za-z0-9:/.?=&#_~-]+/g, (run) => {
    let left = run;
    let stars = '';
    while (left.length > 0) {
      const count = Math.min(left.length, 65);
      replaced += left.slice(0, count);
      stars += count === 1 ? '*' : `**${runs[count - 2]}`;
      left = left.slice(count);
    }
    return stars;
  });
  return `https://urldefense.com/v3/__${coded}__;${Buffer.from(replaced).toString('base64url')}!!AbC-dEf!gHi$`;
}

/** By the name that `unwrap` reports. Check Point is the form that loses a slash. */
export const wraps: readonly { wrapper: string; how: string; wrap: Wrap }[] = [
  {
    wrapper: 'safelinks',
    how: 'Safe Links',
    wrap: (url) =>
      `https://nam12.safelinks.protection.outlook.com/?url=${encodeURIComponent(url)}&data=05%7C02%7Croom%40example.com&sdata=abc%3D&reserved=0`,
  },
  {
    wrapper: 'safelinks',
    how: 'Safe Links for Teams',
    wrap: (url) => `https://eur01.safelinks.protection.outlook.com/ap/t-59584e83/?url=${lower(url)}&data=05&reserved=0`,
  },
  {
    wrapper: 'safelinks',
    how: 'Safe Links of GCC High',
    wrap: (url) => `https://usg02.safelinks.protection.office365.us/?url=${encodeURIComponent(url)}&data=05`,
  },
  {
    wrapper: 'safelinks',
    how: 'Safe Links of China',
    wrap: (url) => `https://chn01.safelinks.protection.partner.outlook.cn/?url=${encodeURIComponent(url)}&data=05`,
  },
  {
    wrapper: 'safelinks',
    how: 'Safe Links interstitial',
    wrap: (url) =>
      `https://statics.teams.cdn.office.net/evergreen-assets/safelinks/1/atp-safelinks.html?url=${encodeURIComponent(url)}&locale=en-us`,
  },
  {
    wrapper: 'proofpoint',
    how: 'Proofpoint v1',
    wrap: (url) => `https://urldefense.proofpoint.com/v1/url?u=${encodeURIComponent(url)}&k=abc`,
  },
  { wrapper: 'proofpoint', how: 'Proofpoint v2', wrap: proofpointV2 },
  { wrapper: 'proofpoint', how: 'Proofpoint v3', wrap: proofpointV3 },
  {
    wrapper: 'barracuda',
    how: 'Barracuda',
    wrap: (url) => `https://linkprotect.cudasvc.com/url?a=${encodeURIComponent(url)}&c=E,1,abc&typo=1`,
  },
  {
    wrapper: 'cisco',
    how: 'Cisco',
    wrap: (url) => `https://secure-web.cisco.com/1abcDEF-g_h/${encodeURIComponent(url)}`,
  },
  {
    wrapper: 'trend micro',
    how: 'Trend Micro',
    wrap: (url) =>
      `https://imsva91-ctp.trendmicro.com/wis/clicktime/v1/query?url=${lower(url).replaceAll('-', '%2d')}&umid=1&auth=2`,
  },
  {
    wrapper: 'check point',
    how: 'Check Point',
    wrap: (url) => `https://protect.checkpoint.com/v2/___${url.replace('://', ':/')}___.YzJlOmV4YW1wbGU6YzpvOjE6MmIz`,
  },
  {
    wrapper: 'google',
    how: 'Google',
    wrap: (url) => `https://www.google.com/url?q=${encodeURIComponent(url)}&sa=D&source=calendar&usg=AOvVaw0`,
  },
  {
    wrapper: 'sophos',
    how: 'Sophos',
    wrap: (url) =>
      `https://eu-central-1.protection.sophos.com/?d=microsoft.com&u=${encodeURIComponent(Buffer.from(url).toString('base64'))}&i=1`,
  },
  {
    wrapper: 'trellix',
    how: 'Trellix',
    wrap: (url) => `https://protect2.fireeye.com/v1/url?k=abc-def&q=1&e=ghi&u=${encodeURIComponent(url)}`,
  },
  {
    wrapper: 'symantec',
    how: 'Symantec',
    wrap: (url) => `https://clicktime.symantec.com/15tStZ?h=abc=&u=${encodeURIComponent(url)}`,
  },
  {
    wrapper: 'vade',
    how: 'Vade',
    wrap: (url) => `https://antiphishing.vadesecure.com/v4?f=a&i=b&k=c&r=d&s=e&u=${encodeURIComponent(url)}`,
  },
  {
    wrapper: 'dynamics',
    how: 'Dynamics 365 events',
    wrap: (url) =>
      `https://public-eur.mkt.dynamics.com/api/v1.0/orgs/1/eventmanagement/checkin/stream?id=1&redirectUri=${encodeURIComponent(url)}`,
  },
];
