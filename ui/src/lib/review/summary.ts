// What a proposal changes, counted. Pure.
import type { CellChangeView } from '../ipc/generated/CellChangeView';
import type { ChangeWord } from '../ipc/generated/ChangeWord';

export const words: readonly ChangeWord[] = ['added', 'changed', 'cleared', 'deleted'];

export type Counts = readonly (readonly [ChangeWord, number])[];

export interface ColumnCounts {
  field: string;
  label: string;
  counts: Counts;
}

/** How many changes there are of each kind. */
export function countWords(changes: readonly CellChangeView[]): Counts {
  const found = new Map<ChangeWord, number>();
  for (const { change } of changes) found.set(change, (found.get(change) ?? 0) + 1);
  return words.flatMap((word) => {
    const count = found.get(word);
    return count === undefined ? [] : [[word, count] as const];
  });
}

/** The same for each column, in the order in which the columns first come. */
export function countColumns(changes: readonly CellChangeView[]): ColumnCounts[] {
  const columns = new Map<string, CellChangeView[]>();
  for (const change of changes) {
    const list = columns.get(change.field);
    if (list) list.push(change);
    else columns.set(change.field, [change]);
  }
  return Array.from(columns, ([field, list]) => ({ field, label: list[0]?.field_label ?? field, counts: countWords(list) }));
}
