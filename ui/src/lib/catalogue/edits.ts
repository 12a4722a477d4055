// What somebody edited in one table of the catalogue, as it goes over the contract of commands.

/** Everything edited in one table: cells, keys of rows made by hand, ids of rows to go. */
export interface SheetEdits {
  cells: { row: string; field: string; to: string }[];
  added: string[];
  deleted: string[];
}
