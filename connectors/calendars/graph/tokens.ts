/** Access tokens of the app itself (OAuth client credentials), by certificate or by secret. */
import {
  ConfidentialClientApplication,
  type INetworkModule,
  LogLevel,
  type NetworkRequestOptions,
  type NetworkResponse,
} from '@azure/msal-node';
import { CalendarUnavailable } from '../calendar.ts';
import { assertionBy, type CertificateCredential } from './assertion.ts';
import type { GraphEndpoints } from './clouds.ts';
import type { Http } from './http.ts';

export type GraphCredential =
  /** Preferred: the private key never travels. Both as PEM. */
  ({ kind: 'certificate' } & CertificateCredential) | { kind: 'secret'; secret: string };

export interface TokenOptions {
  /** GUID or domain of the tenant. */
  tenant: string;
  clientId: string;
  credential: GraphCredential;
  endpoints: GraphEndpoints;
  http: Http;
}

export class Tokens {
  readonly #app: ConfidentialClientApplication;
  readonly #scopes: string[];
  readonly #network: MsalNetwork;
  readonly #login: string;
  #renewing: Promise<string> | null = null;

  /** @throws TypeError when the certificate cannot be read */
  constructor(options: TokenOptions) {
    const login = new URL(options.endpoints.login);
    this.#login = login.origin;
    this.#network = new MsalNetwork(options.http);
    this.#scopes = [`${options.endpoints.graph}/.default`];
    this.#app = new ConfidentialClientApplication({
      auth: {
        clientId: options.clientId,
        authority: `${login.origin}/${options.tenant}`,
        // Spares the question to Microsoft's public cloud which hosts are its own.
        knownAuthorities: [login.host],
        ...authOf(options),
      },
      system: {
        networkClient: this.#network,
        loggerOptions: { logLevel: LogLevel.Error, piiLoggingEnabled: false, loggerCallback: () => {} },
      },
    });
  }

  /** From the cache while it lasts. */
  async get(): Promise<string> {
    return this.#acquire(false);
  }

  /** A new one, because Graph refused the one in the cache. Many callers at a time get the same. */
  renew(): Promise<string> {
    this.#renewing ??= this.#acquire(true).finally(() => {
      this.#renewing = null;
    });
    return this.#renewing;
  }

  /** @throws CalendarUnavailable */
  async #acquire(skipCache: boolean): Promise<string> {
    this.#network.failure = null;
    try {
      const result = await this.#app.acquireTokenByClientCredential({ scopes: this.#scopes, skipCache });
      if (result === null) throw new Error('no token in the answer');
      return result.accessToken;
    } catch (error) {
      const { failure } = this.#network;
      if (failure !== null) {
        throw new CalendarUnavailable(
          `Microsoft Entra cannot be reached at ${this.#login}: ${failure}; check network, proxy and certificate authorities (microsoft365.proxy and ca)`,
          { cause: error },
        );
      }
      const reason = error instanceof Error ? error.message.slice(0, 300) : String(error);
      throw new CalendarUnavailable(
        `Microsoft Entra gave no token: ${reason}; check tenant, client id and the certificate or secret of the app`,
        { cause: error },
      );
    }
  }
}

function authOf({ credential, clientId, tenant, endpoints, http }: TokenOptions) {
  if (credential.kind === 'secret') return { clientSecret: credential.secret };
  const signed = assertionBy(credential, clientId);
  const usual = `${new URL(endpoints.login).origin}/${tenant}/oauth2/v2.0/token`;
  return {
    clientAssertion: async ({ tokenEndpoint }: { tokenEndpoint?: string }) =>
      signed(tokenEndpoint ?? usual, http.serverNow()),
  };
}

/** MSAL's network port on our own way out, so that proxy, certificates and limits are the same. */
class MsalNetwork implements INetworkModule {
  readonly #http: Http;
  /** Why the last request got no answer: the library says only that something failed. */
  failure: string | null = null;

  constructor(http: Http) {
    this.#http = http;
  }

  sendGetRequestAsync<T>(url: string, options?: NetworkRequestOptions): Promise<NetworkResponse<T>> {
    return this.#send(url, 'GET', options);
  }

  sendPostRequestAsync<T>(url: string, options?: NetworkRequestOptions): Promise<NetworkResponse<T>> {
    return this.#send(url, 'POST', options);
  }

  async #send<T>(url: string, method: 'GET' | 'POST', options?: NetworkRequestOptions): Promise<NetworkResponse<T>> {
    const body = options?.body === undefined ? {} : { body: options.body };
    const answer = await this.#http.send({ url, method, headers: { ...options?.headers }, ...body }).catch((error) => {
      this.failure = error instanceof Error ? error.message : String(error);
      throw error;
    });
    this.failure = null;
    return { status: answer.status, headers: answer.headers, body: JSON.parse(answer.body) };
  }
}
