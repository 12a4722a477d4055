// Which rows of the catalogue are shown. Pure.
import type { CatalogueRowView } from '../ipc/generated/CatalogueRowView';
import type { ColumnView } from '../ipc/generated/ColumnView';

export type Filter =
  | { kind: 'all' }
  | { kind: 'changed' }
  | { kind: 'invalid' }
  | { kind: 'pending' }
  | { kind: 'missing'; field: string }
  /** Tracks whose shares do not add up, or the splits of such tracks. */
  | { kind: 'uneven' }
  /** Tracks without any share. */
  | { kind: 'shareless' }
  /** The splits of one track. */
  | { kind: 'track'; track: string };

export interface Order {
  field: string;
  down: boolean;
}

/** What filters ask of the sheet. */
export interface Marks {
  /** As shown: a reference by the name of its row. */
  text(row: CatalogueRowView, field: string): string;
  /** As stored. */
  raw(row: CatalogueRowView, field: string): string;
  changed(row: string): boolean;
  invalid(row: string): boolean;
  pending(row: string): boolean;
  uneven(row: CatalogueRowView): boolean;
  shareless(row: string): boolean;
}

const plain = /^[\x00-\x7f]*$/;
const folded = (text: string): string =>
  plain.test(text) ? text.toLowerCase() : text.normalize('NFKD').replace(/\p{M}/gu, '').toLocaleLowerCase();

/** What a search looks through, folded once for every row that nobody edits. */
export class SearchTexts {
  readonly #columns: readonly ColumnView[];
  readonly #known = new WeakMap<CatalogueRowView, string>();

  constructor(columns: readonly ColumnView[]) {
    this.#columns = columns;
  }

  of(row: CatalogueRowView, marks: Marks): string {
    const edited = marks.changed(row.id);
    const known = edited ? undefined : this.#known.get(row);
    if (known !== undefined) return known;
    const text = folded(this.#columns.map((column) => marks.text(row, column.name)).join('\n'));
    if (!edited) this.#known.set(row, text);
    return text;
  }
}

export function filtered(
  rows: readonly CatalogueRowView[],
  texts: SearchTexts,
  filter: Filter,
  search: string,
  order: Order | null,
  marks: Marks,
): CatalogueRowView[] {
  const words = folded(search).split(/\s+/u).filter(Boolean);
  const found = rows.filter((row) => {
    if (!fits(row, filter, marks)) return false;
    if (words.length === 0) return true;
    const text = texts.of(row, marks);
    return words.every((word) => text.includes(word));
  });
  if (order === null) return found;
  const collator = new Intl.Collator(undefined, { numeric: true, sensitivity: 'base' });
  const keys = new Map(found.map((row) => [row.id, marks.text(row, order.field)]));
  const key = (row: CatalogueRowView): string => keys.get(row.id) ?? '';
  // Empty cells stand last in both directions: they are what is missing, not what comes first.
  return found.sort((a, b) => {
    const [x, y] = [key(a), key(b)];
    if (x === '' || y === '') return x === y ? 0 : x === '' ? 1 : -1;
    return order.down ? collator.compare(y, x) : collator.compare(x, y);
  });
}

function fits(row: CatalogueRowView, filter: Filter, marks: Marks): boolean {
  switch (filter.kind) {
    case 'all':
      return true;
    case 'changed':
      return marks.changed(row.id);
    case 'invalid':
      return marks.invalid(row.id);
    case 'pending':
      return marks.pending(row.id);
    case 'uneven':
      return marks.uneven(row);
    case 'shareless':
      return marks.shareless(row.id);
    case 'track':
      return marks.raw(row, 'track') === filter.track;
    case 'missing':
      return marks.text(row, filter.field) === '';
  }
}
