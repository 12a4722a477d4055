// Places and ranges of a table, counted from 0. Pure.
export interface Place {
  row: number;
  column: number;
}

/** From the cell a selection began at to the cell it reaches; both are in it. */
export interface Range {
  anchor: Place;
  head: Place;
}

export interface Box {
  top: number;
  left: number;
  bottom: number;
  right: number;
}

export interface Size {
  rows: number;
  columns: number;
}

export function boxOf({ anchor, head }: Range): Box {
  return {
    top: Math.min(anchor.row, head.row),
    left: Math.min(anchor.column, head.column),
    bottom: Math.max(anchor.row, head.row),
    right: Math.max(anchor.column, head.column),
  };
}

export function sizeOf(box: Box): Size {
  return { rows: box.bottom - box.top + 1, columns: box.right - box.left + 1 };
}

export function clamp(place: Place, size: Size): Place {
  return {
    row: Math.max(0, Math.min(size.rows - 1, place.row)),
    column: Math.max(0, Math.min(size.columns - 1, place.column)),
  };
}

/** Where a key leads from `at`, or null for keys that do not move. `page` is the number of rows in sight. */
export function step(at: Place, key: string, far: boolean, size: Size, page: number): Place | null {
  const lastRow = size.rows - 1;
  const lastColumn = size.columns - 1;
  switch (key) {
    case 'ArrowUp':
      return clamp({ ...at, row: far ? 0 : at.row - 1 }, size);
    case 'ArrowDown':
      return clamp({ ...at, row: far ? lastRow : at.row + 1 }, size);
    case 'ArrowLeft':
      return clamp({ ...at, column: far ? 0 : at.column - 1 }, size);
    case 'ArrowRight':
      return clamp({ ...at, column: far ? lastColumn : at.column + 1 }, size);
    case 'Home':
      return clamp({ row: far ? 0 : at.row, column: 0 }, size);
    case 'End':
      return clamp({ row: far ? lastRow : at.row, column: lastColumn }, size);
    case 'PageUp':
      return clamp({ ...at, row: at.row - page }, size);
    case 'PageDown':
      return clamp({ ...at, row: at.row + page }, size);
    default:
      return null;
  }
}

/**
 * Where a block of `block` cells goes when pasted into `box`: a single cell fills the whole selection, a block that fits the selection a
 * whole number of times is repeated, anything else starts at its top left corner.
 */
export function pasteBox(box: Box, block: Size): Box {
  const chosen = sizeOf(box);
  const fits = chosen.rows % block.rows === 0 && chosen.columns % block.columns === 0;
  const rows = fits ? chosen.rows : block.rows;
  const columns = fits ? chosen.columns : block.columns;
  return { top: box.top, left: box.left, bottom: box.top + rows - 1, right: box.left + columns - 1 };
}

/** The part of a long list that is in sight, with `spare` items on both sides, in steps so that small scrolling changes nothing. */
export function windowOf(scroll: number, height: number, item: number, count: number, spare: number): { from: number; to: number } {
  const every = Math.max(1, Math.floor(spare / 2));
  const first = Math.floor(scroll / item / every) * every;
  const shown = Math.ceil(height / item);
  return { from: Math.max(0, first - spare), to: Math.min(count, first + shown + every + spare) };
}
