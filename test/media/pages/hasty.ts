/** A page that takes its picture back while it is still being sent, and then sends another. */
import { connectBridge } from '../../../media/guest/page/bridge-link.ts';

declare global {
  interface Window {
    /** How many pictures it sends at last, when `last` was the last word. */
    haste(last: 'nothing' | 'another'): Promise<number>;
  }
}

window.haste = async (last) => {
  const link = await connectBridge(window.usherBridge, { receive: false });
  const picture = (): MediaStreamTrack => {
    const canvas = document.createElement('canvas');
    canvas.getContext('2d')?.fillRect(0, 0, 10, 10);
    const [track] = canvas.captureStream(10).getVideoTracks();
    if (track === undefined) throw new Error('a canvas has a picture');
    return track;
  };
  const words = [picture(), null, ...(last === 'another' ? [picture()] : [])];
  await Promise.all(words.map((video) => link.sendTracks({ video })));
  const entries = (await link.stats()).flatMap((report) => [...report.values()]);
  return entries.filter(({ type }) => type === 'media-source').length;
};
