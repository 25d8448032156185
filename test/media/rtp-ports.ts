import type { PortRange } from '../../media/bridge/ports.ts';

/**
 * The ports of rooms' media for the tests of this process. Other processes run tests on this machine at the same time:
 * a pool skips what they hold, but between its look and the worker's bind somebody with the same range could be quicker.
 */
export function rtpPorts(): PortRange {
  // Not from 40000 to 40999, which a house that runs in another process takes by default.
  const min = 41_000 + (process.pid % 40) * 400;
  return { min, max: min + 399 };
}

/** Just enough for one call with video, out of the range from which the system takes ports for whoever asks for any. */
export function rtpPortsOfOneCall(): PortRange {
  const min = 31_000 + (process.pid % 100) * 4;
  return { min, max: min + 3 };
}
