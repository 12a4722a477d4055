// Draws one lane: one column per device pixel, integer rectangles, no shadows. Lane A is solid, lane B hollow bars, so that the
// two are told apart without colour.
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
  colour: string;
  scale: number;
}

export function drawLane(context: CanvasRenderingContext2D, width: number, height: number, lane: LaneDrawing): void {
  context.clearRect(0, 0, width, height);
  const perPixel = (lane.to - lane.from) / width;
  if (!(perPixel > 0)) return;
  const finest = lane.views.reduce((least, view) => Math.min(least, view.framesPerBin), Infinity);
  if (finest === 1 && perPixel < 1) drawSamples(context, height, lane, perPixel);
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

function drawSamples(context: CanvasRenderingContext2D, height: number, lane: LaneDrawing, perPixel: number): void {
  const middle = height / 2;
  const reach = middle - 1;
  context.beginPath();
  let started = false;
  for (let frame = Math.floor(lane.from); frame <= Math.min(Math.ceil(lane.to), lane.frames - 1); frame += 1) {
    const column = columnOf(lane.views, frame, frame + 1);
    if (!column) continue;
    const x = (frame - lane.from) / perPixel;
    const y = middle - Math.max(-1, Math.min(1, ((column.max + column.min) / 2) * lane.gain)) * reach;
    if (started) context.lineTo(x, y);
    else context.moveTo(x, y);
    started = true;
  }
  context.globalAlpha = 1;
  context.strokeStyle = lane.colour;
  context.lineWidth = Math.max(1, lane.scale * 1.25);
  context.setLineDash(lane.style === 'outlined' ? [4 * lane.scale, 2 * lane.scale] : []);
  context.stroke();
  context.setLineDash([]);
}
