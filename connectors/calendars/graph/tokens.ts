/** Access tokens of the app itself (OAuth client credentials), by certificate or by secret. */
import {
  ConfidentialClientApplication,
  type INetworkModule,
  LogLevel,
  type NetworkRequestOptions,
  type NetworkResponse,
} from '@azure/msal-node';
import { z } from 'zod';
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
    this.#network.refusal = null;
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
      // The library's own words for a tenant that is not there name a page of its documentation, and nothing else.
      const reason = this.#network.refusal ?? (error instanceof Error ? error.message.slice(0, 300) : String(error));
      throw new CalendarUnavailable(`Microsoft Entra gave no token (${reason}): ${remedyOf(reason)}`, { cause: error });
    }
  }
}

/** By Entra's numbers: learn.microsoft.com/entra/identity-platform/reference-error-codes. */
const remedies: Readonly<Record<string, string>> = {
  AADSTS90002: 'there is no such tenant: correct microsoft365.tenant (and cloud, if it is in another one)',
  AADSTS900023: 'microsoft365.tenant is neither the id nor a domain of a tenant: correct it',
  AADSTS700016:
    'this tenant has no such app: correct microsoft365.clientId, or the tenant if the app is in another one',
  AADSTS7000215: "microsoft365.secret is not the app's: give the value of a client secret, not its id",
  AADSTS7000222: 'the client secret has run out: make a new one for the app, and give its value as microsoft365.secret',
  AADSTS700027:
    "the certificate is not the app's, or has run out: upload it to the app, or correct microsoft365.certificate",
  AADSTS7000112: 'the app is disabled: enable it in Microsoft Entra',
};

function remedyOf(reason: string): string {
  const [number = ''] = /AADSTS\d+/.exec(reason) ?? [];
  return remedies[number] ?? 'check tenant, client id and the certificate or secret of the app';
}

/** OAuth's own form of errors (RFC 6749, section 5.2), with what people can read in the first line. */
const refusalSchema = z.object({ error_description: z.string() });

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
  /** What Entra said when it last refused. */
  refusal: string | null = null;

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
    const parsed = JSON.parse(answer.body);
    if (answer.status >= 400) {
      const { data } = refusalSchema.safeParse(parsed);
      this.refusal = data?.error_description.split(/\r?\n| Trace ID:/, 1)[0]?.slice(0, 300) ?? null;
    }
    return { status: answer.status, headers: answer.headers, body: parsed };
  }
}
