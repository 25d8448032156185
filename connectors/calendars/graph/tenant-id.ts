/**
 * The GUID of a tenant that is configured by a domain name: notifications carry the GUID alone. Entra's OpenID metadata
 * of the domain names it in `issuer` (learn.microsoft.com/entra/identity-platform/v2-protocols-oidc); access tokens are
 * Graph's to read, not ours.
 */
import { z } from 'zod';
import type { Http } from './http.ts';

export interface TenantIdOptions {
  /** GUID or domain of the tenant. */
  tenant: string;
  /** `https://login.microsoftonline.com`. */
  login: string;
  http: Http;
}

const guid = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;
const metadataSchema = z.object({ issuer: z.url() });

export class TenantId {
  readonly #options: TenantIdOptions;
  #known: string | null;
  #asking: Promise<string | null> | null = null;

  constructor(options: TenantIdOptions) {
    this.#options = options;
    this.#known = guid.test(options.tenant) ? options.tenant.toLowerCase() : null;
  }

  /** Lower case; `null` while it has not been learned. */
  get known(): string | null {
    return this.#known;
  }

  /** Asks Entra where need be, once for all who ask meanwhile. Resolves to `null` when Entra cannot be asked now. */
  async learn(): Promise<string | null> {
    if (this.#known !== null) return this.#known;
    this.#asking ??= this.#ask()
      .catch(() => null)
      .finally(() => {
        this.#asking = null;
      });
    this.#known = await this.#asking;
    return this.#known;
  }

  async #ask(): Promise<string | null> {
    const { tenant, login, http } = this.#options;
    const url = `${new URL(login).origin}/${encodeURIComponent(tenant)}/v2.0/.well-known/openid-configuration`;
    const answer = await http.send({ url, method: 'GET', headers: { accept: 'application/json' } });
    if (answer.status !== 200) return null;
    const { issuer } = metadataSchema.parse(JSON.parse(answer.body));
    return (
      new URL(issuer).pathname
        .split('/')
        .find((part) => guid.test(part))
        ?.toLowerCase() ?? null
    );
  }
}
