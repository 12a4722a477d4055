// Where the rows of a long list stand, when only some of their heights were measured yet. Pure.

/** Upper edges of all rows, and the lower edge of the last: `heights` holds the measured ones. */
export function edges(count: number, heights: ReadonlyMap<number, number>, estimate: number): Float64Array {
  const found = new Float64Array(count + 1);
  for (let at = 0; at < count; at += 1) found[at + 1] = (found[at] ?? 0) + (heights.get(at) ?? estimate);
  return found;
}

/** Rows between `from` and `to`, with `spare` pixels on both sides: first, and one past the last. */
export function between(tops: Float64Array, from: number, to: number, spare: number): { first: number; end: number } {
  const count = tops.length - 1;
  const first = Math.max(0, after(tops, from - spare) - 1);
  return { first, end: Math.min(count, after(tops, to + spare)) };
}

/** The first edge beyond `place`. */
function after(tops: Float64Array, place: number): number {
  let low = 0;
  let high = tops.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((tops[middle] ?? 0) <= place) low = middle + 1;
    else high = middle;
  }
  return low;
}
