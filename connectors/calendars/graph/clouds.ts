/** The national clouds of Microsoft 365 (learn.microsoft.com/graph/deployments): same API, other hosts and directories. */

export type GraphCloud = 'commercial' | 'gcc-high' | 'dod' | 'china';

export interface GraphEndpoints {
  /** Where tokens come from, `https://login.microsoftonline.com`. */
  login: string;
  /** `https://graph.microsoft.com`; also the audience of the tokens. */
  graph: string;
}

export const clouds: Readonly<Record<GraphCloud, GraphEndpoints>> = {
  /** GCC without "High" lives in the commercial cloud. */
  commercial: { login: 'https://login.microsoftonline.com', graph: 'https://graph.microsoft.com' },
  'gcc-high': { login: 'https://login.microsoftonline.us', graph: 'https://graph.microsoft.us' },
  dod: { login: 'https://login.microsoftonline.us', graph: 'https://dod-graph.microsoft.us' },
  china: { login: 'https://login.chinacloudapi.cn', graph: 'https://microsoftgraph.chinacloudapi.cn' },
};
