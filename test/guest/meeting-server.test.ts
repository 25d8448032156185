import assert from 'node:assert/strict';
import { Directory } from '../../fixtures/meeting/directory.ts';
import type { Meeting } from '../../fixtures/meeting/meeting.ts';
import { policySchema, switchable } from '../../fixtures/meeting/policy.ts';
import { type MeetingServer, startMeetingServer } from '../../fixtures/meeting/server.ts';
import type { MeetingAddress, Outcome } from '../../media/guest/guest.ts';
import { SimulatedClock } from '../../src/clock.ts';

const none: MeetingAddress = {
  url: null,
  meetingId: null,
  passcode: null,
  threadId: null,
  messageId: null,
  tenantId: null,
  organizerId: null,
};

describe('simulated meetings @sgj', () => {
  const clock = new SimulatedClock(Date.UTC(2026, 0, 5));

  it('find the same meeting by thread id and by meeting id, and none by a wrong passcode', () => {
    const directory = new Directory(clock, 'wrong-link');
    const address = { ...none, threadId: '19:meeting_MTIz@thread.v2', meetingId: '123 456 789', passcode: 'aB3dEf' };
    const meeting = directory.create({ title: 'Weekly', address });
    assert.equal(directory.find({ ...none, threadId: '19:meeting_mtiz@thread.v2' }), meeting);
    assert.equal(directory.find({ ...none, meetingId: '123456789', passcode: 'aB3dEf' }), meeting);
    assert.equal(directory.find({ ...none, meetingId: '123456789', passcode: 'wrong' }), 'wrong-link');
    assert.equal(directory.find({ ...none, meetingId: '123456789' }), 'wrong-link');
    assert.equal(directory.find({ ...none, meetingId: '999' }), 'wrong-link');
    assert.equal(directory.find(none), 'wrong-link');
  });

  it('keep the meetings of one channel apart by their message', () => {
    const directory = new Directory(clock, 'open');
    const channel = { ...none, threadId: '19:abc@thread.tacv2' };
    const first = directory.find({ ...channel, messageId: '1700000000000' });
    const second = directory.find({ ...channel, messageId: '1700000009999' });
    assert.notEqual(first, second);
    assert.equal(directory.find({ ...channel, messageId: '1700000000000' }), first);
  });

  for (const outcome of switchable.options) {
    it(`end a join as ${outcome} when that is switched on`, async () => {
      const meeting = open({ ends: { outcome } });
      const guest = knock(meeting);
      await clock.advance(0);
      for (const [id, one] of meeting.participants) if (one.state === 'lobby') meeting.admit(id);
      await clock.advance(0);
      assert.equal(guest.heard.at(-1), outcome);
    });
  }

  it('tell who waited too long whether anybody was there to let them in', async () => {
    const hosted = knock(open({ lobbyTimeoutMs: 60_000 }));
    const unhosted = knock(open({ lobbyTimeoutMs: 60_000, started: false }));
    await clock.advance(59_999);
    assert.deepEqual([hosted.heard, unhosted.heard], [['lobby'], ['lobby']]);
    await clock.advance(1);
    assert.deepEqual([hosted.heard.at(-1), unhosted.heard.at(-1)], ['lobby-timeout', 'not-started']);
  });

  it('have room for as many as their capacity, and again when somebody has left', async () => {
    const meeting = open({ capacity: 1 });
    const first = knock(meeting);
    const second = knock(meeting);
    await clock.advance(0);
    assert.deepEqual([first.heard, second.heard], [['lobby'], ['capacity']]);
    const [id] = meeting.participants.keys();
    meeting.finish(id ?? '', 'left');
    const third = knock(meeting);
    await clock.advance(0);
    assert.deepEqual(third.heard, ['lobby']);
  });

  it('count a second knock after a denial, and media from the lobby but not from inside', async () => {
    const meeting = open({});
    knock(meeting);
    await clock.advance(0);
    const [id = ''] = meeting.participants.keys();
    assert.equal(meeting.early(id, { packets: 3 }), true);
    meeting.deny(id);
    assert.equal(meeting.knocksAfterDenial, 0);
    knock(meeting);
    assert.equal(meeting.knocksAfterDenial, 1);
    await clock.advance(0);
    const second = [...meeting.participants.keys()].at(-1) ?? '';
    meeting.admit(second);
    assert.equal(meeting.early(second, { packets: 3 }), false);
    assert.equal(meeting.participants.get(second)?.early.packets, 0);
  });

  function open(policy: Parameters<typeof policySchema.parse>[0]): Meeting {
    const directory = new Directory(clock, 'open');
    return directory.create({
      title: 'Test',
      address: { ...none, meetingId: '1' },
      policy: policySchema.parse(policy),
    });
  }

  function knock(meeting: Meeting): { heard: (Outcome | 'lobby' | 'admitted')[] } {
    const heard: (Outcome | 'lobby' | 'admitted')[] = [];
    meeting.knock('Room', {
      lobby: () => heard.push('lobby'),
      admitted: () => heard.push('admitted'),
      ended: (outcome) => heard.push(outcome),
    });
    return { heard };
  }
});

