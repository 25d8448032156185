/** What a refusal of RoomOS means. */
import { DeviceError } from '../device.ts';

/** A refusal in the device's own words; what kind it is, these words alone tell. */
export function refusal(reason: string): DeviceError {
  if (/teams/i.test(reason)) return new DeviceError('unsupported', `${teamsMode} It says: ${reason}`);
  if (/zoom/i.test(reason)) {
    return new DeviceError('unsupported', `runs Zoom, where RoomOS takes no bookings from outside. It says: ${reason}`);
  }
  if (/unknown command|no such command|not available|unavailable/i.test(reason)) {
    return new DeviceError('unsupported', `does not know this command: ${reason}`);
  }
  if (/\bfull\b|too many|maximum number|limit/i.test(reason)) {
    return new DeviceError('list-full', `takes no more bookings: ${reason}`);
  }
  return new DeviceError('refused', `refused: ${reason === '' ? 'without a reason' : reason}`);
}

export const teamsMode =
  'runs Microsoft Teams (a Teams Room), where RoomOS takes no bookings from outside: it cannot be given a list. ' +
  'Take it out of usher.yaml, or give the room a panel.';
