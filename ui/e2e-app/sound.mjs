// A WAV that can be recognised in a recording, and the recognising.
import { writeFileSync } from 'node:fs';

const RATE = 48_000;

/** Samples of a rising tone, stereo, with a click-free start; `level` tells two mixes apart. */
export function tone(seconds, level) {
  const samples = new Float32Array(RATE * seconds * 2);
  for (let frame = 0; frame < RATE * seconds; frame += 1) {
    const t = frame / RATE;
    const fade = Math.min(1, t / 0.05);
    samples[frame * 2] = Math.fround(level * fade * Math.sin(2 * Math.PI * (220 * t + 40 * t * t)));
    samples[frame * 2 + 1] = Math.fround(level * fade * Math.sin(2 * Math.PI * (330 * t + 25 * t * t)));
  }
  return samples;
}

/** Writes 32-bit float samples as a WAV file. */
export function writeWav(path, samples) {
  const header = Buffer.alloc(44);
  header.write('RIFF', 0);
  header.writeUInt32LE(36 + samples.byteLength, 4);
  header.write('WAVEfmt ', 8);
  header.writeUInt32LE(16, 16);
  header.writeUInt16LE(3, 20);
  header.writeUInt16LE(2, 22);
  header.writeUInt32LE(RATE, 24);
  header.writeUInt32LE(RATE * 8, 28);
  header.writeUInt16LE(8, 32);
  header.writeUInt16LE(32, 34);
  header.write('data', 36);
  header.writeUInt32LE(samples.byteLength, 40);
  writeFileSync(path, Buffer.concat([header, Buffer.from(samples.buffer, samples.byteOffset, samples.byteLength)]));
}

/**
 * How many frames of `expected`, from frame `from`, stand in `recorded` one after the other without a gap. The place is found by a short
 * piece that occurs once.
 */
export function framesFound(recorded, expected, from) {
  const near = (a, b) => Math.abs(a - b) < 1e-5;
  const probe = 64;
  for (let start = 0; start + probe * 2 < recorded.length; start += 2) {
    let same = 0;
    while (same < probe * 2 && near(recorded[start + same], expected[from * 2 + same])) same += 1;
    if (same < probe * 2) continue;
    while (start + same < recorded.length && from * 2 + same < expected.length && near(recorded[start + same], expected[from * 2 + same]))
      same += 1;
    return Math.floor(same / 2);
  }
  return 0;
}
