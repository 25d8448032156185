import assert from 'node:assert/strict';
import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';
import type { MediasoupBridge } from '../../media/bridge/bridge.ts';
import { missing, startBridge } from './bridge-harness.ts';
import { until } from './room-peer.ts';
import { rtpPorts } from './rtp-ports.ts';

/** PCMU packets of silence from a video system at ::1. */
class Room {
  readonly #socket: Socket;
  readonly #ssrc = 0x1234_5678;
  #sent = 0;

  private constructor(socket: Socket) {
    this.#socket = socket;
  }

  /** Null where this machine has no such address. */
  static async open(): Promise<Room | null> {
    const socket = createSocket('udp6');
    socket.on('error', () => {});
    const bound = await new Promise<boolean>((resolve) => {
      socket.once('error', () => resolve(false));
      socket.bind(0, '::1', () => resolve(true));
    });
    return bound ? new Room(socket) : null;
  }

  offer(withSsrc: boolean): string {
    const lines = ['v=0', 'o=- 1 1 IN IP6 ::1', 's=-', 'c=IN IP6 ::1', 't=0 0'];
    lines.push(`m=audio ${this.#socket.address().port} RTP/AVP 0`, 'a=rtpmap:0 PCMU/8000');
    if (withSsrc) lines.push(`a=ssrc:${this.#ssrc} cname:room`);
    return `${lines.join('\r\n')}\r\n`;
  }

  send(port: number): void {
    const packet = Buffer.alloc(172, 0xff);
    packet.writeUInt16BE(0x8000, 0);
    packet.writeUInt16BE(++this.#sent & 0xffff, 2);
    packet.writeUInt32BE(this.#sent * 160, 4);
    packet.writeUInt32BE(this.#ssrc, 8);
    this.#socket.send(packet, port, '::1');
  }

  async close(): Promise<void> {
    this.#socket.close();
    await once(this.#socket, 'close');
  }
}

describe('the media of rooms over IPv6 @sgj', function () {
  this.timeout(60_000);
  let bridge: MediasoupBridge;
  let room: Room;

  before(async function () {
    if (missing !== null) {
      process.stdout.write(`      skipped: ${missing}\n`);
      return this.skip();
    }
    const opened = await Room.open();
    if (opened === null) {
      process.stdout.write('      skipped: this machine has no IPv6 loopback address (::1)\n');
      return this.skip();
    }
    room = opened;
    bridge = await startBridge({ rtp: { listenAddress: '::1', portRange: rtpPorts() } });
  });
  after(async () => {
    await room?.close();
    await bridge?.close();
  });

  for (const withSsrc of [true, false]) {
    it(`takes what a room at ::1 sends, ${withSsrc ? 'with' : 'without'} its SSRC in the SDP`, async () => {
      const call = await bridge.open('six');
      try {
        const answer = await call.answer(room.offer(withSsrc));
        assert.match(answer, /^o=- \d+ \d+ IN IP6 ::1\r\n[\s\S]*^c=IN IP6 ::1\r$/m);
        const port = Number(/^m=audio (\d+) /m.exec(answer)?.[1]);
        await until('packets of the room', async () => {
          room.send(port);
          const [from] = await call.stats();
          return (from?.packets ?? 0) > 5;
        });
      } finally {
        await call.close();
      }
    });
  }
});
