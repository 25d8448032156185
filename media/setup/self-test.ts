/**
 * A real DTLS handshake: headless Chromium sends sound to a WebRTC transport of the worker, until packets of it arrive.
 * A worker with a broken DTLS starts, and creates transports, as if nothing were wrong.
 */

import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import type { types } from 'mediasoup';
import { createWorker } from 'mediasoup';
import { chromium } from 'playwright-core';
import { z } from 'zod';

/** What the page is given to connect with. */
export interface SelfTestOffer {
  routerRtpCapabilities: types.RtpCapabilities;
  transport: Pick<types.WebRtcTransport, 'id' | 'iceParameters' | 'iceCandidates' | 'dtlsParameters'>;
}

/** How long the whole handshake may take, milliseconds; it takes well below one second on an idle machine. */
const patience = 30_000;

const connectShape = z.object({ dtlsParameters: z.custom<types.DtlsParameters>() });
const produceShape = z.object({ rtpParameters: z.custom<types.RtpParameters>() });

/** @throws Error that says at which point it failed */
export async function tryHandshake(parts: { chromium: string; workerBin: string }): Promise<void> {
  const worker = await createWorker({ workerBin: parts.workerBin, logLevel: 'none' });
  try {
    const died = new Promise<never>((_, reject) => {
      worker.once('died', (error) =>
        reject(new Error(`the worker ${parts.workerBin} died in a DTLS handshake: ${error.message}`)),
      );
    });
    await Promise.race([handshake(worker, parts.chromium), died]);
  } finally {
    worker.close();
  }
}

async function handshake(worker: types.Worker, executablePath: string): Promise<void> {
  const router = await worker.createRouter({
    mediaCodecs: [{ kind: 'audio', mimeType: 'audio/PCMU', clockRate: 8000, preferredPayloadType: 0 }],
  });
  const transport = await router.createWebRtcTransport({ listenInfos: [{ protocol: 'udp', ip: '127.0.0.1' }] });
  const browser = await chromium.launch({ executablePath, args: browserArguments, timeout: patience });
  try {
    const page = await browser.newPage();
    page.setDefaultTimeout(patience);
    const arrived = Promise.withResolvers<void>();
    await page.exposeFunction('usherConnect', async (data: unknown) => {
      await transport.connect(connectShape.parse(data));
    });
    await page.exposeFunction('usherProduce', async (data: unknown) => {
      const producer = await transport.produce({
        kind: 'audio',
        rtpParameters: produceShape.parse(data).rtpParameters,
      });
      await producer.enableTraceEvent(['rtp']);
      producer.once('trace', () => arrived.resolve());
      return producer.id;
    });
    await page.addScriptTag({ content: await bundle() });
    const { id, iceParameters, iceCandidates, dtlsParameters } = transport;
    const offer: SelfTestOffer = {
      routerRtpCapabilities: router.rtpCapabilities,
      transport: { id, iceParameters, iceCandidates, dtlsParameters },
    };
    const sent = page.evaluate((given) => window.usherSelfTest(given), offer);
    const timedOut = page
      .waitForFunction(() => false, null, { timeout: patience })
      .catch(() => {
        throw new Error(
          `no media from Chromium reached the worker within ${patience / 1000} s (DTLS: ${transport.dtlsState})`,
        );
      });
    await Promise.race([Promise.all([sent, arrived.promise]), timedOut]);
  } finally {
    await browser.close();
  }
}

/** Loopback candidates are left out, and host names hidden, unless Chromium is told otherwise. */
const browserArguments = [
  '--no-sandbox',
  '--disable-gpu',
  '--autoplay-policy=no-user-gesture-required',
  '--allow-loopback-in-peer-connection',
  '--disable-features=WebRtcHideLocalIpsWithMdns',
];

async function bundle(): Promise<string> {
  const result = await build({
    entryPoints: [fileURLToPath(new URL('self-test-page.ts', import.meta.url))],
    bundle: true,
    write: false,
    format: 'iife',
    logLevel: 'silent',
  });
  const [file] = result.outputFiles;
  if (file === undefined) throw new Error('esbuild wrote no bundle');
  return file.text;
}
