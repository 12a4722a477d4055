// The keys as they are now: the usual ones, or those somebody chose in the settings.
import { commandTable, type KeyCommand } from './table';

let table = $state.raw<readonly KeyCommand[]>(commandTable);

export function currentTable(): readonly KeyCommand[] {
  return table;
}

export function setTable(next: readonly KeyCommand[]): void {
  table = next;
}

/** The stroke that now does what `usual` usually does. */
export function keysNow(usual: string | undefined): string | undefined {
  if (usual === undefined) return undefined;
  const at = commandTable.findIndex((command) => command.keys.includes(usual));
  const now = table[at]?.keys ?? [usual];
  return now.includes(usual) ? usual : now[0];
}
