/** The browser's side of the self-test: sends a tone to the worker. */
import { Device } from 'mediasoup-client';
import type { SelfTestOffer } from './self-test.ts';

declare global {
  interface Window {
    usherSelfTest(offer: SelfTestOffer): Promise<void>;
    usherConnect(data: unknown): Promise<void>;
    usherProduce(data: unknown): Promise<string>;
  }
}

window.usherSelfTest = async (offer) => {
  // mediasoup-client does not know headless Chromium by its name.
  const device = await Device.factory({ handlerName: 'Chrome111' });
  await device.load({ routerRtpCapabilities: offer.routerRtpCapabilities });
  const transport = device.createSendTransport(offer.transport);
  transport.on('connect', ({ dtlsParameters }, done, failed) => {
    window.usherConnect({ dtlsParameters }).then(done, failed);
  });
  transport.on('produce', ({ rtpParameters }, done, failed) => {
    window.usherProduce({ rtpParameters }).then((id) => done({ id }), failed);
  });
  const sound = new AudioContext();
  const tone = sound.createOscillator();
  const output = sound.createMediaStreamDestination();
  tone.connect(output);
  tone.start();
  const [track] = output.stream.getAudioTracks();
  if (track === undefined) throw new Error('no audio track');
  await transport.produce({ track });
};
