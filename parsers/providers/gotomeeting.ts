/** GoTo Meeting. Its InRoomLink address (`<id>@67.217.95.2`) is believed where the invite gives it. */
import { hostIs } from '../links/host.ts';
import { type ProviderParser, parameterOf, segmentsOf } from './provider.ts';

export const gotomeeting: ProviderParser = {
  name: 'gotomeeting',
  readUrl(url) {
    const segments = segmentsOf(url);
    const [first = '', second = ''] = segments;
    const found = (id: string | null) => ({ url: url.href, id, sip: null });
    if (hostIs(url.hostname, 'gotomeet.me') && first !== '') return found(digitsOf(second) ?? first);
    if (hostIs(url.hostname, 'meet.goto.com') && first !== '') return found(digitsOf(first) ?? first);
    if (hostIs(url.hostname, 'app.goto.com') && first === 'meeting' && second !== '')
      return found(digitsOf(second) ?? second);
    if (!hostIs(url.hostname, 'gotomeeting.com')) return null;
    const [, , third = ''] = segments;
    if (first === 'join' && second !== '') return found(digitsOf(second) ?? second);
    if (first === 'meeting' && second === 'join' && third !== '') return found(digitsOf(third) ?? third);
    const id = digitsOf(parameterOf(url, 'meetingId') ?? parameterOf(url, 'meetingid') ?? '');
    return id === null ? null : found(id);
  },
};

function digitsOf(text: string): string | null {
  const digits = text.replace(/-/g, '');
  return /^\d{6,12}$/.test(digits) ? digits : null;
}
