import { describe, expect, it } from 'vitest';
import type { Backend } from '../ipc/backend';
import { FakeBackend } from '../ipc/fake/studio';
import { id } from '../ipc/fake/seed';
import { follow, scroll, ticks, zoom } from './axis';
import { WaveCache } from './cache';
import { columnOf, curveAt, curveReach, decodeView, samplesOf, tilesFor } from './view';

/** View bytes written by hand from the format's definition. */
function bytes(header: { firstBin: number; framesPerBin: number; channels: number }, bins: [number, number, number][][]): ArrayBuffer {
  const buffer = new ArrayBuffer(24 + bins.length * header.channels * 6);
  const data = new DataView(buffer);
  data.setUint32(4, header.firstBin, true);
  data.setUint32(8, bins.length, true);
  data.setUint16(12, header.channels, true);
  data.setBigUint64(16, BigInt(header.framesPerBin), true);
  bins.flat().forEach(([min, max, rms], at) => {
    data.setInt16(24 + at * 6, min, true);
    data.setInt16(26 + at * 6, max, true);
    data.setUint16(28 + at * 6, rms, true);
  });
  return buffer;
}

describe('view bytes', () => {
  it('decode with their channels folded to extremes and mean power', () => {
    const view = decodeView(
      bytes({ firstBin: 3, framesPerBin: 256, channels: 2 }, [
        [
          [-32_767, 100, 65_535],
          [-5, 32_767, 0],
        ],
      ]),
    );
    expect(view.firstBin).toBe(3);
    expect(view.framesPerBin).toBe(256);
    expect(view.min[0]).toBe(-1);
    expect(view.max[0]).toBe(1);
    expect(view.rms[0]).toBeCloseTo(Math.SQRT1_2);
  });

  it('of single frames keep every channel, so that what is out of phase is no flat line', () => {
    const stereo = (firstBin: number, values: number[]): ReturnType<typeof decodeView> =>
      decodeView(
        bytes(
          { firstBin, framesPerBin: 1, channels: 2 },
          values.map((value) => [
            [value, value + 2, 0],
            [-value - 2, -value, 0],
          ]),
        ),
      );
    const views = [stereo(10, [1_000, 2_000]), stereo(12, [3_000])];
    const [left, right] = samplesOf(views, 9, 6);
    expect(Array.from(left ?? [], (sample) => Math.round(sample * 32_767))).toEqual([0, 1_001, 2_001, 3_001, 0, 0]);
    expect(Array.from(right ?? [])).toEqual(Array.from(left ?? [], (sample) => (sample === 0 ? 0 : -sample)));
    expect(samplesOf(views, 11, 1).map((plane) => plane.length)).toEqual([1, 1]);
    expect(
      decodeView(
        bytes({ firstBin: 0, framesPerBin: 4, channels: 2 }, [
          [
            [0, 0, 0],
            [0, 0, 0],
          ],
        ]),
      ).samples,
    ).toEqual([]);
  });

  it('shorter than their header say are refused', () => {
    const whole = bytes({ firstBin: 0, framesPerBin: 256, channels: 1 }, [[[0, 0, 0]]]);
    expect(() => decodeView(whole.slice(0, 29))).toThrow(RangeError);
    expect(() => decodeView(whole.slice(0, 10))).toThrow(RangeError);
    expect(() => decodeView(new ArrayBuffer(31))).toThrow(RangeError);
  });

  it('with empty bins of no frames are refused', () => {
    expect(() => decodeView(bytes({ firstBin: 0, framesPerBin: 0, channels: 1 }, []))).toThrow(RangeError);
  });
});

describe('a pixel column', () => {
  const view = decodeView(bytes({ firstBin: 10, framesPerBin: 4, channels: 1 }, [[[-100, 200, 0]], [[-300, 50, 0]], [[-7, 7, 0]]]));

  it('spans every bin under it', () => {
    const column = columnOf([view], 40, 48);
    expect(column?.min).toBeCloseTo(-300 / 32_767);
    expect(column?.max).toBeCloseTo(200 / 32_767);
  });

  it('narrower than a bin shows that bin', () => {
    expect(columnOf([view], 49, 49.5)?.max).toBeCloseTo(7 / 32_767);
  });

  it('is none where nothing was sent', () => {
    expect(columnOf([view], 0, 8)).toBeNull();
    expect(columnOf([view], 52, 60)).toBeNull();
  });
});

