// Blocks of cells as spreadsheets put them on the clipboard: tabs between cells, line ends between rows, quotes round cells that hold
// one of these. Pure.
export type Block = readonly (readonly string[])[];

export function toTsv(block: Block): string {
  return block.map((row) => row.map(quoted).join('\t')).join('\r\n');
}

function quoted(cell: string): string {
  return /[\t\r\n]/u.test(cell) || cell.startsWith('"') ? `"${cell.replaceAll('"', '""')}"` : cell;
}

/** Reads a block; rows may differ in length. A quote only counts at the start of a cell, and only if it closes. */
export function fromTsv(text: string): string[][] {
  const rows: string[][] = [[]];
  let at = 0;
  const put = (cell: string): void => void rows.at(-1)?.push(cell);
  while (at <= text.length) {
    const closed = text[at] === '"' ? closing(text, at) : -1;
    let cell: string;
    if (closed >= 0) {
      cell = text.slice(at + 1, closed).replaceAll('""', '"');
      at = closed + 1;
    } else {
      const end = text.slice(at).search(/[\t\r\n]/u);
      cell = end < 0 ? text.slice(at) : text.slice(at, at + end);
      at += cell.length;
    }
    put(cell);
    if (at >= text.length) break;
    if (text[at] === '\t') at += 1;
    else {
      at += text.startsWith('\r\n', at) ? 2 : 1;
      // The line end of the last row is no further row.
      if (at >= text.length) break;
      rows.push([]);
    }
  }
  return rows;
}

/** Where the quote opened at `from` closes: before a tab, a line end or the end. */
function closing(text: string, from: number): number {
  for (let at = from + 1; at < text.length; at += 1) {
    if (text[at] !== '"') continue;
    if (text[at + 1] === '"') {
      at += 1;
      continue;
    }
    const next = text[at + 1];
    return next === undefined || next === '\t' || next === '\n' || next === '\r' ? at : -1;
  }
  return -1;
}
