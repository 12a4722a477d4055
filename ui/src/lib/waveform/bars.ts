// The bars of a waveform as coverage: one byte a pixel, 255 where it is full. Pure. Lane A is solid, lane B hollow bars, so that the two
// are told apart without colour.
import { columnOf, type WaveView } from './view';

export type LaneStyle = 'solid' | 'outlined';

export interface LaneDrawing {
  views: readonly WaveView[];
  /** Frames at the left and right edge. */
  from: number;
  to: number;
  /** Frames the version has; nothing is drawn behind its end. */
  frames: number;
  style: LaneStyle;
  /** Linear gain of level matching. */
  gain: number;
  /** Device pixels of one pixel of the page. */
  scale: number;
}

/** How much of the ground the extremes cover; the loudness covers all of it. */
export const peakCover = 158;
const full = 255;

/** Fills `cover` (`width * height` bytes, row by row) with the bars of `lane`. */
export function coverBars(cover: Uint8Array, width: number, height: number, lane: LaneDrawing): void {
  cover.fill(0);
  const perPixel = (lane.to - lane.from) / width;
  if (!(perPixel > 0)) return;
  if (lane.style === 'solid') coverSolid(cover, width, height, lane, perPixel);
  else coverOutlined(cover, width, height, lane, perPixel);
}

/** Rows from the top to the highest and the lowest peak of a column. */
function reachOf(column: { min: number; max: number }, gain: number, height: number): [number, number] {
  const middle = height / 2;
  const reach = middle - 1;
  const top = Math.round(middle - Math.min(1, Math.max(0, column.max * gain)) * reach);
  const bottom = Math.round(middle - Math.max(-1, Math.min(0, column.min * gain)) * reach);
  return [top, bottom];
}

function coverSolid(cover: Uint8Array, width: number, height: number, lane: LaneDrawing, perPixel: number): void {
  const middle = Math.round(height / 2);
  for (let x = 0; x < width; x += 1) {
    const from = lane.from + x * perPixel;
    if (from >= lane.frames) break;
    const column = columnOf(lane.views, from, from + perPixel);
    if (!column) continue;
    const [top, bottom] = reachOf(column, lane.gain, height);
    box(cover, width, height, x, top, 1, Math.max(1, bottom - top), peakCover);
    const half = Math.round(Math.min(1, column.rms * lane.gain) * (height / 2 - 1));
    box(cover, width, height, x, middle - half, 1, half * 2, full);
  }
}

function coverOutlined(cover: Uint8Array, width: number, height: number, lane: LaneDrawing, perPixel: number): void {
  const line = Math.max(1, Math.round(lane.scale));
  const bar = line * 4;
  const pitch = bar + line;
  for (let x = 0; x < width; x += pitch) {
    const from = lane.from + x * perPixel;
    if (from >= lane.frames) break;
    const column = columnOf(lane.views, from, from + pitch * perPixel);
    if (!column) continue;
    const [top, lowest] = reachOf(column, lane.gain, height);
    const bottom = Math.max(top + 2 * line, lowest);
    box(cover, width, height, x, top, bar, line, full);
    box(cover, width, height, x, bottom - line, bar, line, full);
    box(cover, width, height, x, top, line, bottom - top, full);
    box(cover, width, height, x + bar - line, top, line, bottom - top, full);
  }
}

function box(cover: Uint8Array, width: number, height: number, x: number, y: number, across: number, down: number, value: number): void {
  const right = Math.min(width, x + across);
  const bottom = Math.min(height, y + down);
  for (let row = Math.max(0, y); row < bottom; row += 1) cover.fill(value, row * width + x, row * width + right);
}
