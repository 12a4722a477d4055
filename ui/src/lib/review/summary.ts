// What a proposal changes, counted. Pure.
import type { CellChangeView } from '../ipc/generated/CellChangeView';
import type { ChangeWord } from '../ipc/generated/ChangeWord';
import { thingOf } from './choices';

export const words: readonly ChangeWord[] = ['added', 'changed', 'cleared', 'deleted'];

export type Counts = readonly (readonly [ChangeWord, number])[];

export interface ColumnCounts {
  field: string;
  label: string;
  counts: Counts;
}

/** How many things change: a row that comes or goes is one, and so is a column. */
export function countThings(changes: readonly CellChangeView[]): number {
  return new Set(changes.map(thingOf)).size;
}

/** How many changes there are of each kind. */
export function countWords(changes: readonly CellChangeView[]): Counts {
  const found = new Map<ChangeWord, Set<string>>();
  for (const change of changes) {
    const things = found.get(change.change);
    if (things) things.add(thingOf(change));
    else found.set(change.change, new Set([thingOf(change)]));
  }
  return words.flatMap((word) => {
    const things = found.get(word);
    return things === undefined ? [] : [[word, things.size] as const];
  });
}

/** The same for each column, in the order in which the columns first come. */
export function countColumns(changes: readonly CellChangeView[]): ColumnCounts[] {
  const columns = new Map<string, CellChangeView[]>();
  // A change of the columns themselves has no column to be filtered by.
  for (const change of changes.filter((each) => each.part_of !== '_schema')) {
    const list = columns.get(change.field);
    if (list) list.push(change);
    else columns.set(change.field, [change]);
  }
  return Array.from(columns, ([field, list]) => ({ field, label: list[0]?.field_label ?? field, counts: countWords(list) }));
}
