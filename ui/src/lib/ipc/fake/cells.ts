// A large catalogue for the made-up studio, and as much of the rules of columns as its screens need.
import type { CatalogueRowView } from '../generated/CatalogueRowView';
import type { CellCheckView } from '../generated/CellCheckView';
import type { ColumnView } from '../generated/ColumnView';
import { fingerprintOf, id } from './seed';

const names = [
  'Version title',
  'Featured artists',
  'Lyricists',
  'Producers',
  'Publishers',
  'UPC',
  'Label',
  'Release title',
  'P line',
  'C line',
  'Genres',
  'Language',
];

/** With the usual eight: twenty. */
export function moreColumns(): ColumnView[] {
  return names.map((label) => ({
    name: label.toLowerCase().replaceAll(' ', '_'),
    label,
    type: 'text',
    choices: [],
    read_only: false,
    may_edit: true,
    required: 'never',
    help: null,
  }));
}

export function manyRows(count: number): CatalogueRowView[] {
  return Array.from({ length: count }, (_, at) => {
    const number = at + 1;
    const cells: Record<string, string> = {
      title: `Cue ${number}`,
      main_artist: number % 3 === 0 ? 'Ada Osei' : 'Mara Lindqvist',
      composers: 'Mara Lindqvist|Ada Osei',
      release_date: `2027-0${(number % 9) + 1}-15`,
      bpm: `${60 + (number % 120)}.00`,
      duration: `${number % 9}:${String(number % 60).padStart(2, '0')}`,
    };
    if (number % 4 !== 0) cells.isrc = `QZMNY26${String(number).padStart(5, '0')}`;
    for (const column of moreColumns()) cells[column.name] = `${column.label} ${number}`;
    return { id: id('trk', 10_000 + number), rev: fingerprintOf(number).slice(0, 20), cells, approved: null };
  });
}

export function checkCells(
  rows: readonly CatalogueRowView[],
  edits: readonly { row: string; field: string; to: string }[],
): CellCheckView[] {
  const typed = new Map(edits.map((edit) => [`${edit.row} ${edit.field}`, edit.to]));
  const textOf = (row: CatalogueRowView, field: string): string => typed.get(`${row.id} ${field}`) ?? row.cells[field] ?? '';
  const found: CellCheckView[] = [];
  const isrcs = new Map<string, string[]>();
  for (const row of rows) {
    const isrc = textOf(row, 'isrc');
    if (isrc !== '') isrcs.set(isrc, [...(isrcs.get(isrc) ?? []), row.id]);
  }
  for (const { row, field, to } of edits) {
    const error = (message: string, suggestion: string | null = null): void =>
      void found.push({ row, field, level: 'error', message, suggestion });
    if (field === 'title' && to === '') error('A track needs a title. Type one, or restore the cell.');
    if (field === 'isrc' && to !== '' && !/^[A-Z]{2}[A-Z0-9]{3}\d{7}$/u.test(to)) {
      const fit = to
        .replaceAll(/[\s.-]/gu, '')
        .toUpperCase()
        .replaceAll(/(?<=^.{5}.*)O/gu, '0');
      error(`Found “${to}”, expected 12 characters like USS1Z9900001.`, /^[A-Z]{2}[A-Z0-9]{3}\d{7}$/u.test(fit) ? fit : null);
    }
    if (field === 'release_date' && to !== '' && !/^\d{4}(-\d\d){0,2}$/u.test(to)) error(`Found “${to}”, expected a date like 2026-05-03.`);
    if (field === 'bpm' && to !== '' && Number(to) < 20)
      found.push({ row, field, level: 'warning', message: `${to} is unusually slow. Check it before you propose.`, suggestion: null });
  }
  for (const [isrc, same] of isrcs) {
    if (same.length > 1)
      for (const row of same)
        found.push({
          row,
          field: 'isrc',
          level: 'error',
          message: `${isrc} stands in ${same.length} rows; only one may have it.`,
          suggestion: null,
        });
  }
  return found;
}
