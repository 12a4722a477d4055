// Made-up music as view bytes: deterministic per version, in the exact binary format the desktop sends.
export interface MadeUpSong {
  seed: number;
  frames: number;
  rate: number;
  /** How loud the loudest part is, 0 to 1. */
  level: number;
}

const headerBytes = 24;
const channels = 2;

/** Bins over `[fromFrame, toFrame)`, at most 4 × `width` of them. */
export function viewBytes(song: MadeUpSong, fromFrame: number, toFrame: number, width: number): ArrayBuffer {
  const from = Math.max(0, Math.floor(fromFrame));
  const to = Math.min(song.frames, Math.ceil(toFrame));
  let framesPerBin = 1;
  while ((to - from) / framesPerBin > 4 * Math.max(1, width)) framesPerBin *= 4;
  const firstBin = Math.floor(from / framesPerBin);
  const bins = Math.max(0, Math.ceil(to / framesPerBin) - firstBin);
  const bytes = new ArrayBuffer(headerBytes + bins * channels * 6);
  const data = new DataView(bytes);
  data.setUint32(0, Math.max(0, Math.round(Math.log(framesPerBin / 256) / Math.log(4))), true);
  data.setUint32(4, firstBin, true);
  data.setUint32(8, bins, true);
  data.setUint16(12, channels, true);
  data.setBigUint64(16, BigInt(framesPerBin), true);
  for (let bin = 0; bin < bins; bin += 1) {
    for (let channel = 0; channel < channels; channel += 1) {
      const [min, max, rms] = binOf(song, (firstBin + bin) * framesPerBin, framesPerBin, channel);
      const at = headerBytes + (bin * channels + channel) * 6;
      data.setInt16(at, Math.floor(min * 32_767), true);
      data.setInt16(at + 2, Math.ceil(max * 32_767), true);
      data.setUint16(at + 4, Math.round(rms * 65_535), true);
    }
  }
  return bytes;
}

/** The coarsest view of at least 512 bins. */
export function overviewBytes(song: MadeUpSong): ArrayBuffer {
  let framesPerBin = 256;
  while (Math.ceil(song.frames / (framesPerBin * 4)) >= 512) framesPerBin *= 4;
  return viewBytes(song, 0, song.frames, Math.ceil(song.frames / framesPerBin / 4));
}

function binOf(song: MadeUpSong, frame: number, length: number, channel: number): [number, number, number] {
  if (length < 256) {
    let min = 1;
    let max = -1;
    let power = 0;
    for (let offset = 0; offset < length; offset += 1) {
      const value = sampleOf(song, frame + offset, channel);
      min = Math.min(min, value);
      max = Math.max(max, value);
      power += value * value;
    }
    return [min, max, Math.sqrt(power / length)];
  }
  const loud = envelope(song, (frame + length / 2) / song.rate);
  const above = loud * (0.78 + 0.22 * noise(song.seed + channel, frame));
  const below = -loud * (0.74 + 0.26 * noise(song.seed + 7 + channel, frame));
  return [below, above, loud * (0.3 + 0.14 * noise(song.seed + 3, frame >> 12))];
}

function sampleOf(song: MadeUpSong, frame: number, channel: number): number {
  const t = frame / song.rate;
  const tone =
    0.62 * Math.sin(2 * Math.PI * 110 * t) + 0.24 * Math.sin(2 * Math.PI * 443 * t + channel) + 0.14 * Math.sin(2 * Math.PI * 2310 * t);
  return envelope(song, t) * tone;
}

// Intro, verse, chorus, … with a beat inside and fades at both ends.
function envelope(song: MadeUpSong, seconds: number): number {
  const total = song.frames / song.rate;
  const sections = [0.34, 0.58, 0.92, 0.6, 0.95, 0.42, 1, 0.98, 0.3];
  const place = (seconds / total) * sections.length;
  const index = Math.min(sections.length - 1, Math.floor(place));
  const next = sections[Math.min(sections.length - 1, index + 1)] ?? 0;
  const here = sections[index] ?? 0;
  const blend = Math.max(0, (place - index - 0.94) / 0.06);
  const beat = 0.72 + 0.28 * Math.exp(-((seconds * 2.1) % 1) * 3.2);
  const phrase = 0.9 + 0.1 * Math.sin(seconds * 0.9 + song.seed);
  const edges = Math.min(1, seconds / 1.2, Math.max(0, (total - seconds) / 4));
  return song.level * (here + (next - here) * blend) * beat * phrase * edges;
}

function noise(seed: number, at: number): number {
  let value = Math.imul(at ^ (seed * 0x9e37_79b1), 0x85eb_ca6b);
  value = Math.imul(value ^ (value >>> 13), 0xc2b2_ae35);
  return ((value ^ (value >>> 16)) >>> 0) / 0xffff_ffff;
}
