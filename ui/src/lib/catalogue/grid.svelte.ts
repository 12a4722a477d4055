// What a grid of cells does with keys and the clipboard: the selection, the cell being typed into, and the edits that come of it.
// Knows no page; the component draws it and hands over what was pressed.
import type { CatalogueRowView } from '../ipc/generated/CatalogueRowView';
import type { ColumnView } from '../ipc/generated/ColumnView';
import type { Change, Sheet } from '../state/sheet.svelte';
import { t } from '../texts/en';
import { escapeFormula, unescapeFormula } from './guard';
import { boxOf, clamp, pasteBox, sizeOf, step, type Box, type Place, type Range, type Size } from './range';
import { fromTsv, toTsv } from './tsv';

export interface GridSource {
  sheet: Sheet;
  rows: readonly CatalogueRowView[];
  columns: readonly ColumnView[];
  canEdit: boolean;
}

export interface Editing {
  row: string;
  field: string;
  text: string;
  /** The first letter was typed, so the old text went. */
  typed: boolean;
}

/** The words of a column that takes only certain ones. */
export function wordsOf(column: ColumnView): readonly string[] | null {
  if (column.type === 'choice') return column.choices;
  return column.type === 'boolean' ? ['yes', 'no'] : null;
}

/** Columns whose cells a spreadsheet could take for a formula; typed numbers and dates hold none. */
function isText(column: ColumnView): boolean {
  return ['text', 'longtext', 'choice', 'list', 'url'].includes(column.type);
}

export class GridModel {
  editing = $state.raw<Editing | null>(null);
  /** What the last act did, for a status line. */
  said = $state('');
  readonly #source: () => GridSource;
  #range = $state.raw<Range>({ anchor: { row: 0, column: 0 }, head: { row: 0, column: 0 } });

  constructor(source: () => GridSource) {
    this.#source = source;
  }

  get size(): Size {
    const { rows, columns } = this.#source();
    return { rows: rows.length, columns: columns.length };
  }

