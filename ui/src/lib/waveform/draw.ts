// Draws one lane on one canvas: bars as pixels, which costs the same however many there are; between single samples, curves. What was
// played is in another colour: while playing, only the columns that changed are written. One canvas and no clip, because every layer of a
// page is put together again for each picture, and without a graphics card that is what a picture costs.
import { coverBars, type LaneDrawing } from './bars';
import { curveAt, curveReach, samplesOf } from './view';

export interface Inks {
  /** CSS colour left of the playhead. */
  played: string;
  /** CSS colour right of it. */
  idle: string;
}

interface Painted {
  context: CanvasRenderingContext2D;
  image: ImageData;
  cover: Uint8Array;
  lane: LaneDrawing;
  inks: Inks;
  /** Curves through single samples, one for each channel, rather than bars. */
  curve: boolean;
}

export class LanePainter {
  #painted: Painted | null = null;
  #playedTo = 0;

  /** Draws `lane` on `width` × `height` device pixels, played up to column `playedTo`. */
  paint(canvas: HTMLCanvasElement, width: number, height: number, lane: LaneDrawing, inks: Inks, playedTo: number): void {
    if (canvas.width !== width) canvas.width = width;
    if (canvas.height !== height) canvas.height = height;
    // Kept in ordinary memory: pixels are written here, and such a canvas is painted with the page instead of becoming a layer of its own.
    const context = canvas.getContext('2d', { willReadFrequently: true });
    if (!context) return;
    const fits = this.#painted?.image.width === width && this.#painted.image.height === height;
    const image = fits && this.#painted ? this.#painted.image : context.createImageData(width, height);
    const cover = fits && this.#painted ? this.#painted.cover : new Uint8Array(width * height);
    const perPixel = (lane.to - lane.from) / width;
    const finest = lane.views.reduce((least, view) => Math.min(least, view.framesPerBin), Infinity);
    const curve = finest === 1 && perPixel > 0 && perPixel < 1;
    this.#painted = { context, image, cover, lane, inks, curve };
    this.#playedTo = playedTo;
    if (curve) drawCurve(this.#painted, playedTo);
    else {
      coverBars(cover, width, height, lane);
      this.#put(this.#painted, 0, width);
    }
  }

  /** Moves the end of what was played. */
  play(playedTo: number): void {
    const before = this.#playedTo;
    if (!this.#painted || playedTo === before) return;
    this.#playedTo = playedTo;
    const { width } = this.#painted.image;
    if (this.#painted.curve) drawCurve(this.#painted, playedTo);
    else this.#put(this.#painted, Math.min(before, playedTo, width), Math.min(Math.max(before, playedTo), width));
  }

  /** Writes the columns `[from, to)`. */
  #put({ context, image, cover, inks }: Painted, from: number, to: number): void {
    if (to <= from) return;
    const { width, height } = image;
    const pixels = new Uint32Array(image.data.buffer);
    const played = inkOf(inks.played);
    const idle = inkOf(inks.idle);
    for (let row = 0; row < height; row += 1) {
      for (let column = from; column < to; column += 1) {
        const covered = cover[row * width + column] ?? 0;
        pixels[row * width + column] = covered === 0 ? 0 : ((covered << 24) | (column < this.#playedTo ? played : idle)) >>> 0;
      }
    }
    context.putImageData(image, 0, 0, from, 0, to - from, height);
  }
}

const inks = new Map<string, number>();

/** Any CSS colour as the lower three bytes of a pixel: every computer this runs on stores the lowest byte, red, first. */
function inkOf(colour: string): number {
  const known = inks.get(colour);
  if (known !== undefined) return known;
  const canvas = document.createElement('canvas');
  canvas.width = 1;
  canvas.height = 1;
  const context = canvas.getContext('2d');
  if (!context) return 0x80_80_80;
  context.fillStyle = colour;
  context.fillRect(0, 0, 1, 1);
  const [red = 128, green = 128, blue = 128] = context.getImageData(0, 0, 1, 1).data;
  const ink = red | (green << 8) | (blue << 16);
  inks.set(colour, ink);
  return ink;
}

function drawCurve({ context, image: { width, height }, lane, inks }: Painted, playedTo: number): void {
  const perPixel = (lane.to - lane.from) / width;
  const middle = height / 2;
  const reach = middle - 1;
  const first = Math.floor(lane.from) - curveReach;
  // One curve for every channel: folded into one, what is out of phase would look like silence.
  const channels = samplesOf(lane.views, first, Math.ceil(lane.to) + curveReach + 1 - first);
  const y = (value: number): number => middle - Math.max(-1, Math.min(1, value * lane.gain)) * reach;
  const line = new Path2D();
  const end = Math.min(width, (lane.frames - 1 - lane.from) / perPixel);
  for (const samples of channels) {
    line.moveTo(0, y(curveAt(samples, lane.from - first)));
    for (let x = 1; x <= end; x += 1) line.lineTo(x, y(curveAt(samples, lane.from + x * perPixel - first)));
  }
  // Far enough in, every sample is a point of its own: filled in lane A, hollow in lane B.
  const size = Math.round(2.5 * lane.scale) * 2;
  const points = perPixel * size <= 0.75;
  context.clearRect(0, 0, width, height);
  for (const [from, to, colour] of [
    [0, playedTo, inks.played],
    [playedTo, width, inks.idle],
  ] as const) {
    if (to <= from) continue;
    context.save();
    context.beginPath();
    context.rect(from, 0, to - from, height);
    context.clip();
    context.strokeStyle = colour;
    context.fillStyle = colour;
    context.lineWidth = Math.max(1, lane.scale * 1.25);
    context.setLineDash(lane.style === 'outlined' && !points ? [4 * lane.scale, 2 * lane.scale] : []);
    context.stroke(line);
    context.setLineDash([]);
    for (let frame = Math.max(0, Math.ceil(lane.from)); points && frame <= lane.to && frame < lane.frames; frame += 1) {
      const x = Math.round((frame - lane.from) / perPixel) - size / 2;
      for (const samples of channels) {
        const top = Math.round(y(samples[frame - first] ?? 0)) - size / 2;
        if (lane.style === 'solid') context.fillRect(x, top, size, size);
        else {
          context.clearRect(x, top, size, size);
          context.strokeRect(x + 0.5, top + 0.5, size - 1, size - 1);
        }
      }
    }
    context.restore();
  }
}
