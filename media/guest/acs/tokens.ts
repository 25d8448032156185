/**
 * Identities and tokens of Azure Communication Services: made on the server, one identity for each join, and deleted with
 * it. The connection string never reaches a page.
 */
import { pathToFileURL } from 'node:url';
import { z } from 'zod';

/** A token for one join. */
export interface AcsIdentity {
  token: string;
  /** Deletes the identity and with it every token. Never rejects. */
  forget(): Promise<void>;
}

export interface AcsIdentities {
  create(): Promise<AcsIdentity>;
}

/** What we use of @azure/communication-identity. */
const moduleSchema = z.object({ CommunicationIdentityClient: z.custom<new (connection: string) => IdentityClient>() });
interface IdentityClient {
  createUserAndToken(scopes: ['voip']): Promise<{ token: string; user: { communicationUserId: string } }>;
  deleteUser(user: { communicationUserId: string }): Promise<void>;
}

/** @throws Error that says what to install, or what the connection string lacks */
export async function acsIdentities(modulePath: string, connection: string): Promise<AcsIdentities> {
  const parsed = moduleSchema.safeParse(await import(pathToFileURL(modulePath).href));
  if (!parsed.success || typeof parsed.data.CommunicationIdentityClient !== 'function') {
    throw new Error(`${modulePath} has no CommunicationIdentityClient: is it @azure/communication-identity?`);
  }
  const client = new parsed.data.CommunicationIdentityClient(connection);
  return {
    async create() {
      const { token, user } = await client.createUserAndToken(['voip']);
      return {
        token,
        // An identity that could not be deleted costs nothing and can do nothing once its token has expired.
        forget: () => client.deleteUser(user).catch(() => undefined),
      };
    },
  };
}
