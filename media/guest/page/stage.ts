/**
 * Makes one picture of the pictures of several participants, for meetings that hand each of them out as a stream of its
 * own. One participant is passed on as is; several share a grid. Runs in the browser.
 */

/** The grid's picture. */
const width = 1280;
const height = 720;
const framesPerSecond = 25;
/** More would be too small to see in a meeting room. */
const most = 9;

export class Stage {
  readonly #videos = new Map<string, HTMLVideoElement>();
  readonly #changed: (track: MediaStreamTrack | null) => void;
  #grid: { track: MediaStreamTrack; stop(): void } | null = null;
  #shown: MediaStreamTrack | null = null;

  /** `changed` is given the track to send, and `null` when there is nobody to see. */
  constructor(changed: (track: MediaStreamTrack | null) => void) {
    this.#changed = changed;
  }

  set(id: string, stream: MediaStream): void {
    if (this.#videos.get(id)?.srcObject === stream) return;
    const video = document.createElement('video');
    video.muted = true;
    video.srcObject = stream;
    video.play().catch(() => {
      // Exchanged for another stream before it had begun.
    });
    this.#videos.set(id, video);
    this.#show();
  }

  delete(id: string): void {
    const video = this.#videos.get(id);
    if (video === undefined) return;
    video.srcObject = null;
    this.#videos.delete(id);
    this.#show();
  }

  /** Keeps these and forgets all others. */
  keep(ids: ReadonlySet<string>): void {
    for (const id of [...this.#videos.keys()]) if (!ids.has(id)) this.delete(id);
  }

  close(): void {
    this.keep(new Set());
  }

  #show(): void {
    const [only, ...others] = this.#videos.values();
    let track: MediaStreamTrack | null = null;
    if (others.length > 0) {
      this.#grid ??= this.#startGrid();
      track = this.#grid.track;
    } else {
      this.#grid?.stop();
      this.#grid = null;
      if (only?.srcObject instanceof MediaStream) track = only.srcObject.getVideoTracks()[0] ?? null;
    }
    if (track === this.#shown) return;
    this.#shown = track;
    this.#changed(track);
  }

  #startGrid(): { track: MediaStreamTrack; stop(): void } {
    const canvas = document.createElement('canvas');
    canvas.width = width;
    canvas.height = height;
    const context = canvas.getContext('2d', { alpha: false });
    const [track] = canvas.captureStream(framesPerSecond).getVideoTracks();
    if (context === null || track === undefined) throw new Error('this browser draws no canvas');
    const timer = setInterval(
      () => drawGrid(context, [...this.#videos.values()].slice(0, most)),
      1000 / framesPerSecond,
    );
    return {
      track,
      stop() {
        clearInterval(timer);
        track.stop();
      },
    };
  }
}

function drawGrid(context: CanvasRenderingContext2D, videos: readonly HTMLVideoElement[]): void {
  context.fillStyle = '#202020';
  context.fillRect(0, 0, width, height);
  const columns = Math.ceil(Math.sqrt(videos.length));
  const rows = Math.ceil(videos.length / columns);
  const cell = { width: width / columns, height: height / rows };
  videos.forEach((video, index) => {
    if (video.videoWidth === 0) return;
    const scale = Math.min(cell.width / video.videoWidth, cell.height / video.videoHeight);
    const size = { width: video.videoWidth * scale, height: video.videoHeight * scale };
    const left = (index % columns) * cell.width + (cell.width - size.width) / 2;
    const top = Math.floor(index / columns) * cell.height + (cell.height - size.height) / 2;
    context.drawImage(video, left, top, size.width, size.height);
  });
}
