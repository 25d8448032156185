import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { connect } from 'node:net';
import { fileURLToPath } from 'node:url';
import { requireExecutables } from '../../fixtures/vtc/executable.ts';
import { createSipEdge } from '../../media/sip/edge.ts';
import { defaultLimits, type Flow } from '../../media/sip/flow.ts';
import { SimulatedClock } from '../../src/clock.ts';
import { runSipp } from '../peers/sipp.ts';
import { StubSession, startEdge } from './rig.ts';

/** Beside the project, where the one who runs the tests put the messages of RFC 4475. */
const folder = fileURLToPath(new URL('../../../shared/data/rfc4475/', import.meta.url));

/** What RFC 4475 asks of a user agent server for each message: a status, or `drop` for what must not be answered. */
const expected: Readonly<Record<string, number | 'drop'>> = {
  // 3.1.1, valid. The To of wsinv has a tag: a dialog that nobody knows.
  wsinv: 481,
  intmeth: 501,
  esc01: 200,
  escnull: 405,
  esc02: 501,
  lwsdisp: 200,
  longreq: 200,
  dblreq: 405,
  semiuri: 200,
  transports: 200,
  mpart01: 405,
  unreason: 'drop',
  noreason: 'drop',
  // 3.1.2, invalid.
  badinv01: 400,
  clerr: 400,
  ncl: 400,
  scalar02: 400,
  scalarlg: 'drop',
  quotbal: 400,
  ltgtruri: 400,
  lwsruri: 400,
  lwsstart: 400,
  trws: 400,
  escruri: 400,
  baddate: 200,
  regbadct: 405,
  badaspec: 400,
  baddn: 400,
  badvers: 505,
  mismatch01: 400,
  mismatch02: 400,
  bigcode: 'drop',
  // 3.2
  badbranch: 200,
  // 3.3
  insuf: 400,
  unkscm: 416,
  novelsc: 416,
  unksm2: 405,
  bext01: 420,
  invut: 415,
  regaut01: 405,
  multi01: 400,
  mcl01: 400,
  bcast: 'drop',
  zeromf: 200,
  cparam01: 405,
  cparam02: 405,
  regescrt: 405,
  sdp01: 406,
  // 3.4: an INVITE without tag, branch and Contact is taken.
  inv2543: 200,
};

describe('SIP edge and the torture messages of RFC 4475 @sgj', () => {
  before(function () {
    if (existsSync(folder)) return;
    process.stdout.write('      skipped: the messages of RFC 4475 are not at ../shared/data/rfc4475\n');
    this.skip();
  });

  const names = existsSync(folder) ? readdirSync(folder).filter((file) => file.endsWith('.dat')) : [];

  for (const file of names) {
    const name = file.replace('.dat', '');
    it(`${name}: ${expected[name] === 'drop' ? 'is dropped' : `gets ${expected[name]}`}`, async () => {
      const { answers, finals } = await answersTo(readFileSync(folder + file));
      const wanted = expected[name];
      if (wanted === 'drop') assert.deepEqual(answers, []);
      else {
        assert.equal(finals[0], wanted, answers.join('\n'));
        assert.equal(finals.length, 1);
      }
    });
  }

  it('knows what each of them must get', () => {
    assert.deepEqual(names.map((file) => file.replace('.dat', '')).sort(), Object.keys(expected).sort());
  });

  it('survives all of them on its sockets, and answers the next OPTIONS', async function () {
    requireExecutables(this, 'sipp');
    const rig = await startEdge((leg) => void leg.accept(new StubSession()));
    const { createSocket } = await import('node:dgram');
    const socket = createSocket('udp4');
    for (const file of names) {
      const data = readFileSync(folder + file);
      await new Promise((resolve) => socket.send(data, rig.port, '127.0.0.1', resolve));
      await new Promise<void>((resolve) => {
        const connection = connect(rig.port, '127.0.0.1', () => connection.end(data));
        connection.on('error', () => {});
        connection.on('close', () => resolve());
        connection.resume();
      });
    }
    socket.close();
    const { exitCode, errors } = await runSipp({ scenario: 'options', target: rig.target });
    await rig.close();
    assert.equal(exitCode, 0, errors);
  });
});

/** Gives one message to an edge as a datagram and returns what it sends back at once. */
async function answersTo(data: Buffer): Promise<{ answers: string[]; finals: number[] }> {
  const sent: Buffer[] = [];
  const flow: Flow = {
    transport: 'udp',
    remote: { address: '192.0.2.200', port: 5060 },
    local: { address: '192.0.2.1', port: 5060 },
    open: true,
    send: (message) => void sent.push(message),
    toPort: () => flow,
    hold: () => () => {},
  };
  const clock = new SimulatedClock(0);
  const edge = createSipEdge({ listen: [], clock, log: () => {}, limits: defaultLimits });
  edge.onCall(
    (leg) => void leg.accept(new StubSession()).then(() => leg.hangUp({ protocol: 'SIP', cause: 200, text: '' })),
  );
  edge.receive(data, flow, false);
  await clock.advance(0);
  await clock.advance(0);
  const answers = sent.map((message) => message.toString('latin1'));
  const statuses = answers.map((text) => Number(/^SIP\/2\.0 ([0-9]{3})/.exec(text)?.[1]));
  // Nobody will acknowledge: its time-out, then the end.
  await clock.advance(40_000);
  const closed = edge.close({ protocol: 'SIP', cause: 503, text: '' });
  await clock.advance(5_000);
  await closed;
  return { answers, finals: statuses.filter((status) => status >= 200) };
}
