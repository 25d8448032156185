/**
 * What the bridge costs: the time it takes to answer an offer, the latency it adds and the CPU a relayed packet takes,
 * and CPU and memory of one 720p30 call by process. Bounded to about a minute.
 */
import { createSocket, type Socket } from 'node:dgram';
import { createWorker } from 'mediasoup';
import { isRtcp, writeRtp } from '../media/bridge/rtp.ts';
import { Splice } from '../media/bridge/splice.ts';
import { findMediaParts } from '../media/setup/find.ts';
import { systemClock } from '../src/clock.ts';
import { missing, openSender, startBridge, startBrowser } from '../test/media/bridge-harness.ts';
import { h264, pcmu, RoomPeer, until } from '../test/media/room-peer.ts';
import { cpuByProcess, memory } from './measured/processes.ts';

function percentile(values: readonly number[], part: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * part))] ?? Number.NaN;
}

const ms = (value: number): string => `${value.toFixed(2)} ms`;
const wait = (milliseconds: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, milliseconds));

async function bind(): Promise<Socket> {
  const socket = createSocket('udp4');
  await new Promise<void>((resolve) => socket.bind(0, '127.0.0.1', resolve));
  return socket;
}

async function answers(): Promise<void> {
  const bridge = await startBridge();
  const room = await RoomPeer.open({ audio: pcmu, video: h264 });
  const times: number[] = [];
  for (let index = 0; index < 220; index++) {
    const started = performance.now();
    const call = await bridge.open(`call ${index}`);
    await call.answer(room.offer());
    // The first are slower for everything that is loaded and compiled then.
    if (index >= 20) times.push(performance.now() - started);
    await call.close();
  }
  process.stdout.write(
    `answer to an offer of audio and video, its share of INVITE to 200: p50 ${ms(percentile(times, 0.5))}, p99 ${ms(percentile(times, 0.99))} (${times.length} calls, one after the other)\n`,
  );
  await room.close();
  await bridge.close();
}

/**
 * Packets in by a plain transport, through a splice, and out by a plain transport, as in a call but without a browser.
 * Without the splice, what it adds can be seen.
 */
async function relay(packetsPerSecond: number, streams: number, spliced: boolean): Promise<void> {
  const worker = await createWorker({ workerBin: findMediaParts().workerBin ?? '', logLevel: 'none' });
  const seconds = 8;
  const [source, sink] = [await bind(), await bind()];
  const ports: number[] = [];
  const codec = { kind: 'audio', mimeType: 'audio/PCMU', clockRate: 8000, preferredPayloadType: 0 } as const;
  for (let stream = 0; stream < streams; stream++) {
    const router = await worker.createRouter({ mediaCodecs: [codec] });
    const listenInfo = { protocol: 'udp', ip: '127.0.0.1' } as const;
    const incoming = await router.createPlainTransport({ listenInfo, comedia: true });
    const outgoing = await router.createPlainTransport({ listenInfo });
    await outgoing.connect({ ip: '127.0.0.1', port: sink.address().port });
    const direct = await router.createDirectTransport();
    const producer = await incoming.produce({
      kind: 'audio',
      rtpParameters: {
        codecs: [{ mimeType: 'audio/PCMU', clockRate: 8000, payloadType: 0 }],
        encodings: [{ ssrc: 1000 + stream }],
      },
    });
    const side = { direct, router, codec };
    const splice = await Splice.open({
      kind: 'audio',
      from: side,
      to: side,
      eventsPayloadType: null,
      clock: systemClock,
    });
    await outgoing.consume({
      producerId: spliced ? splice.output.id : producer.id,
      rtpCapabilities: { codecs: [codec], headerExtensions: [] },
    });
    if (spliced) await splice.switchTo(producer);
    ports.push(incoming.tuple.localPort);
  }
  const late: number[] = [];
  // The sending time travels in the payload.
  sink.on('message', (data) => {
    if (!isRtcp(data)) late.push(performance.now() - data.readDoubleBE(data.length - 160));
  });
  const [cpu, usage] = [process.cpuUsage(), await worker.getResourceUsage()];
  let sent = 0;
  const began = performance.now();
  while (performance.now() - began < seconds * 1000) {
    const due = Math.floor(((performance.now() - began) / 1000) * packetsPerSecond);
    for (; sent < due; sent++) {
      const stream = sent % streams;
      const payload = Buffer.alloc(160);
      payload.writeDoubleBE(performance.now(), 0);
      const sequenceNumber = Math.floor(sent / streams);
      const header = {
        payloadType: 0,
        marker: false,
        sequenceNumber,
        timestamp: sequenceNumber * 160,
        ssrc: 1000 + stream,
      };
      source.send(writeRtp({ ...header, payload }), ports[stream] ?? 0, '127.0.0.1');
    }
    await wait(1);
  }
  await wait(200);
  const node = process.cpuUsage(cpu);
  const after = await worker.getResourceUsage();
  const workerMs = after.ru_utime + after.ru_stime - usage.ru_utime - usage.ru_stime;
  process.stdout.write(
    `relay ${spliced ? 'by splice' : 'in the worker alone'}, ${streams} streams, ${packetsPerSecond} packets/s: ${late.length} of ${sent} arrived; latency p50 ${ms(percentile(late, 0.5))}, p99 ${ms(percentile(late, 0.99))}; ` +
      `worker ${((workerMs * 1000) / late.length).toFixed(1)} µs, Node ${((node.user + node.system) / late.length).toFixed(1)} µs a packet (Node with the bench's own sender and receiver)\n`,
  );
  source.close();
  sink.close();
  worker.close();
}

