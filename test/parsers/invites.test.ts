import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { answerTo, inviteFixtures, inviteTable, ownTenant } from '../../fixtures/invite-files.ts';
import { explainLineSchema } from '../../src/explain/answer.ts';
import { explainFile } from '../../src/explain/explain.ts';

/** Folders whose rows the first run rests on. */
const firstRun = new Set(['teams-links', 'cvi', 'bodies', 'negatives']);

describe('invites @invites', () => {
  for (const fixture of inviteFixtures()) {
    const tag = firstRun.has(fixture.group) ? ' @first-run' : '';
    it(`understands ${fixture.group}/${fixture.name}${tag}`, async () => {
      const expected: unknown = JSON.parse(await readFile(fixture.expected, 'utf8'));
      assert.deepEqual(await answerTo(fixture), expected);
    });
  }

  it('answers every fixture in the promised shape, evidence for every field that it fills @first-run', async () => {
    for (const fixture of inviteFixtures()) {
      const line = await explainFile(fixture.path, [ownTenant], { readFile: (path) => readFile(path) });
      const parsed = explainLineSchema.parse(JSON.parse(JSON.stringify(line)));
      if ('error' in parsed || parsed.join === null) continue;
      const shown = new Set(parsed.evidence.map((one) => one.field));
      for (const field of ['threadId', 'tenantId', 'organizerId', 'meetingId', 'passcode'] as const) {
        if (parsed.join.teams?.[field]) assert.ok(shown.has(`teams.${field}`), `${fixture.name}: teams.${field}`);
      }
      if (parsed.join.sip !== null) assert.ok(shown.has('sip'), `${fixture.name}: sip`);
      if (parsed.join.url !== null) assert.ok(shown.has('url'), `${fixture.name}: url`);
      if (parsed.join.cvi !== null)
        assert.ok(
          [...shown].some((field) => field.startsWith('cvi')),
          `${fixture.name}: cvi`,
        );
    }
  });

  it('has a current table in docs/invites.md (node fixtures/invite-files.ts writes it)', async () => {
    assert.equal(await readFile(new URL('../../docs/invites.md', import.meta.url), 'utf8'), await inviteTable());
  });
});
