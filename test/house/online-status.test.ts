import assert from 'node:assert/strict';
import { onlineStatus } from '../../src/house/online-status.ts';

const budget = { used: 1_234, limit: 1_000_000, resetsAt: Date.parse('2026-03-03T00:00Z'), stretch: 1 };
const counters = { received: 0, folded: 0, lifecycle: 0, refused: 0 };
const waiting = (mailbox: string, problem: string | null) =>
  ({ mailbox, state: 'waiting', expires: null, problem }) as const;

describe('the Microsoft 365 tenant in words @calendars', () => {
  it('says that rooms are polled where no notifications are configured', () => {
    const { facts, problems } = onlineStatus({ budget, notifications: null });
    assert.match(facts.join(' '), /^1,234 of 1,000,000 requests .*2026-03-03T00:00:00\.000Z\. No change notifications/);
    assert.deepEqual(problems, []);
  });

  it('says when the budget runs low and when it is used up, and what to do', () => {
    const low = onlineStatus({ budget: { ...budget, used: 800_000, stretch: 3.21 }, notifications: null });
    assert.match(low.problems.join('\n'), /runs low: mailboxes are polled 3\.2 times less often.*Raise requestsPerDay/);
    const out = onlineStatus({ budget: { ...budget, used: 1_000_000, stretch: 60 }, notifications: null });
    assert.match(out.problems.join('\n'), /used up: no calendar is read before 2026-03-03T00:00:00\.000Z/);
    assert.equal(out.problems.length, 1);
  });

  it('gives one sentence to a reason that thousands of mailboxes share, and none to mailboxes whose turn comes', () => {
    const mailboxes = [
      ...Array.from({ length: 4_000 }, (_, index) =>
        waiting(`room${index}@example.com`, `HTTP 403: room${index}@example.com`),
      ),
      waiting('other@example.com', 'HTTP 400 ValidationError: no answer'),
      waiting('new@example.com', null),
    ];
    const { facts, problems } = onlineStatus({ budget, notifications: { mailboxes, counters } });
    assert.match(facts.join(' '), /0 of 4,002 mailboxes tell of changes/);
    assert.deepEqual(problems, [
      '4,000 mailboxes do not tell of changes (room0@example.com, …): HTTP 403: the mailbox',
      '1 mailbox does not tell of changes (other@example.com): HTTP 400 ValidationError: no answer',
    ]);
  });
});
