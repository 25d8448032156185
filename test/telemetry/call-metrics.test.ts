import assert from 'node:assert/strict';
import { SimulatedClock } from '../../src/clock.ts';
import { addCallMetrics } from '../../src/telemetry/call-metrics.ts';
import { createMetrics } from '../../src/telemetry/metrics.ts';

describe('metrics of guest calls @firm', () => {
  it('follow a call from state to state, and count how it ended and how long it waited', async () => {
    const clock = new SimulatedClock(0);
    const metrics = createMetrics();
    const calls = addCallMetrics(metrics, clock);
    for (const id of ['a', 'b']) calls.changed({ id, state: 'joining', outcome: null });
    calls.changed({ id: 'a', state: 'lobby', outcome: null });
    calls.changed({ id: 'a', state: 'lobby', outcome: null });
    await clock.advance(20_000);
    calls.changed({ id: 'a', state: 'admitted', outcome: null });
    const during = await metrics.registry.metrics();
    assert.match(during, /^usher_calls\{state="joining"\} 1$/m);
    assert.match(during, /^usher_calls\{state="lobby"\} 0$/m);
    assert.match(during, /^usher_calls\{state="admitted"\} 1$/m);
    assert.match(during, /^usher_call_lobby_seconds_sum 20$/m);
    calls.changed({ id: 'a', state: 'ended', outcome: 'room-left' });
    calls.changed({ id: 'b', state: 'ended', outcome: 'denied' });
    calls.refused('unknown');
    const after = await metrics.registry.metrics();
    assert.match(after, /^usher_calls\{state="admitted"\} 0$/m);
    assert.match(after, /^usher_calls_ended_total\{outcome="room-left"\} 1$/m);
    assert.match(after, /^usher_calls_ended_total\{outcome="denied"\} 1$/m);
    assert.match(after, /^usher_calls_refused_total\{why="unknown"\} 1$/m);
    assert.match(after, /^usher_call_lobby_seconds_count 1$/m);
  });
});
