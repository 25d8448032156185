import assert from 'node:assert/strict';
import { createServer } from 'node:net';
import { appCertificate } from '../../fixtures/graph/certificates.ts';
import { GraphSimulator } from '../../fixtures/graph/simulator.ts';
import { type Diagnosis, DoctorFolder } from './run-doctor.ts';

describe('usher doctor and Microsoft 365 @calendars', function () {
  this.timeout(60_000);
  let simulator: GraphSimulator;
  let folder: DoctorFolder;

  beforeEach(async () => {
    simulator = await GraphSimulator.start();
    for (const id of ['oslo', 'bergen']) simulator.mailbox(`${id}@example.com`);
    folder = await DoctorFolder.make();
  });
  afterEach(async () => {
    await simulator.close();
    await folder.remove();
  });

  const examine = (changes: object = {}): Promise<Diagnosis> => {
    const { ca, endpoints, options } = simulator;
    const { tenant, clientId, secret } = options;
    const rooms = ['oslo', 'bergen'].map((id) => {
      return { id, name: id, email: `${id}@example.com`, calendar: { type: 'graph' } };
    });
    return folder.examine({ microsoft365: { tenant, clientId, secret, ca, endpoints, ...changes }, rooms });
  };
  /** Said once, and not again by each room. */
  const refused = ({ status, of, text }: Diagnosis, words: RegExp): void => {
    assert.equal(status, 1);
    assert.match(of('microsoft365: sign-in'), words);
    for (const id of ['oslo', 'bergen']) assert.match(of(`${id}: calendar`), /^error: not asked, since the sign-in/);
    assert.doesNotMatch(text, /not-the-secret|simulated-secret/);
  };

  it('reads each mailbox where all is well, and asks for nothing that changes anything', async () => {
    const { status, of, text } = await examine();
    assert.equal(status, 0, text);
    assert.match(of('microsoft365: sign-in'), /^ok: as app 2222.* of 1111/);
    for (const id of ['oslo', 'bergen']) assert.equal(of(`${id}: calendar`), 'ok: 0 meetings');
    assert.deepEqual(simulator.subscriptions.all(), []);
  });

  it('says once that the secret is wrong, which app or which tenant is not there', async () => {
    refused(
      await examine({ secret: 'not-the-secret' }),
      /^error: .*AADSTS7000215.*give the value of a client secret, not its id$/,
    );
    const clientId = '33333333-2222-4222-8222-222222222222';
    refused(await examine({ clientId }), /^error: .*AADSTS700016.*correct microsoft365\.clientId/);
    const tenant = '99999999-1111-4111-8111-111111111111';
    refused(
      await examine({ tenant }),
      /^error: .*AADSTS90002: Tenant '9999.*' not found\.\): there is no such tenant: correct microsoft365\.tenant/,
    );
  });

  it('looks at the certificate of the app', async () => {
    const { certificate, key: privateKey } = await appCertificate();
    const diagnosis = await examine({ secret: undefined, certificate: { certificate, privateKey } });
    assert.match(diagnosis.of('microsoft365: certificate'), /^ok: valid until /);
    refused(diagnosis, /^error: .*AADSTS700027.*upload it to the app/);
  });

  it('tells a permission that is missing from a policy that leaves a mailbox out, and from an address that is wrong', async () => {
    simulator.allowed = new Set();
    const nothing = await examine();
    assert.equal(nothing.status, 1);
    for (const id of ['oslo', 'bergen'])
      assert.match(nothing.of(`${id}: calendar`), /^error: .*HTTP 403.*grant the app Calendars\.Read/);
    simulator.allowed = null;
    simulator.policy = new Set(['oslo@example.com']);
    const some = await examine();
    assert.equal(some.of('oslo: calendar'), 'ok: 0 meetings');
    assert.match(
      some.of('bergen: calendar'),
      /^error: .*AppOnly AccessPolicy.*put it into the group that the policy names/,
    );
    simulator.policy = null;
    simulator.mailboxes.delete('bergen@example.com');
    const wrong = await examine();
    assert.equal(wrong.of('oslo: calendar'), 'ok: 0 meetings');
    assert.match(wrong.of('bergen: calendar'), /^error: .*HTTP 404.*correct its address/);
  });

  it('says that Microsoft cannot be reached, or not with the authorities that are known here', async () => {
    // A port that nobody listens on, and that nobody else gets meanwhile: whoever connects is hung up on.
    const dead = createServer((socket) => socket.destroy());
    await new Promise<void>((resolve) => dead.listen(0, '127.0.0.1', resolve));
    const at = dead.address();
    const away = `https://127.0.0.1:${typeof at === 'object' ? at?.port : 0}`;
    try {
      refused(
        await examine({ endpoints: { login: away, graph: away } }),
        /^error: Microsoft Entra cannot be reached at https:.*check network, proxy and certificate authorities/,
      );
      const half = await examine({ endpoints: { login: simulator.origin, graph: away } });
      assert.match(half.of('microsoft365: sign-in'), /^ok: /);
      assert.match(
        half.of('oslo: calendar'),
        /^error: Microsoft Graph at https:.* could not be read.*check network, proxy/,
      );
    } finally {
      dead.close();
    }
    refused(await examine({ ca: undefined }), /^error: .*certificate.*microsoft365\.proxy and ca/);
  });
});