  get range(): Range {
    const { size } = this;
    return { anchor: clamp(this.#range.anchor, size), head: clamp(this.#range.head, size) };
  }

  /** The cell that keys act on. */
  get at(): Place {
    return this.range.anchor;
  }

  get box(): Box {
    return boxOf(this.range);
  }

  get several(): boolean {
    const { rows, columns } = sizeOf(this.box);
    return rows * columns > 1;
  }

  row(at: Place): CatalogueRowView | null {
    return this.#source().rows[at.row] ?? null;
  }

  column(at: Place): ColumnView | null {
    return this.#source().columns[at.column] ?? null;
  }

  editable(column: ColumnView): boolean {
    return this.#source().canEdit && !column.read_only && column.may_edit;
  }

  select(to: Place, extend = false): void {
    const place = clamp(to, this.size);
    this.#range = extend ? { anchor: this.range.anchor, head: place } : { anchor: place, head: place };
    this.said = this.several ? t.catalogue.selected(sizeOf(this.box).rows, sizeOf(this.box).columns) : '';
  }

  selectAll(): void {
    const { rows, columns } = this.size;
    this.#range = { anchor: { row: 0, column: 0 }, head: { row: rows - 1, column: columns - 1 } };
    this.said = t.catalogue.selected(rows, columns);
  }

  /** Moves or widens the selection; answers whether the key was one that moves. */
  move(key: string, extend: boolean, far: boolean, page: number): boolean {
    const from = extend ? this.range.head : this.at;
    const to = step(from, key, far, this.size, page);
    if (to === null) return false;
    this.select(to, extend);
    return true;
  }

  /** Opens the cell for typing, with its text or with `typed` in its place. */
  edit(typed: string | null = null): boolean {
    const row = this.row(this.at);
    const column = this.column(this.at);
    if (!row || !column) return false;
    if (!this.editable(column)) {
      this.said = column.read_only ? t.catalogue.locked : t.catalogue.noEdit;
      return false;
    }
    if (this.#source().sheet.isDeleted(row.id)) {
      this.said = t.catalogue.rowGoes;
      return false;
    }
    let text = typed ?? this.#source().sheet.text(row, column.name);
    const words = wordsOf(column);
    if (words && typed !== null)
      text = words.find((word) => word.toLowerCase().startsWith(typed.toLowerCase())) ?? this.#source().sheet.text(row, column.name);
    this.editing = { row: row.id, field: column.name, text, typed: typed !== null };
    return true;
  }

  /** Keeps what was typed and goes on to the next cell. */
  keep(then: 'down' | 'up' | 'right' | 'left' | 'stay'): void {
    const { editing } = this;
    if (!editing) return;
    this.editing = null;
    this.#source().sheet.change([{ row: editing.row, field: editing.field, to: editing.text }]);
    const { row, column } = this.at;
    if (then === 'down') this.select({ row: row + 1, column });
    else if (then === 'up') this.select({ row: row - 1, column });
    else if (then === 'right') this.select({ row, column: column + 1 });
    else if (then === 'left') this.select({ row, column: column - 1 });
  }

  restore(): void {
    this.editing = null;
  }

  /** Ids of the selected rows. */
  get chosen(): string[] {
    const { top, bottom } = this.box;
    return this.#source()
      .rows.slice(top, bottom + 1)
      .map((row) => row.id);
  }

  /** Marks the selected rows as going, or as staying when they all go already. */
  deleteRows(): void {
    const { sheet, canEdit } = this.#source();
    const { chosen } = this;
    if (!canEdit || chosen.length === 0) return;
    if (chosen.every((id) => sheet.isDeleted(id))) {
      sheet.keepRows(chosen);
      this.said = t.catalogue.rowsStay(chosen.length);
    } else this.said = t.catalogue.rowsGo(sheet.deleteRows(chosen));
  }

  clear(): void {
    this.#change(this.box, () => '');
  }

  /** Gives every selected row what the first one has; with one row selected, what the row above has. */
  fillDown(): void {
    const { box } = this;
    const from = box.top === box.bottom ? box.top - 1 : box.top;
    if (from < 0) return;
    this.#change({ ...box, top: from + 1 }, (place, column) => this.#text({ row: from, column: place.column }, column));
  }

  copy(): string {
    const { box } = this;
    const lines: string[][] = [];
    for (let row = box.top; row <= box.bottom; row += 1) {
      const line: string[] = [];
      for (let column = box.left; column <= box.right; column += 1) {
        const found = this.column({ row, column });
        if (!found) continue;
        const text = this.#text({ row, column }, found);
        line.push(isText(found) ? escapeFormula(text) : text);
      }
      lines.push(line);
    }
    this.said = t.catalogue.copied(lines.length, lines[0]?.length ?? 0);
    return toTsv(lines);
  }

  cut(): string {
    const text = this.copy();
    this.clear();
    return text;
  }

  paste(text: string): void {
    const block = fromTsv(text);
    const size = { rows: block.length, columns: Math.max(...block.map((row) => row.length)) };
    const box = pasteBox(this.box, size);
    const whole = this.size;
    const lost =
      (box.bottom >= whole.rows ? box.bottom - whole.rows + 1 : 0) + (box.right >= whole.columns ? box.right - whole.columns + 1 : 0);
    const inside = { ...box, bottom: Math.min(box.bottom, whole.rows - 1), right: Math.min(box.right, whole.columns - 1) };
    const skipped = this.#change(inside, (place, column) => {
      const cell = block[(place.row - box.top) % size.rows]?.[(place.column - box.left) % size.columns];
      return cell === undefined ? null : isText(column) ? unescapeFormula(cell) : cell;
    });
    this.#range = { anchor: { row: inside.top, column: inside.left }, head: { row: inside.bottom, column: inside.right } };
    this.said = t.catalogue.pasted(sizeOf(inside).rows, sizeOf(inside).columns, skipped, lost > 0);
  }

  #text(place: Place, column: ColumnView): string {
    const row = this.row(place);
    return row ? this.#source().sheet.text(row, column.name) : '';
  }

  /** Changes the editable cells of a box as one step; answers how many cells were locked. */
  #change(box: Box, to: (place: Place, column: ColumnView) => string | null): number {
    const changes: Change[] = [];
    let locked = 0;
    for (let row = box.top; row <= box.bottom; row += 1) {
      for (let column = box.left; column <= box.right; column += 1) {
        const line = this.row({ row, column });
        const field = this.column({ row, column });
        if (!line || !field) continue;
        if (!this.editable(field) || this.#source().sheet.isDeleted(line.id)) {
          locked += 1;
          continue;
        }
        const text = to({ row, column }, field);
        if (text !== null) changes.push({ row: line.id, field: field.name, to: text });
      }
    }
    const count = this.#source().sheet.change(changes);
    this.said = locked > 0 ? t.catalogue.changedSome(count, locked) : t.catalogue.changedCells(count);
    return locked;
  }
}