async function call720p(): Promise<void> {
  const bridge = await startBridge();
  const browser = await startBrowser();
  const room = await RoomPeer.open({ audio: pcmu, video: h264 });
  const call = await bridge.open('bench');
  try {
    room.take(await call.answer(room.offer()));
    await room.send({ hz: 1000, colour: 'red', size: '1280x720', rate: 30 });
    const guest = await openSender(browser, call.guestPort(), {
      width: 1280,
      height: 720,
      framesPerSecond: 30,
      moving: true,
    });
    await call.setGate('admitted');
    await until('both ways', async () => (await guest.heard()).frames > 30 && room.video.received.length > 100);
    const seconds = 12;
    const [workerPid = 0] = bridge.workerPids;
    const processes = { worker: workerPid, 'node (bridge and bench)': process.pid };
    const [before, heard, at] = [
      await cpuByProcess({ chromium: browser }, processes),
      await guest.heard(),
      room.video.received.length,
    ];
    await wait(seconds * 1000);
    const [after, now] = [await cpuByProcess({ chromium: browser }, processes), await guest.heard()];
    const packets = room.video.received.slice(at);
    const frames = new Set(packets.map(({ timestamp }) => timestamp)).size;
    const kbit = packets.reduce((sum, { payload }) => sum + payload.length, 0) / seconds / 125;
    process.stdout.write(
      `one call, room → meeting ${now.width}x${now.height} at ${((now.frames - heard.frames) / seconds).toFixed(1)} frames/s, ${now.packetsLost} packets lost; ` +
        `meeting → room 1280x720 at ${(frames / seconds).toFixed(1)} frames/s, ${kbit.toFixed(0)} kbit/s\n`,
    );
    let total = 0;
    for (const [name, { seconds: cpu, pids }] of after) {
      const share = ((cpu - (before.get(name)?.seconds ?? 0)) / seconds) * 100;
      total += share;
      process.stdout.write(
        `  ${name.padEnd(26)} ${share.toFixed(1).padStart(6)} % of one core ${memory(pids)
          .toFixed(0)
          .padStart(6)} MiB\n`,
      );
    }
    process.stdout.write(`  ${'all'.padEnd(26)} ${total.toFixed(1).padStart(6)} % of one core\n`);
    await guest.close();
  } finally {
    await call.close();
    await room.close();
    await browser.close();
    await bridge.close();
  }
}

if (missing === null) {
  await answers();
  await relay(250, 5, false);
  await relay(250, 5, true);
  await relay(4000, 80, true);
  await call720p();
} else {
  process.stdout.write(`skipped: a part is missing, run \`${missing}\`\n`);
}
