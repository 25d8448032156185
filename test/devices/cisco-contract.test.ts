import { CiscoDevice } from '../../connectors/devices/cisco/device.ts';
import { Codec, type CodecOptions } from '../../fixtures/codec/codec.ts';
import { foreignBooking } from '../../fixtures/codec/foreign.ts';
import { systemClock } from '../../src/clock.ts';
import { pushedDeviceContract } from './contract.ts';

const generations: readonly [string, CodecOptions][] = [
  ['Cisco RoomOS 11, registered with Webex (Bookings Put)', { generation: 'roomos11' }],
  ['Cisco CE 9.15 on premises (bookingsputxml)', { generation: 'ce9.15', registeredWithWebex: false }],
  ['Cisco CE 8 (bookingsputxml)', { generation: 'ce8', registeredWithWebex: false }],
];

for (const [name, options] of generations) {
  pushedDeviceContract({
    name,
    tag: '@devices',
    open: async () => {
      const codec = await Codec.start(options);
      const device = new CiscoDevice({
        id: 'oslo/0',
        address: '127.0.0.1',
        port: codec.port,
        username: 'usher',
        password: 'simulated',
        tls: { kind: 'authority', ca: codec.ca },
        clock: systemClock,
      });
      return {
        device,
        held: () => codec.bookings,
        addForeign: (booking) => codec.put([...codec.bookings, foreignBooking(booking)]),
        fail: (broken) => {
          codec.fault = broken ? 'reset' : null;
        },
        secrets: ['simulated'],
        close: async () => {
          await device.close();
          await codec.close();
        },
      };
    },
  });
}
