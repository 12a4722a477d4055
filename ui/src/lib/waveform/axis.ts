// The visible stretch of time and what follows from it: ticks, zoom, scrolling. Pure.
export interface Stretch {
  from: number;
  to: number;
}

export interface Tick {
  at: number;
  step: number;
}

const steps = [
  0.0001, 0.0002, 0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600,
];

/** Ticks at round times, at least `minPixels` apart on `width` pixels. */
export function ticks(view: Stretch, width: number, minPixels = 84): Tick[] {
  const length = view.to - view.from;
  if (!(length > 0) || width <= 0) return [];
  const least = (length * minPixels) / width;
  const step = steps.find((candidate) => candidate >= least) ?? 3600;
  const found: Tick[] = [];
  for (let index = Math.ceil(view.from / step - 1e-9) + 0; index * step <= view.to; index += 1) found.push({ at: index * step, step });
  return found;
}

/** Zooms by `factor` (< 1 goes in) around `centre`, within a length of `total` and not closer than `least` seconds. */
export function zoom(view: Stretch, factor: number, centre: number, total: number, least: number): Stretch {
  const length = Math.min(total, Math.max(least, (view.to - view.from) * factor));
  const share = (centre - view.from) / (view.to - view.from);
  return clamp({ from: centre - share * length, to: centre - share * length + length }, total);
}

/** Moves by `seconds`, stopping at both ends. */
export function scroll(view: Stretch, seconds: number, total: number): Stretch {
  return clamp({ from: view.from + seconds, to: view.to + seconds }, total);
}

/** The stretch that shows `position`: the same one when it already does, else the next page. */
export function follow(view: Stretch, position: number, total: number): Stretch {
  if (position >= view.from && position <= view.to) return view;
  const length = view.to - view.from;
  return clamp({ from: position, to: position + length }, total);
}

function clamp(view: Stretch, total: number): Stretch {
  const length = Math.min(total, view.to - view.from);
  const from = Math.min(Math.max(0, view.from), Math.max(0, total - length));
  return { from, to: from + length };
}
