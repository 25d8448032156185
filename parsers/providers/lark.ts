/** Lark and Feishu: `vc.larksuite.com/j/<9 digits>`. */
import { hostIs } from '../links/host.ts';
import { type ProviderParser, segmentsOf } from './provider.ts';

const hosts = ['larksuite.com', 'feishu.cn', 'larkoffice.com'];

export const lark: ProviderParser = {
  name: 'lark',
  readUrl(url) {
    if (!hosts.some((host) => hostIs(url.hostname, host))) return null;
    const [first = '', second = ''] = segmentsOf(url);
    const id = second.replace(/-/g, '');
    return first.toLowerCase() === 'j' && /^\d{6,12}$/.test(id) ? { url: url.href, id, sip: null } : null;
  },
};
