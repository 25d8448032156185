/** Which links the web client may be opened with. */
import { teamsCloudOf } from '../../../parsers/teams.ts';

const clouds: ReadonlySet<string> = new Set(['commercial', 'consumer', 'gcc-high', 'dod']);

/** Of a cloud for which the table of legs has the web client. */
function isTeams(host: string): boolean {
  return clouds.has(teamsCloudOf(host) ?? '');
}

/** The address to open, or `null`: an invite is hostile input, and this opens nothing but Teams. */
export function openable(link: string | null): URL | null {
  if (link === null || link.length > 4096 || !URL.canParse(link)) return null;
  const url = new URL(link);
  const plain = url.protocol === 'https:' && url.username === '' && url.password === '' && url.port === '';
  return plain && isTeams(url.hostname) ? url : null;
}

/** Whether a page may be where it is: on Teams, or at one of Microsoft's sign-in pages, which end the join. */
export function isMicrosofts(host: string): boolean {
  return isTeams(host) || /^login\.(microsoftonline\.(com|us)|live\.com|partner\.microsoftonline\.cn)$/.test(host);
}
