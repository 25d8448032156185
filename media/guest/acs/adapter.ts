/**
 * Guest adapter `acs`: joins Teams meetings through the Azure Communication Services Calling SDK, Microsoft's supported
 * way for an application to take part as a guest. The SDK and an Azure resource are the administrator's to bring; how,
 * is said in docs/limits.md. Commercial cloud only.
 */
import { z } from 'zod';
import { announce, bridgeFunction, expose, exposeBridge } from '../exposed.ts';
import type { GuestAdapterFactory, GuestEnvironment, JoinRequest } from '../guest.ts';
import { type LegControl, startLeg } from '../leg.ts';
import { pagePool } from '../pages.ts';
import { installCommand, installed } from './installed.ts';
import { locatorOf } from './locator.ts';
import { outcomeOf } from './outcomes.ts';
import type { AcsReport } from './page/acs-page.ts';
import { type SdkSource, serveAcsPages } from './pages.ts';
import { type AcsIdentities, type AcsIdentity, acsIdentities } from './tokens.ts';

export const optionsSchema = z.strictObject({
  /** Name of the environment variable that holds the resource's connection string. */
  connectionStringVariable: z.string().min(1).default('USHER_ACS_CONNECTION_STRING'),
  /** The folder in whose node_modules the packages are. Default: the working directory, then Usher's own. */
  packages: z.string().min(1).nullable().default(null),
  /** How many warm pages to keep. */
  warm: z.number().int().min(0).max(50).default(2),
  /** Modules that stand in for Microsoft's; for tests. */
  standIn: z.strictObject({ calling: z.string(), identity: z.string() }).optional(),
});
type Options = z.infer<typeof optionsSchema>;

const reportSchema: z.ZodType<AcsReport> = z.object({
  state: z.enum([
    'None',
    'Connecting',
    'Ringing',
    'Connected',
    'LocalHold',
    'RemoteHold',
    'InLobby',
    'Disconnecting',
    'Disconnected',
    'EarlyMedia',
  ]),
  end: z.object({ code: z.number(), subCode: z.number().nullable() }).nullable(),
});

const factory: GuestAdapterFactory = async (environment) => {
  const options = optionsSchema.parse(environment.options ?? {});
  const identities = await identitiesOf(options);
  const pages = await serveAcsPages(sdkOf(options));
  const pool = pagePool({
    browser: environment.browser,
    size: options.warm,
    contextOptions: { viewport: { width: 1280, height: 720 } },
    prepare: async (page) => {
      await announce(page, [bridgeFunction, 'usherAcsState']);
      await page.goto(`${pages.origin}/`);
    },
    clock: environment.clock,
    log: environment.log,
  });
  return {
    name: 'acs',
    join: (request) => leg(environment, pool, identities, request),
    warm: (wanted) => pool.warm(wanted),
    async close() {
      await pool.close();
      await pages.close();
    },
  };
};
export default factory;

function leg(
  environment: GuestEnvironment,
  pool: ReturnType<typeof pagePool>,
  identities: AcsIdentities,
  request: JoinRequest,
): ReturnType<typeof startLeg> {
  const { clock, lobbyTimeoutMs, log } = environment;
  let identity: AcsIdentity | null = null;
  return startLeg({
    clock,
    lobbyTimeoutMs,
    page: () => pool.take(),
    async join(page, control) {
      const locator = locatorOf(request.meeting);
      if (locator === null) {
        control.end('wrong-link', 'neither a link to a Teams meeting nor a meeting id was found in the invite');
        return;
      }
      page.on('pageerror', (error) => log('warn', 'acs page', { error: error.message }));
      page.on('console', (message) => log('debug', 'acs page', { text: message.text() }));
      await exposeBridge(page, request.media);
      await expose(page, 'usherAcsState', (report) => told(control, report));
      const made = await identities.create();
      if (control.leaving) {
        await made.forget();
        return;
      }
      identity = made;
      const { token } = made;
      await page.evaluate((asked) => window.usherAcs.join(asked), {
        token,
        displayName: request.displayName,
        locator,
        video: request.video,
      });
    },
    goodbye: (page) => page.evaluate(() => window.usherAcs.leave()),
    async ended() {
      request.media.close();
      await identity?.forget();
    },
  });
}

/** The SDK's call states as ours (`CallState` in its types). */
function told(control: LegControl, said: unknown): void {
  const report = reportSchema.safeParse(said);
  if (!report.success) {
    control.end('failed', 'the page reported a call state that this adapter does not know');
    return;
  }
  const { state, end } = report.data;
  if (state === 'InLobby') control.lobby();
  else if (state === 'Connected') control.admitted();
  else if (state === 'Disconnected') {
    const { outcome, detail } = outcomeOf(end);
    control.end(outcome, detail);
  }
}

function identitiesOf(options: Options): Promise<AcsIdentities> {
  const connection = process.env[options.connectionStringVariable] ?? '';
  if (!/(^|;)endpoint=https?:\/\/[^;]+/i.test(connection) || !/(^|;)accesskey=[^;]+/i.test(connection)) {
    throw new Error(
      `the environment variable ${options.connectionStringVariable} must hold the connection string of an Azure Communication Services resource (endpoint=https://…;accesskey=…)`,
    );
  }
  const path = options.standIn?.identity ?? installed('@azure/communication-identity', options.packages);
  if (path === null) throw new Error(`@azure/communication-identity is not installed: ${installCommand}`);
  return acsIdentities(path, connection);
}

function sdkOf(options: Options): SdkSource {
  if (options.standIn !== undefined) return { standIn: options.standIn.calling };
  const calling = installed('@azure/communication-calling', options.packages);
  const common = installed('@azure/communication-common', options.packages);
  if (calling === null || common === null) {
    throw new Error(
      `@azure/communication-calling is not installed (its licence is Microsoft’s own): ${installCommand}`,
    );
  }
  return { calling, common };
}
