/** A pushed device that is a list in memory, as a device module; tests look at `lists`. */
import {
  type DeviceEntry,
  DeviceError,
  type JoinEntry,
  ownIdPrefix,
  type PushedDevice,
} from '../../connectors/devices/device.ts';

/** What each device shows, by device id. */
export const lists = new Map<string, DeviceEntry[]>();
/** Ids of devices that are off. */
export const off = new Set<string>();

export default async function openMemoryDevice({ deviceId }: { deviceId: string }): Promise<PushedDevice> {
  if (!lists.has(deviceId)) lists.set(deviceId, []);
  const shows = ({ id, title, start, end, dial }: JoinEntry): DeviceEntry => ({
    id,
    title,
    start,
    end,
    dial: dial?.address ?? null,
  });
  const reach = (): DeviceEntry[] => {
    if (off.has(deviceId)) throw new DeviceError('unreachable', 'no answer');
    return lists.get(deviceId) ?? [];
  };
  return {
    kind: 'pushed',
    description: { id: deviceId, label: 'memory' },
    dialer: null,
    shows,
    list: async () => reach(),
    replace: async (entries) => {
      const foreign = reach().filter(({ id }) => !id.startsWith(ownIdPrefix));
      lists.set(deviceId, [...foreign, ...entries.map(shows)]);
    },
    close: async () => {},
  };
}
