// Characters nobody sees, and how they are drawn so that everybody does.
export interface Piece {
  text: string;
  /** Name of the invisible character this piece stands for. */
  mark: string | null;
}

const names = new Map<number, string>([
  [0x00, 'NUL'],
  [0x09, 'TAB'],
  [0x0a, 'line break'],
  [0x0d, 'carriage return'],
  [0xa0, 'no-break space'],
  [0xad, 'soft hyphen'],
  [0x61c, 'Arabic letter mark'],
  [0x200b, 'zero-width space'],
  [0x200c, 'zero-width non-joiner'],
  [0x200d, 'zero-width joiner'],
  [0x200e, 'left-to-right mark'],
  [0x200f, 'right-to-left mark'],
  [0x202a, 'left-to-right embedding'],
  [0x202b, 'right-to-left embedding'],
  [0x202c, 'end of direction'],
  [0x202d, 'left-to-right override'],
  [0x202e, 'right-to-left override'],
  [0x202f, 'narrow no-break space'],
  [0x2060, 'word joiner'],
  [0x2066, 'left-to-right isolate'],
  [0x2067, 'right-to-left isolate'],
  [0x2068, 'first-strong isolate'],
  [0x2069, 'end of isolate'],
  [0xfeff, 'byte order mark'],
]);

/** Fillers and joiners that are letters or marks to a computer and nothing to the eye. */
const invisibleLetters: ReadonlySet<number> = new Set([0x34f, 0x115f, 0x1160, 0x17b4, 0x17b5, 0x180b, 0x180c, 0x180d, 0x3164, 0xffa0]);

const hex = (code: number): string => `U+${code.toString(16).toUpperCase().padStart(4, '0')}`;

function markOf(code: number): string | null {
  const known = names.get(code);
  if (known !== undefined) return known;
  const character = String.fromCodePoint(code);
  if (code !== 0x20 && /[\p{Zs}\p{Zl}\p{Zp}]/u.test(character)) return `unusual space ${hex(code)}`;
  // Format characters without a name here, and letters that draw nothing.
  if (/\p{Cf}/u.test(character) || invisibleLetters.has(code)) return `invisible character ${hex(code)}`;
  if (code < 0x20 || (code >= 0x7f && code < 0xa0)) return `control character ${code.toString(16).toUpperCase().padStart(2, '0')}`;
  return null;
}

/** The text cut where invisible characters stand. */
export function pieces(text: string): Piece[] {
  const found: Piece[] = [];
  let plain = '';
  for (const character of text) {
    const mark = markOf(character.codePointAt(0) ?? 0);
    // A joiner inside an emoji belongs to the picture.
    if (mark === null || (character === '\u200d' && /\p{Extended_Pictographic}\ufe0f?$/u.test(plain))) {
      plain += character;
      continue;
    }
    if (plain !== '') found.push({ text: plain, mark: null });
    found.push({ text: character, mark });
    plain = '';
  }
  if (plain !== '') found.push({ text: plain, mark: null });
  return found;
}

export function hasHidden(text: string | null): boolean {
  return text !== null && pieces(text).some((piece) => piece.mark !== null);
}
