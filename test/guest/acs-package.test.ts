import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { z } from 'zod';
import { installCommand, installed } from '../../media/guest/acs/installed.ts';
import { outcomeOf } from '../../media/guest/acs/outcomes.ts';
import { bundleSdk } from '../../media/guest/acs/pages.ts';
import { sharedBrowser } from '../../media/guest/browser.ts';
import { findMediaParts } from '../../media/setup/find.ts';

/** The folder in whose node_modules Microsoft's packages are; by default where Usher itself would look. */
const folder = process.env['USHER_ACS_PACKAGES'] ?? null;
const calling = installed('@azure/communication-calling', folder);
const common = installed('@azure/communication-common', folder);

/** The package.json of the package that a file belongs to. */
function packageFile(path: string): string {
  return join(packageOf(path), 'package.json');
}

function packageOf(path: string): string {
  return path.replace(/(@azure[\\/][^\\/]+)[\\/].*$/, '$1');
}

describe('Microsoft’s own calling package, as the adapter takes it @guests', function () {
  this.timeout(120_000);

  before(function () {
    if (calling !== null && common !== null) {
      const { version } = z.object({ version: z.string() }).parse(createRequire(calling)(packageFile(calling)));
      console.log(`      @azure/communication-calling ${version}`);
      return;
    }
    assert.equal(folder, null, `the packages are not in ${folder}, which USHER_ACS_PACKAGES names: ${installCommand}`);
    console.log(`      skipped: the packages are not installed (proprietary licence; ${installCommand})`);
    this.skip();
  });

  it('fits the types that the adapter was written against', () => {
    const scratch = mkdtempSync(join(tmpdir(), 'usher-acs-types-'));
    try {
      const sdk = fileURLToPath(new URL('../../media/guest/acs/sdk.ts', import.meta.url));
      writeFileSync(
        join(scratch, 'fits.ts'),
        `import type { AcsSdk } from ${JSON.stringify(sdk)};
         import { CallClient, LocalAudioStream, LocalVideoStream } from ${JSON.stringify(packageOf(calling ?? ''))};
         import { AzureCommunicationTokenCredential } from ${JSON.stringify(packageOf(common ?? ''))};
         export const real: AcsSdk = { CallClient, LocalAudioStream, LocalVideoStream, AzureCommunicationTokenCredential };`,
      );
      const options = {
        strict: true,
        noEmit: true,
        skipLibCheck: true,
        module: 'esnext',
        moduleResolution: 'bundler',
        target: 'es2024',
        lib: ['es2024', 'dom', 'dom.iterable'],
        types: [],
        allowImportingTsExtensions: true,
      };
      writeFileSync(join(scratch, 'tsconfig.json'), JSON.stringify({ compilerOptions: options, files: ['fits.ts'] }));
      const typescript = dirname(createRequire(import.meta.url).resolve('typescript/package.json'));
      execFileSync(process.execPath, [join(typescript, 'bin', 'tsc'), '-p', scratch], { encoding: 'utf8' });
    } catch (error) {
      const said = error instanceof Error && 'stdout' in error ? String(error.stdout) : String(error);
      assert.fail(said);
    } finally {
      rmSync(scratch, { recursive: true });
    }
  });

  it('loads in Chromium and has every call that the adapter makes', async function () {
    if (findMediaParts().chromium === null) {
      console.log('      skipped: there is no Chromium (npm run setup)');
      return this.skip();
    }
    const script = await bundleSdk({ calling: calling ?? '', common: common ?? '' });
    // The adapter decides by these numbers: they must still be what the package calls them.
    for (const [name, subCode] of [
      ['DeniedInLobby', 5854],
      ['TimedOutInLobby', 5855],
      ['AnonymousJoinDisabledByPolicy', 5723],
      ['RemovedFromCall', 5300],
    ] as const) {
      assert.match(script, new RegExp(`${name}\\W{1,4}${subCode}\\b`), name);
      assert.notEqual(outcomeOf({ code: 0, subCode }).outcome, 'failed');
    }
    const shared = sharedBrowser();
    try {
      const page = await (await shared.get()).newPage();
      // The SDK wants a secure context.
      await page.route('https://usher.example/', (route) =>
        route.fulfill({ contentType: 'text/html', body: '<title>x' }),
      );
      await page.goto('https://usher.example/');
      await page.addScriptTag({ content: script });
      const found = await page.evaluate(async () => {
        const sdk = window.usherAcsSdk;
        const client = new sdk.CallClient();
        const stream = new AudioContext().createMediaStreamDestination().stream;
        const audio = new sdk.LocalAudioStream(stream);
        return {
          createCallAgent: typeof client.createCallAgent,
          credential: typeof sdk.AzureCommunicationTokenCredential,
          video: typeof sdk.LocalVideoStream,
          audio: typeof audio,
        };
      });
      assert.deepEqual(found, {
        createCallAgent: 'function',
        credential: 'function',
        video: 'function',
        audio: 'object',
      });
    } finally {
      await shared.close();
    }
  });
});
