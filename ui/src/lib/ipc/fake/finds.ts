// As much of the search for uneven shares and alike names as the screens need.
import type { SheetEdits } from '../../catalogue/edits';
import type { CatalogueRowView } from '../generated/CatalogueRowView';
import type { ColumnView } from '../generated/ColumnView';
import type { NotReadyView } from '../generated/NotReadyView';
import type { RespeltCellView } from '../generated/RespeltCellView';
import type { SharesView } from '../generated/SharesView';
import type { SpellingView } from '../generated/SpellingView';

const people = ['main_artist', 'composers', 'party'];

/** The rows as they would stand after the edits. */
function edited(rows: readonly CatalogueRowView[], edits: SheetEdits): CatalogueRowView[] {
  const made = edits.added.map((id): CatalogueRowView => ({ id, rev: '', cells: {}, approved: null }));
  const typed = new Map<string, Record<string, string>>();
  for (const { row, field, to } of edits.cells) typed.set(row, { ...typed.get(row), [field]: to });
  return [...rows, ...made]
    .filter((row) => !edits.deleted.includes(row.id))
    .map((row) => ({ ...row, cells: { ...row.cells, ...typed.get(row.id) } }));
}

export function sharesOf(tracks: readonly CatalogueRowView[], splits: readonly CatalogueRowView[], edits: SheetEdits): SharesView {
  const sums = new Map<string, number>();
  const with_shares = new Set<string>();
  for (const { cells } of edited(splits, edits)) {
    if (!cells.track || !cells.right) continue;
    with_shares.add(cells.track);
    const key = `${cells.track} ${cells.right}`;
    sums.set(key, (sums.get(key) ?? 0) + Number(cells.share ?? 0));
  }
  const uneven: Record<string, string> = {};
  for (const [key, sum] of sums) {
    const [track, right] = key.split(' ');
    if (sum === 100 || track === undefined) continue;
    const title = tracks.find((row) => row.id === track)?.cells.title ?? track;
    uneven[track] =
      `Share of Track “${title}”, Right ${right} add up to ${sum.toFixed(2)} instead of 100.00: ${Math.abs(100 - sum).toFixed(2)} ${sum > 100 ? 'too much' : 'missing'}. Nobody could be paid by these numbers; change them so that they add up.`;
  }
  return { uneven, without: tracks.filter((row) => !with_shares.has(row.id)).map((row) => row.id) };
}

/** Rows with empty cells in columns that a release needs. */
export function notReadyOf(columns: readonly ColumnView[], rows: readonly CatalogueRowView[], edits: SheetEdits): NotReadyView[] {
  const needed = columns.filter((column) => column.required !== 'never');
  return edited(rows, edits)
    .map((row) => ({
      row: row.id,
      label: row.cells.title ?? row.cells.party ?? '',
      missing: needed
        .filter((column) => (row.cells[column.name] ?? '') === '')
        .map((column): [string, string] => [column.name, column.label]),
    }))
    .filter((each) => each.missing.length > 0);
}

const folded = (name: string): string => name.normalize('NFKD').replace(/\P{L}/gu, '').toLowerCase();
const namesIn = (row: CatalogueRowView): string[] =>
  people.flatMap((field) => (row.cells[field] ?? '').split('|')).filter((name) => name !== '');

export function spellingsOf(rows: readonly CatalogueRowView[], edits: SheetEdits): SpellingView[][] {
  const groups = new Map<string, Map<string, number>>();
  for (const name of edited(rows, edits).flatMap(namesIn)) {
    const group = groups.get(folded(name)) ?? new Map<string, number>();
    group.set(name, (group.get(name) ?? 0) + 1);
    groups.set(folded(name), group);
  }
  return Array.from(groups.values())
    .filter((group) => group.size > 1)
    .map((group) => Array.from(group, ([text, cells]) => ({ text, cells })).sort((a, b) => b.cells - a.cells));
}

export function respelt(rows: readonly CatalogueRowView[], edits: SheetEdits, from: readonly string[], to: string): RespeltCellView[] {
  return edited(rows, edits).flatMap((row) =>
    people.flatMap((field) => {
      const names = (row.cells[field] ?? '').split('|');
      if (!names.some((name) => name !== to && from.includes(name))) return [];
      const text = Array.from(new Set(names.map((name) => (from.includes(name) ? to : name)))).join('|');
      return [{ row: row.id, field, to: text }];
    }),
  );
}
