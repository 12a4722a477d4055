// A WAV that can be recognised in a recording, and the recognising.
import { writeFileSync } from 'node:fs';

const RATE = 48_000;

const CHORDS = [
  [220, 261.6, 329.6],
  [174.6, 220, 261.6],
  [261.6, 329.6, 392],
  [196, 246.9, 293.7],
];

/** Samples of a little song, stereo: chords over a beat, verses softer than choruses. `lead` is the level of its melody, 0 to 1. */
export function song(seconds, lead) {
  const samples = new Float32Array(RATE * seconds * 2);
  for (let frame = 0; frame < RATE * seconds; frame += 1) {
    const t = frame / RATE;
    const chord = CHORDS[Math.floor(t / 1.5) % CHORDS.length];
    const beat = t % 0.5;
    const section = Math.floor(t / 6) % 2 === 0 ? 0.5 : 0.9;
    const start = Math.min(1, t / 0.05);
    const pad = chord.reduce((sum, hertz) => sum + Math.sin(2 * Math.PI * hertz * t), 0) * 0.09;
    const drum = Math.exp(-beat * 18) * Math.sin(2 * Math.PI * 58 * beat) * 0.45;
    const melody = lead * Math.exp(-beat * 4) * Math.sin(2 * Math.PI * chord[Math.floor(t * 2) % 3] * 2 * t) * 0.3;
    samples[frame * 2] = Math.fround(start * section * (pad + drum + melody));
    samples[frame * 2 + 1] = Math.fround(start * section * (pad * 0.9 + drum + melody * 0.7));
  }
  return samples;
}

/** Writes 32-bit float samples as a WAV file. */
export function writeWav(path, samples) {
  writeFileSync(path, wavBytes(samples));
}

/** 32-bit float samples as the bytes of a WAV file. */
export function wavBytes(samples) {
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
  return Buffer.concat([header, Buffer.from(samples.buffer, samples.byteOffset, samples.byteLength)]);
}

/**
 * Compares a recording with what should have been played, both stereo. The recording may begin and end with silence. A sound server
 * without real-time scheduling on a busy computer drops out: silence stands between pieces then, or instead of some frames, and both are
 * counted. What must never happen is a frame that is neither silence nor the file's next one. Answers the frames that came in order, those
 * that silence replaced, and the first frame that is wrong.
 */
export function compare(recorded, expected) {
  const near = (a, b) => Math.abs(a - b) < 1e-5;
  const last = { recorded: recorded.length / 2, expected: expected.length / 2 };
  const same = (at, frame) =>
    at < last.recorded &&
    frame < last.expected &&
    near(recorded[at * 2], expected[frame * 2]) &&
    near(recorded[at * 2 + 1], expected[frame * 2 + 1]);
  const silent = (at) => Math.abs(recorded[at * 2]) < 1e-7 && Math.abs(recorded[at * 2 + 1]) < 1e-7;
  const piece = (at, frame) => [0, 5, 11, 23].every((step) => same(at + step, frame + step));
  let frames = 0;
  let lost = 0;
  let next = 0;
  for (let at = 0; at < last.recorded; at += 1) {
    if (same(at, next) && !(silent(at) && !same(at + 1, next + 1))) {
      frames += 1;
      next += 1;
    } else if (!silent(at)) {
      let found = next;
      while (found < Math.min(next + 4_096, last.expected) && !piece(at, found)) found += 1;
      if (!piece(at, found)) return { frames, lost, wrongAt: next };
      lost += found - next;
      frames += 1;
      next = found + 1;
    }
  }
  return { frames, lost, wrongAt: null };
}
