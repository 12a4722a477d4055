import { describe, expect, it } from 'vitest';
import { coverBars, peakCover, type LaneDrawing } from './bars';
import type { WaveView } from './view';

const width = 12;
const height = 22;

/** Bins of one frame each. */
function view(bins: { min: number; max: number; rms: number }[]): WaveView {
  return {
    samples: [],
    firstBin: 0,
    bins: bins.length,
    framesPerBin: 1,
    min: Float32Array.from(bins, (bin) => bin.min),
    max: Float32Array.from(bins, (bin) => bin.max),
    rms: Float32Array.from(bins, (bin) => bin.rms),
  };
}

function cover(lane: Partial<LaneDrawing>): { at: (x: number, y: number) => number; column: (x: number) => number[] } {
  const bytes = new Uint8Array(width * height).fill(7);
  const bins = Array.from({ length: width }, () => ({ min: -0.5, max: 1, rms: 0.2 }));
  coverBars(bytes, width, height, {
    views: [view(bins)],
    from: 0,
    to: width,
    frames: width,
    style: 'solid',
    gain: 1,
    scale: 1,
    ...lane,
  });
  const at = (x: number, y: number): number => bytes[y * width + x] ?? -1;
  return { at, column: (x) => Array.from({ length: height }, (_, y) => at(x, y)) };
}

describe('solid bars', () => {
  it('reach from the lowest to the highest peak, with the loudness full around the middle', () => {
    const { column } = cover({});
    // Middle at 11, reach 10: the top at row 1, the bottom after row 15, loudness two rows to both sides.
    const rows = column(5);
    expect(rows.findIndex((value) => value > 0)).toBe(1);
    expect(rows.findLastIndex((value) => value > 0)).toBe(15);
    expect(rows.filter((value) => value === 255)).toHaveLength(4);
    expect(rows.slice(9, 13)).toEqual([255, 255, 255, 255]);
    expect(rows[2]).toBe(peakCover);
  });

  it('show silence as a line', () => {
    const { column } = cover({ views: [view([{ min: 0, max: 0, rms: 0 }])], to: 1, frames: 1 });
    expect(column(3).filter((value) => value > 0)).toHaveLength(1);
  });

  it('end with the music', () => {
    const { column } = cover({ frames: 6 });
    expect(column(5).some((value) => value > 0)).toBe(true);
    expect(column(6).every((value) => value === 0)).toBe(true);
  });

  it('follow the gain of level matching and never leave the lane', () => {
    const half = cover({ gain: 0.5 }).column(5);
    expect(half.findIndex((value) => value > 0)).toBe(6);
    const loud = cover({ gain: 8 }).column(5);
    expect(loud.findIndex((value) => value > 0)).toBe(1);
    expect(loud.findLastIndex((value) => value > 0)).toBe(20);
  });

  it('leave what cannot be drawn empty', () => {
    expect(
      cover({ to: 0 })
        .column(0)
        .every((value) => value === 0),
    ).toBe(true);
    expect(
      cover({ views: [] })
        .column(0)
        .every((value) => value === 0),
    ).toBe(true);
  });
});

describe('outlined bars', () => {
  it('are hollow, so that B is told from A without colour', () => {
    const { at } = cover({ style: 'outlined' });
    expect([0, 1, 2, 3, 4].map((x) => at(x, 8))).toEqual([255, 0, 0, 255, 0]);
    expect([0, 1, 2, 3, 4].map((x) => at(x, 1))).toEqual([255, 255, 255, 255, 0]);
  });

  it('stop at the right edge', () => {
    const { at } = cover({ style: 'outlined' });
    expect(at(10, 8)).toBe(255);
    expect(at(0, 9)).toBe(255);
    expect(at(11, 8)).toBe(0);
  });
});
