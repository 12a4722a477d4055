// Draws one lane: one column per device pixel, integer rectangles, no shadows. Lane A is solid, lane B hollow bars, so that the
// two are told apart without colour.
import { columnOf, curveAt, curveReach, type WaveView } from './view';

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
  colour: string;
  scale: number;
}

export function drawLane(context: CanvasRenderingContext2D, width: number, height: number, lane: LaneDrawing): void {
  context.clearRect(0, 0, width, height);
  const perPixel = (lane.to - lane.from) / width;
  if (!(perPixel > 0)) return;
  const finest = lane.views.reduce((least, view) => Math.min(least, view.framesPerBin), Infinity);
  if (finest === 1 && perPixel < 1) drawSamples(context, width, height, lane, perPixel);
  else if (lane.style === 'solid') drawSolid(context, width, height, lane, perPixel);
  else drawOutlined(context, width, height, lane, perPixel);
}

function drawSolid(context: CanvasRenderingContext2D, width: number, height: number, lane: LaneDrawing, perPixel: number): void {
  const middle = height / 2;
  const reach = middle - 1;
  const peaks = new Path2D();
  const body = new Path2D();
  for (let x = 0; x < width; x += 1) {
    const from = lane.from + x * perPixel;
    if (from >= lane.frames) break;
    const column = columnOf(lane.views, from, from + perPixel);
    if (!column) continue;
    const top = Math.round(middle - Math.min(1, Math.max(0, column.max * lane.gain)) * reach);
    const bottom = Math.round(middle - Math.max(-1, Math.min(0, column.min * lane.gain)) * reach);
    peaks.rect(x, top, 1, Math.max(1, bottom - top));
    const half = Math.round(Math.min(1, column.rms * lane.gain) * reach);
    if (half > 0) body.rect(x, Math.round(middle) - half, 1, half * 2);
  }
  context.fillStyle = lane.colour;
  context.globalAlpha = 0.62;
  context.fill(peaks);
  context.globalAlpha = 1;
  context.fill(body);
}

function drawOutlined(context: CanvasRenderingContext2D, width: number, height: number, lane: LaneDrawing, perPixel: number): void {
  const line = Math.max(1, Math.round(lane.scale));
  const bar = line * 4;
  const pitch = bar + line;
  const middle = height / 2;
  const reach = middle - 1;
  const edges = new Path2D();
  for (let x = 0; x < width; x += pitch) {
    const from = lane.from + x * perPixel;
    if (from >= lane.frames) break;
    const column = columnOf(lane.views, from, from + pitch * perPixel);
    if (!column) continue;
    const top = Math.round(middle - Math.min(1, Math.max(0, column.max * lane.gain)) * reach);
    const bottom = Math.max(top + 2 * line, Math.round(middle - Math.max(-1, Math.min(0, column.min * lane.gain)) * reach));
    edges.rect(x, top, bar, line);
    edges.rect(x, bottom - line, bar, line);
    edges.rect(x, top + line, line, bottom - top - 2 * line);
    edges.rect(x + bar - line, top + line, line, bottom - top - 2 * line);
  }
  context.globalAlpha = 1;
  context.fillStyle = lane.colour;
  context.fill(edges);
}

function drawSamples(context: CanvasRenderingContext2D, width: number, height: number, lane: LaneDrawing, perPixel: number): void {
  const middle = height / 2;
  const reach = middle - 1;
  const first = Math.floor(lane.from) - curveReach;
  const samples = new Float32Array(Math.ceil(lane.to) + curveReach + 1 - first);
  for (let at = 0; at < samples.length; at += 1) {
    const frame = first + at;
    const column = frame < 0 || frame >= lane.frames ? null : columnOf(lane.views, frame, frame + 1);
    if (column) samples[at] = ((column.max + column.min) / 2) * lane.gain;
  }
  const y = (value: number): number => middle - Math.max(-1, Math.min(1, value)) * reach;
  context.beginPath();
  const end = Math.min(width, (lane.frames - 1 - lane.from) / perPixel);
  for (let x = 0; x <= end; x += 1) context.lineTo(x, y(curveAt(samples, lane.from + x * perPixel - first)));
  context.globalAlpha = 1;
  context.strokeStyle = lane.colour;
  context.lineWidth = Math.max(1, lane.scale * 1.25);
  // Far enough in, every sample is a point of its own: filled in lane A, hollow in lane B.
  const size = Math.round(2.5 * lane.scale) * 2;
  const points = perPixel * size <= 0.75;
  context.setLineDash(lane.style === 'outlined' && !points ? [4 * lane.scale, 2 * lane.scale] : []);
  context.stroke();
  context.setLineDash([]);
  if (!points) return;
  context.fillStyle = lane.colour;
  for (let frame = Math.max(0, Math.ceil(lane.from)); frame <= lane.to && frame < lane.frames; frame += 1) {
    const x = Math.round((frame - lane.from) / perPixel) - size / 2;
    const top = Math.round(y(samples[frame - first] ?? 0)) - size / 2;
    if (lane.style === 'solid') context.fillRect(x, top, size, size);
    else {
      context.clearRect(x, top, size, size);
      context.strokeRect(x + 0.5, top + 0.5, size - 1, size - 1);
    }
  }
}