describe('the control API of the meeting simulator @sgj', () => {
  let server: MeetingServer;

  before(async () => {
    server = await startMeetingServer();
  });
  after(() => server.close());

  it('creates, shows, switches, ends and deletes a meeting', async () => {
    const made = await ask('POST', '/api/meetings', { title: 'Plan', meeting: { meetingId: '4711' } });
    assert.equal(made.status, 201);
    const path = `/api/meetings/${made.body['id']}`;
    assert.deepEqual((await ask('GET', path)).body['keys'], ['id:4711']);
    assert.equal((await ask('POST', '/api/meetings', { meeting: { meetingId: '4711' } })).status, 409);
    assert.equal((await ask('PUT', `${path}/policy`, { lobby: false })).status, 200);
    const wrong = await ask('PUT', `${path}/policy`, { lobbby: false });
    assert.equal(wrong.status, 400);
    assert.match(String(wrong.body['error']), /lobbby/);
    assert.equal((await ask('POST', `${path}/participants/nobody/admit`)).status, 409);
    assert.equal((await ask('POST', `${path}/end`)).body['ended'], true);
    assert.equal((await ask('POST', `${path}/reopen`)).body['ended'], false);
    assert.equal((await ask('DELETE', path)).status, 204);
    assert.equal((await ask('GET', path)).status, 404);
  });

  it('refuses pages of other sites, over HTTP and over WebSocket', async () => {
    const foreign = { origin: 'https://elsewhere.example' };
    assert.equal((await fetch(`${server.url}/api/meetings`, { headers: foreign })).status, 403);
    const { WebSocket } = await import('ws');
    const socket = new WebSocket(`${server.url.replace('http', 'ws')}/live/host`, { headers: foreign });
    const error = await new Promise<Error>((resolve) => socket.once('error', resolve));
    assert.match(error.message, /403/);
  });

  it('cuts off who speaks another protocol', async () => {
    const { WebSocket } = await import('ws');
    for (const path of ['/live/host', '/live/guest']) {
      for (const words of ['{', '{"type":"admit"}', '[]', '"'.repeat(10_000)]) {
        const socket = new WebSocket(server.url.replace('http', 'ws') + path);
        socket.once('open', () => socket.send(words));
        const code = await new Promise((resolve) => socket.once('close', resolve));
        assert.equal(code, 1008);
      }
    }
  });

  async function ask(
    method: string,
    path: string,
    body?: unknown,
  ): Promise<{ status: number; body: Record<string, unknown> }> {
    const request =
      body === undefined ? {} : { body: JSON.stringify(body), headers: { 'content-type': 'application/json' } };
    const response = await fetch(server.url + path, { method, ...request });
    const text = await response.text();
    return { status: response.status, body: text === '' ? {} : JSON.parse(text) };
  }
});
