/** Which links the web client may be opened with. */
const hosts = new Set([
  'teams.microsoft.com',
  'teams.cloud.microsoft',
  'teams.live.com',
  'gov.teams.microsoft.us',
  'dod.teams.microsoft.us',
]);

/** The address to open, or `null`: an invite is hostile input, and this opens nothing but Teams. */
export function openable(link: string | null): URL | null {
  if (link === null || link.length > 4096 || !URL.canParse(link)) return null;
  const url = new URL(link);
  const plain = url.protocol === 'https:' && url.username === '' && url.password === '' && url.port === '';
  return plain && hosts.has(url.hostname) ? url : null;
}

/** Whether a page may be where it is: on Teams, or at one of Microsoft's sign-in pages, which end the join. */
export function isMicrosofts(host: string): boolean {
  return hosts.has(host) || /^login\.(microsoftonline\.(com|us)|live\.com|partner\.microsoftonline\.cn)$/.test(host);
}