describe('pieces', () => {
  it('cover the stretch with at most 4096 bins each', () => {
    const tiles = tilesFor(0, 10_000_000, 1000, 10_000_000);
    expect(tiles[0]?.fromFrame).toBe(0);
    expect(tiles.at(-1)?.toFrame).toBe(10_000_000);
    tiles.forEach((tile, at) => {
      expect(tile.width).toBeLessThanOrEqual(1024);
      if (at > 0) expect(tile.fromFrame).toBe(tiles[at - 1]?.toFrame);
    });
  });

  it('reach single samples', () => {
    expect(tilesFor(1000, 1100, 800, 48_000)).toEqual([{ fromFrame: 0, toFrame: 4096, width: 1024 }]);
  });

  it('are none for an empty stretch', () => {
    expect(tilesFor(5, 5, 100, 48_000)).toEqual([]);
    expect(tilesFor(50_000, 60_000, 100, 48_000)).toEqual([]);
  });

  it('are asked for once and again only after a failure', async () => {
    const studio = new FakeBackend();
    const cache = new WaveCache(studio);
    const version = id('ver', 111);
    const asked = (): number => studio.calls.filter((call) => call.name === 'waveform').length;
    studio.failNext('waveform', { code: 'local', message: 'no', hint: null });
    await expect(cache.views(version, 0, 48_000, 400, 48_000)).rejects.toMatchObject({ code: 'local' });
    const before = asked();
    await cache.views(version, 0, 48_000, 400, 48_000);
    const after = asked();
    await cache.views(version, 0, 48_000, 400, 48_000);
    expect(after).toBeGreaterThan(before);
    expect(asked()).toBe(after);
  });

  it('beyond the last 64 are forgotten', async () => {
    const asked: number[] = [];
    const studio = {
      call: (_: string, args: { fromFrame: number }) => {
        asked.push(args.fromFrame);
        return Promise.resolve(bytes({ firstBin: 0, framesPerBin: 1, channels: 1 }, []));
      },
      onEvent: () => () => undefined,
    } as unknown as Backend;
    const cache = new WaveCache(studio);
    for (let piece = 0; piece <= 64; piece += 1) await cache.views('v', piece * 4096, piece * 4096 + 10, 10, 1_000_000);
    const before = asked.length;
    await cache.views('v', 0, 10, 10, 1_000_000);
    expect(asked.length).toBe(before + 1);
  });
});

describe('the time axis', () => {
  it('ticks at round times that fit', () => {
    const found = ticks({ from: 0, to: 222 }, 900);
    expect(found.map((tick) => tick.at)).toEqual([0, 30, 60, 90, 120, 150, 180, 210]);
    expect(ticks({ from: 0, to: 0 }, 900)).toEqual([]);
  });

  it('zooms around a point and stays inside', () => {
    expect(zoom({ from: 0, to: 100 }, 0.5, 50, 100, 0.001)).toEqual({ from: 25, to: 75 });
    expect(zoom({ from: 0, to: 100 }, 0.5, 0, 100, 0.001)).toEqual({ from: 0, to: 50 });
    expect(zoom({ from: 25, to: 75 }, 4, 50, 100, 0.001)).toEqual({ from: 0, to: 100 });
    const closest = zoom({ from: 0, to: 0.002 }, 0.1, 0.001, 100, 0.001);
    expect(closest.to - closest.from).toBeCloseTo(0.001);
  });

  it('scrolls to both ends and no further', () => {
    expect(scroll({ from: 10, to: 20 }, 500, 100)).toEqual({ from: 90, to: 100 });
    expect(scroll({ from: 10, to: 20 }, -500, 100)).toEqual({ from: 0, to: 10 });
  });

  it('turns the page only when the position has left it', () => {
    const view = { from: 10, to: 20 };
    expect(follow(view, 15, 100)).toBe(view);
    expect(follow(view, 20.5, 100)).toEqual({ from: 20.5, to: 30.5 });
  });
});

describe('the curve between samples', () => {
  const tone = (position: number, perSample: number): number => Math.sin(position * perSample * Math.PI + 0.4);

  it('follows tones up to three quarters of the highest possible one', () => {
    for (const perSample of [0.05, 0.3, 0.6, 0.75]) {
      const samples = Array.from({ length: 120 }, (_, at) => tone(at, perSample));
      for (let position = 40; position < 80; position += 0.13) {
        expect(Math.abs(curveAt(samples, position) - tone(position, perSample)), `${perSample} at ${position}`).toBeLessThan(0.02);
      }
    }
  });

  it('goes through every sample and is silent far outside', () => {
    const samples = [0.5, -0.25, 1];
    samples.forEach((sample, at) => expect(curveAt(samples, at)).toBeCloseTo(sample));
    expect(curveAt(samples, -curveReach - 2)).toBe(0);
  });

  it('asks for the neighbours of what is shown', () => {
    const tiles = tilesFor(8_190, 8_191, 1_000, 100_000);
    expect(tiles.map((tile) => [tile.fromFrame, tile.toFrame])).toEqual([
      [4_096, 8_192],
      [8_192, 12_288],
    ]);
    expect(tilesFor(8_192, 18_192, 10_000, 100_000)[0]?.fromFrame).toBe(8_192);
  });
});
