// Dividing a proposal and settling its conflicts: what is chosen, and what of it the library is asked. Pure.
import type { ConflictChoice } from '../ipc/generated/ConflictChoice';
import type { ConflictView } from '../ipc/generated/ConflictView';
import type { ProposedOpView } from '../ipc/generated/ProposedOpView';

export function keyOf(place: { row: string; field: string }): string {
  return `${place.row} ${place.field}`;
}

/** The key of the operation a change comes from: a row that comes or goes, and the columns, are one. */
export function opKeyOf(change: { row: string; field: string; part_of: string | null }): string {
  return keyOf({ row: change.row, field: change.part_of ?? change.field });
}

/** The key of the thing that changes, as people count it: a row or a column is one, whatever it says. */
export function thingOf(change: { row: string; row_label: string; field: string; part_of: string | null }): string {
  return change.part_of === null ? keyOf(change) : `${opKeyOf(change)} ${change.row_label}`;
}

/** `picked` with one change put in or taken out, and with it all that cannot be parted from it. */
export function pick(ops: readonly ProposedOpView[], picked: ReadonlySet<string>, key: string, on: boolean): Set<string> {
  const groups = new Set(ops.filter((op) => keyOf(op) === key).map((op) => op.group));
  const next = new Set(picked);
  for (const each of [key, ...ops.filter((op) => groups.has(op.group)).map(keyOf)]) {
    if (on) next.add(each);
    else next.delete(each);
  }
  return next;
}

/** Places of the operations that stay together. */
export function kept(ops: readonly ProposedOpView[], picked: ReadonlySet<string>): number[] {
  return ops.filter((op) => picked.has(keyOf(op))).map((op) => op.index);
}

/** Places of the operations that are not picked. */
export function leftOut(ops: readonly ProposedOpView[], picked: ReadonlySet<string>): number[] {
  return ops.filter((op) => !picked.has(keyOf(op))).map((op) => op.index);
}

/** `picked` with one change put in or taken out, by itself. */
export function toggled(picked: ReadonlySet<string>, key: string, on: boolean): Set<string> {
  const next = new Set(picked);
  if (on) next.add(key);
  else next.delete(key);
  return next;
}

export interface Settled {
  choice: ConflictChoice['choice'];
  value: string;
}

/** What is sent once every conflict has a choice; null before. */
export function settlement(conflicts: readonly ConflictView[], chosen: ReadonlyMap<string, Settled>): ConflictChoice[] | null {
  const list: ConflictChoice[] = [];
  for (const conflict of conflicts) {
    const settled = chosen.get(keyOf(conflict));
    if (!settled) return null;
    const { row, field } = conflict;
    list.push({ row, field, choice: settled.choice, value: settled.choice === 'typed' ? settled.value : null });
  }
  return list;
}
