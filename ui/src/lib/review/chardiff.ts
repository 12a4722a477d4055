// Which characters of a value changed, for the emphasis inside a cell.
export interface Run {
  text: string;
  same: boolean;
}

export interface CharacterDiff {
  from: Run[];
  to: Run[];
}

const longest = 400;

/** Both values cut into runs that stayed and runs that differ. Long values are compared from both ends only. */
export function characterDiff(from: string, to: string): CharacterDiff {
  const a = graphemes(from);
  const b = graphemes(to);
  let head = 0;
  while (head < a.length && head < b.length && a[head] === b[head]) head += 1;
  let tail = 0;
  while (tail < a.length - head && tail < b.length - head && a[a.length - 1 - tail] === b[b.length - 1 - tail]) tail += 1;
  const keptA = a.map((_, index) => index < head || index >= a.length - tail);
  const keptB = b.map((_, index) => index < head || index >= b.length - tail);
  const middleA = a.slice(head, a.length - tail);
  const middleB = b.slice(head, b.length - tail);
  if (middleA.length <= longest && middleB.length <= longest) {
    for (const [i, j] of common(middleA, middleB)) {
      keptA[head + i] = true;
      keptB[head + j] = true;
    }
  }
  return { from: runs(a, keptA), to: runs(b, keptB) };
}

/** The two values of a change, either of which may be empty, as runs; null for an empty one. */
export function bothSides(from: string | null, to: string | null): { from: Run[] | null; to: Run[] | null } {
  if (from !== null && to !== null) return characterDiff(from, to);
  const whole = (text: string | null): Run[] | null => (text === null ? null : [{ text, same: true }]);
  return { from: whole(from), to: whole(to) };
}

function graphemes(text: string): string[] {
  if (typeof Intl.Segmenter === 'function') {
    return Array.from(new Intl.Segmenter(undefined, { granularity: 'grapheme' }).segment(text), (part) => part.segment);
  }
  return Array.from(text);
}

function common(a: string[], b: string[]): [number, number][] {
  const width = b.length + 1;
  const lengths = new Uint16Array((a.length + 1) * width);
  const at = (i: number, j: number): number => lengths[i * width + j] ?? 0;
  for (let i = a.length - 1; i >= 0; i -= 1) {
    for (let j = b.length - 1; j >= 0; j -= 1) {
      lengths[i * width + j] = a[i] === b[j] ? at(i + 1, j + 1) + 1 : Math.max(at(i + 1, j), at(i, j + 1));
    }
  }
  const pairs: [number, number][] = [];
  let i = 0;
  let j = 0;
  while (i < a.length && j < b.length) {
    if (a[i] === b[j]) {
      pairs.push([i, j]);
      i += 1;
      j += 1;
    } else if (at(i + 1, j) >= at(i, j + 1)) i += 1;
    else j += 1;
  }
  // Single letters that happen to agree make a diff unreadable: keep them only when they are a good part of the whole.
  return pairs.length * 2 >= Math.min(a.length, b.length) ? pairs : [];
}

function runs(parts: string[], kept: boolean[]): Run[] {
  const found: Run[] = [];
  parts.forEach((text, index) => {
    const same = kept[index] ?? false;
    const last = found.at(-1);
    if (last && last.same === same) last.text += text;
    else found.push({ text, same });
  });
  return found;
}
