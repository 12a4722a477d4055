// The view bytes of a waveform: little-endian `u32 level, u32 first_bin, u32 bins, u16 channels, u16 0, u64 frames_per_bin`, then
// per bin and channel `i16 min, i16 max, u16 rms`. Decoding checks every length before it reads.

/** Bins of one stretch of a version, channels folded into one: minimum, maximum and loudness, full scale ±1. */
export interface WaveView {
  /** The samples of every channel, where a bin is a single frame; else none. */
  samples: readonly Float32Array[];
  firstBin: number;
  bins: number;
  framesPerBin: number;
  min: Float32Array;
  max: Float32Array;
  rms: Float32Array;
}

const headerBytes = 24;
const binBytes = 6;

/** @throws RangeError when the bytes are not a whole view. */
export function decodeView(bytes: ArrayBuffer): WaveView {
  if (bytes.byteLength < headerBytes) throw new RangeError(`a waveform view has at least ${headerBytes} bytes, got ${bytes.byteLength}`);
  const data = new DataView(bytes);
  const firstBin = data.getUint32(4, true);
  const bins = data.getUint32(8, true);
  const channels = data.getUint16(12, true);
  const framesPerBin = Number(data.getBigUint64(16, true));
  const expected = headerBytes + bins * channels * binBytes;
  if (bytes.byteLength !== expected) throw new RangeError(`a waveform view of ${bins} bins has ${expected} bytes, got ${bytes.byteLength}`);
  if (framesPerBin < 1) throw new RangeError('a waveform bin holds at least one frame');
  const samples = framesPerBin === 1 ? Array.from({ length: channels }, () => new Float32Array(bins)) : [];
  const view: WaveView = {
    samples,
    firstBin,
    bins,
    framesPerBin,
    min: new Float32Array(bins),
    max: new Float32Array(bins),
    rms: new Float32Array(bins),
  };
  for (let bin = 0; bin < bins; bin += 1) {
    let min = Infinity;
    let max = -Infinity;
    let power = 0;
    for (let channel = 0; channel < channels; channel += 1) {
      const at = headerBytes + (bin * channels + channel) * binBytes;
      const low = data.getInt16(at, true);
      const high = data.getInt16(at + 2, true);
      min = Math.min(min, low);
      max = Math.max(max, high);
      const plane = samples[channel];
      // Both were rounded outward from the same sample.
      if (plane) plane[bin] = (low + high) / 2 / 32_767;
      const rms = data.getUint16(at + 4, true) / 65_535;
      power += rms * rms;
    }
    view.min[bin] = channels > 0 ? min / 32_767 : 0;
    view.max[bin] = channels > 0 ? max / 32_767 : 0;
    view.rms[bin] = channels > 0 ? Math.sqrt(power / channels) : 0;
  }
  return view;
}

/** One pixel column: extremes and loudness of the frames under it; null where there are none. */
export interface Column {
  min: number;
  max: number;
  rms: number;
}

/** The column over frames `[from, to)`, from whichever of `views` cover it. */
export function columnOf(views: readonly WaveView[], from: number, to: number): Column | null {
  let min = Infinity;
  let max = -Infinity;
  let power = 0;
  let count = 0;
  for (const view of views) {
    const first = Math.max(0, Math.floor(from / view.framesPerBin) - view.firstBin);
    const end = Math.min(view.bins, Math.max(Math.ceil(to / view.framesPerBin), Math.floor(from / view.framesPerBin) + 1) - view.firstBin);
    for (let bin = first; bin < end; bin += 1) {
      min = Math.min(min, view.min[bin] ?? 0);
      max = Math.max(max, view.max[bin] ?? 0);
      const rms = view.rms[bin] ?? 0;
      power += rms * rms;
      count += 1;
    }
  }
  return count === 0 ? null : { min, max, rms: Math.sqrt(power / count) };
}

/** The samples of every channel from frame `first` on, `length` of them; silence where none were sent. */
export function samplesOf(views: readonly WaveView[], first: number, length: number): Float32Array[] {
  const channels = views.reduce((most, view) => Math.max(most, view.samples.length), 0);
  return Array.from({ length: channels }, (_, channel) => {
    const out = new Float32Array(length);
    for (const view of views) {
      const plane = view.samples[channel];
      if (!plane) continue;
      const from = Math.max(0, first - view.firstBin);
      const to = Math.min(plane.length, first + length - view.firstBin);
      if (to > from) out.set(plane.subarray(from, to), from + view.firstBin - first);
    }
    return out;
  });
}

/** A piece of 4096 bins at one resolution. */
export interface Tile {
  fromFrame: number;
  toFrame: number;
  /** Pixel width to ask for, so that the answer holds at most 4096 bins. */
  width: number;
}

const tileBins = 4096;

/** Samples to each side that a point between samples is made of. */
export const curveReach = 16;

/** The band-limited curve through `samples` at `position`, counted in samples from the first one; outside there is silence. */
export function curveAt(samples: ArrayLike<number>, position: number): number {
  const whole = Math.floor(position);
  const share = position - whole;
  if (share < 1e-9) return samples[whole] ?? 0;
  let sum = 0;
  let weights = 0;
  for (let tap = 1 - curveReach; tap <= curveReach; tap += 1) {
    const distance = tap - share;
    const angle = Math.PI * distance;
    // A sinc under a raised cosine: what a converter's filter makes of the samples, near enough for the eye.
    const weight = (Math.sin(angle) / angle) * (0.5 + 0.5 * Math.cos(angle / (curveReach + 1)));
    sum += weight * (samples[whole + tap] ?? 0);
    weights += weight;
  }
  return sum / weights;
}

/** The pieces that draw frames `[from, to)` of a file of `frames` on `width` device pixels. */
export function tilesFor(from: number, to: number, width: number, frames: number): Tile[] {
  if (width < 1 || !(to > from)) return [];
  const perPixel = (to - from) / width;
  // A curve between samples needs its neighbours on both sides.
  const margin = perPixel < 1 ? curveReach : 0;
  const start = Math.max(0, Math.floor(from) - margin);
  const end = Math.min(frames, Math.ceil(to) + margin);
  if (end <= start || to <= 0 || from >= frames) return [];
  const framesPerBin = 4 ** Math.max(0, Math.floor(Math.log(Math.max(1, perPixel)) / Math.log(4) + 1e-9));
  const length = tileBins * framesPerBin;
  const tiles: Tile[] = [];
  for (let index = Math.floor(start / length); index * length < end; index += 1) {
    const fromFrame = index * length;
    const toFrame = Math.min(frames, fromFrame + length);
    tiles.push({ fromFrame, toFrame, width: Math.max(1, Math.ceil((toFrame - fromFrame) / framesPerBin / 4)) });
  }
  return tiles;
}
