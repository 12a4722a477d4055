// One table of the catalogue while somebody edits it: what was typed, which rows were made and which are to go, not proposed yet, with
// undo, redo and what the rules of the columns say about it. Nothing here changes the catalogue; the typed text survives leaving the screen and closing the window.
import type { Backend } from '../ipc/backend';
import type { CatalogueRowView } from '../ipc/generated/CatalogueRowView';
import type { CatalogueView } from '../ipc/generated/CatalogueView';
import type { CellChangeView } from '../ipc/generated/CellChangeView';
import type { SheetEdits } from '../catalogue/edits';
import type { CellCheckView } from '../ipc/generated/CellCheckView';
import type { ColumnView } from '../ipc/generated/ColumnView';
import type { ProposalView } from '../ipc/generated/ProposalView';
import { t } from '../texts/en';

export interface SheetEdit {
  row: string;
  field: string;
  to: string;
  /** What stood there when it was first edited. */
  base: string;
}

export interface Change {
  row: string;
  field: string;
  to: string;
}

/** The edits of one row by field. */
export type RowEdits = ReadonlyMap<string, SheetEdit>;

/** Everything that is not proposed yet. */
interface Work {
  /** By row; a row without edits is not there. A row that nobody touched stays the same object, so that what shows it stands still. */
  edits: ReadonlyMap<string, RowEdits>;
  /** Keys of rows made by hand, in their order. */
  added: readonly string[];
  /** Ids of rows to go. */
  deleted: ReadonlySet<string>;
}

interface Step {
  before: Work;
  after: Work;
}

const nothing: Work = { edits: new Map(), added: [], deleted: new Set() };

const mostSteps = 200;
/** Most edited rows that all steps together remember. */
const mostRemembered = 500_000;
const checkAfterMs = 200;
/** From so many edited rows on the store is written a moment later, once for several edits. */
const manyRows = 200;
const storeAfterMs = 1000;
/** How keys of rows made by hand begin. */
const newRow = 'new ';
const noChecks: ReadonlyMap<string, CellCheckView> = new Map();

export class Sheet {
  view = $state.raw<CatalogueView | null>(null);
  /** What the rules say, by row and field. */
  #checks = $state.raw<ReadonlyMap<string, ReadonlyMap<string, CellCheckView>>>(new Map());
  checking = $state(false);
  readonly #kept: string | null;
  #work = $state.raw<Work>(nothing);
  readonly #rows = $derived(new Map((this.view?.rows ?? []).map((row) => [row.id, row])));
  readonly #made = $derived(this.#work.added.map((key): CatalogueRowView => ({ id: key, rev: '', cells: {}, approved: null })));
  readonly #allRows = $derived(this.#made.length === 0 ? (this.view?.rows ?? []) : [...(this.view?.rows ?? []), ...this.#made]);
  readonly #addedRows = $derived(new Set(this.#work.added));
  readonly #count = $derived.by(() => {
    let count = this.#work.added.length + this.#work.deleted.size;
    for (const [row, fields] of this.#work.edits) if (!this.#addedRows.has(row)) count += fields.size;
    return count;
  });
  readonly #errors = $derived(
    Array.from(this.#checks.values()).flatMap((fields) => Array.from(fields.values()).filter((check) => check.level === 'error')),
  );
  readonly #invalidRows = $derived(new Set(this.#errors.map((check) => check.row)));
  /** How many rows of the catalogue say nothing in a column, by its name. */
  readonly #emptyBefore = $derived.by(() => {
    const { columns, rows } = this.view ?? { columns: [], rows: [] };
    return new Map(
      columns
        .filter((column) => column.required !== 'never')
        .map(({ name }): [string, number] => [name, rows.reduce((count, row) => count + ((row.cells[name] ?? '') === '' ? 1 : 0), 0)]),
    );
  });
  #steps = $state.raw<readonly Step[]>([]);
  #undone = $state.raw<readonly Step[]>([]);
  #timer: ReturnType<typeof setTimeout> | undefined;
  #storing: ReturnType<typeof setTimeout> | undefined;
  #turn = 0;

  /** `kept` names the place in the web view's store where the edits survive a restart; none for tests and tables without a name. */
  constructor(kept: string | null = null) {
    this.#kept = kept;
    this.#work = load(kept);
  }

  /** By row and field. */
  get edits(): ReadonlyMap<string, RowEdits> {
    return this.#work.edits;
  }

  get list(): SheetEdit[] {
    return Array.from(this.edits.values()).flatMap((fields) => Array.from(fields.values()));
  }

  /** Rows of the catalogue, then those made by hand. */
  get rows(): readonly CatalogueRowView[] {
    return this.#allRows;
  }

  get added(): readonly string[] {
    return this.#work.added;
  }

  get deleted(): ReadonlySet<string> {
    return this.#work.deleted;
  }

  /** Everything that would be proposed: each edited cell, each row made and each to go. */
  get count(): number {
    return this.#count;
  }

  get errors(): CellCheckView[] {
    return this.#errors;
  }

  get canUndo(): boolean {
    return this.#steps.length > 0;
  }

  get canRedo(): boolean {
    return this.#undone.length > 0;
  }

  /**
   * The catalogue as it stands now. Edits that say what it says already go, as do deletions of rows that are gone; edits of rows that
   * left stay in the list of problems.
   */
  take(view: CatalogueView): void {
    this.view = view;
    const { edits, added, deleted } = this.#work;
    const still = new Map<string, RowEdits>();
    let gone = 0;
    for (const [row, fields] of edits) {
      const left = this.isAdded(row) ? fields : new Map(Array.from(fields).filter(([field, edit]) => this.#base(row, field) !== edit.to));
      gone += fields.size - left.size;
      if (left.size > 0) still.set(row, left.size === fields.size ? fields : left);
    }
    const going = new Set(Array.from(deleted).filter((id) => this.#rows.has(id)));
    if (gone > 0 || going.size !== deleted.size) this.#put({ edits: still, added, deleted: going });
  }

  text(row: CatalogueRowView, field: string): string {
    return this.edits.get(row.id)?.get(field)?.to ?? row.cells[field] ?? '';
  }

  edit(row: string, field: string): SheetEdit | null {
    return this.edits.get(row)?.get(field) ?? null;
  }

  /** The edits of a row by field: the same object until the row is edited. */
  editsOf(row: string): RowEdits | null {
    return this.edits.get(row) ?? null;
  }

  check(row: string, field: string): CellCheckView | null {
    return this.#checks.get(row)?.get(field) ?? null;
  }

  /** What the rules say about a row, by field. */
  checksOf(row: string): ReadonlyMap<string, CellCheckView> {
    return this.#checks.get(row) ?? noChecks;
  }

  isChanged(row: string): boolean {
    return this.edits.has(row) || this.#addedRows.has(row) || this.#work.deleted.has(row);
  }

  isInvalid(row: string): boolean {
    return this.#invalidRows.has(row);
  }

  isAdded(row: string): boolean {
    return this.#addedRows.has(row);
  }

  isDeleted(row: string): boolean {
    return this.#work.deleted.has(row);
  }

  /** Columns a release needs that are empty somewhere, edits counted, most first: at most `most`. */
  gaps(most: number): [ColumnView, number][] {
    const empty = new Map(this.#emptyBefore);
    for (const [name, count] of empty) empty.set(name, count + this.#work.added.length);
    for (const [row, fields] of this.edits) {
      if (!this.#rows.has(row) && !this.isAdded(row)) continue;
      for (const [field, edit] of fields) {
        const count = empty.get(field);
        const before = this.#base(row, field);
        if (count !== undefined && (before === '') !== (edit.to === '')) empty.set(field, count + (edit.to === '' ? 1 : -1));
      }
    }
    return (this.view?.columns ?? [])
      .map((column): [ColumnView, number] => [column, empty.get(column.name) ?? 0])
      .filter(([, count]) => count > 0)
      .sort((a, b) => b[1] - a[1])
      .slice(0, most);
  }

  /** Edits whose cell got another value in the catalogue since they were typed. */
  get overtaken(): SheetEdit[] {
    return this.list.filter((edit) => !this.isAdded(edit.row) && this.#base(edit.row, edit.field) !== edit.base);
  }

  /** Types into cells, as one step to undo. Typing what the catalogue says takes an edit back. Answers how many cells changed. */
  change(changes: readonly Change[]): number {
    const next = new Map(this.edits);
    const own = new Map<string, Map<string, SheetEdit>>();
    let count = 0;
    for (const { row, field, to } of changes) {
      if (this.isDeleted(row)) continue;
      const text = to.trim();
      const base = this.#base(row, field);
      const before = (own.get(row) ?? next.get(row))?.get(field);
      if ((before?.to ?? base) === text) continue;
      count += 1;
      const fields = own.get(row) ?? new Map(next.get(row));
      own.set(row, fields);
      next.set(row, fields);
      if (text === base) fields.delete(field);
      else fields.set(field, { row, field, to: text, base: before?.base ?? base });
    }
    for (const [row, fields] of own) if (fields.size === 0) next.delete(row);
    if (count > 0) this.#step({ ...this.#work, edits: next });
    return count;
  }

  /** Makes a row by hand that begins with these texts; answers the key it is edited under until it is proposed. */
  addRow(start: Record<string, string> = {}): string {
    const highest = this.#work.added.reduce((most, key) => Math.max(most, Number(key.slice(newRow.length))), 0);
    const key = `${newRow}${highest + 1}`;
    const edits = new Map(this.edits);
    const fields = new Map<string, SheetEdit>();
    for (const [field, to] of Object.entries(start)) if (to !== '') fields.set(field, { row: key, field, to, base: '' });
    if (fields.size > 0) edits.set(key, fields);
    this.#step({ ...this.#work, edits, added: [...this.#work.added, key] });
    return key;
  }

  /** Rows that are to go; a row made by hand goes at once. Edits of them go too. Answers how many. */
  deleteRows(rows: readonly string[]): number {
    const { edits, added, deleted } = this.#work;
    const going = new Set(rows.filter((row) => !deleted.has(row)));
    if (going.size === 0) return 0;
    this.#step({
      edits: new Map(Array.from(edits).filter(([row]) => !going.has(row))),
      added: added.filter((key) => !going.has(key)),
      deleted: new Set([...deleted, ...Array.from(going).filter((row) => !this.isAdded(row))]),
    });
    return going.size;
  }

  /** Rows that are to stay after all. */
  keepRows(rows: readonly string[]): void {
    const kept = new Set(rows);
    this.#step({ ...this.#work, deleted: new Set(Array.from(this.#work.deleted).filter((row) => !kept.has(row))) });
  }

  discard(): void {
    if (this.count > 0) this.#step(nothing);
  }

  undo(): boolean {
    const step = this.#steps.at(-1);
    if (!step) return false;
    this.#steps = this.#steps.slice(0, -1);
    this.#undone = [...this.#undone, step];
    this.#put(step.before);
    return true;
  }

  redo(): boolean {
    const step = this.#undone.at(-1);
    if (!step) return false;
    this.#undone = this.#undone.slice(0, -1);
    this.#steps = [...this.#steps, step];
    this.#put(step.after);
    return true;
  }

  /** What would be proposed, as the review shows it. */
  changes(labelOf: (row: CatalogueRowView | null, id: string) => string): CellChangeView[] {
    const columns = new Map((this.view?.columns ?? []).map((column) => [column.name, column]));
    const whole = (id: string, from: string | null, to: string | null): CellChangeView => ({
      row: id,
      row_label: from ?? to ?? '',
      field: '_row',
      field_label: t.inbox.columns.wholeRow,
      from,
      to,
      change: to === null ? 'deleted' : 'added',
      part_of: null,
      may_type: false,
    });
    const name = (id: string): string => labelOf(this.#rows.get(id) ?? this.#made.find((row) => row.id === id) ?? null, id);
    const cells = this.list.map((edit): CellChangeView => {
      const from = this.#base(edit.row, edit.field) || null;
      const to = edit.to || null;
      return {
        row: edit.row,
        row_label: name(edit.row),
        field: edit.field,
        field_label: columns.get(edit.field)?.label ?? edit.field,
        from,
        to,
        change: from === null ? 'added' : to === null ? 'cleared' : 'changed',
        part_of: null,
        may_type: false,
      };
    });
    return [
      ...Array.from(this.deleted, (id) => whole(id, name(id), null)),
      ...this.added.map((key) => whole(key, null, name(key))),
      ...cells,
    ];
  }

  /** Asks what the rules say, a moment after the last edit. */
  checkSoon(backend: Backend): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => void this.checkNow(backend), checkAfterMs);
  }

  async checkNow(backend: Backend): Promise<void> {
    clearTimeout(this.#timer);
    const { view } = this;
    if (!view) return;
    const turn = ++this.#turn;
    this.checking = true;
    try {
      const found = await backend.call('check_cells', { project: view.project, table: view.table, edits: this.wire() });
      if (turn !== this.#turn) return;
      const checks = new Map<string, Map<string, CellCheckView>>();
      for (const check of found) {
        const fields = checks.get(check.row) ?? new Map<string, CellCheckView>();
        checks.set(check.row, fields);
        if (fields.get(check.field)?.level !== 'error') fields.set(check.field, check);
      }
      this.#checks = checks;
    } catch {
      // Without an answer nothing is marked; proposing checks once more.
      if (turn === this.#turn) this.#checks = new Map();
    }
    if (turn === this.#turn) this.checking = false;
  }

  async propose(backend: Backend, title: string, reason: string): Promise<ProposalView> {
    const { view } = this;
    if (!view) throw new Error('no catalogue is open');
    const proposal = await backend.call('propose_cells', { project: view.project, table: view.table, title, reason, edits: this.wire() });
    this.#steps = [];
    this.#undone = [];
    this.#put(nothing);
    return proposal;
  }

  /** Everything edited, as it goes over the contract of commands. */
  wire(): SheetEdits {
    const { added, deleted } = this.#work;
    return { cells: this.list.map(({ row, field, to }) => ({ row, field, to })), added: [...added], deleted: Array.from(deleted) };
  }

  #base(row: string, field: string): string {
    return this.#rows.get(row)?.cells[field] ?? '';
  }

  #step(after: Work): void {
    const steps = [...this.#steps.slice(1 - mostSteps), { before: this.#work, after }];
    let remembered = 0;
    const first = steps.findLastIndex((step) => (remembered += step.before.edits.size) > mostRemembered);
    // The newest step stays, however large.
    this.#steps = steps.slice(Math.min(first + 1, steps.length - 1));
    this.#undone = [];
    this.#put(after);
  }

  #put(work: Work): void {
    this.#work = work;
    if (this.#kept === null) return;
    clearTimeout(this.#storing);
    // Every keystroke of a few edits is there after a crash; thousands are not written anew for each.
    if (work.edits.size < manyRows) this.#store(this.#kept);
    else this.#storing = setTimeout(() => this.store(), storeAfterMs);
  }

  /** Writes what was typed now, if it still waits for that. */
  store(): void {
    if (this.#kept === null || this.#storing === undefined) return;
    clearTimeout(this.#storing);
    this.#storing = undefined;
    this.#store(this.#kept);
  }

  #store(kept: string): void {
    try {
      if (this.count === 0) window.localStorage.removeItem(kept);
      else window.localStorage.setItem(kept, JSON.stringify({ ...this.wire(), cells: this.list }));
    } catch {
      // A full store costs only the restart; the edits are still here.
    }
  }
}

const isText = (value: unknown): value is string => typeof value === 'string';

/** What was kept, as far as it can be read; unreadable edits are the same as none. */
function load(kept: string | null): Work {
  if (kept === null) return nothing;
  try {
    const saved: unknown = JSON.parse(window.localStorage.getItem(kept) ?? '{}');
    const { cells, added, deleted } = (Array.isArray(saved) ? { cells: saved } : saved) as Record<string, unknown>;
    const list = (value: unknown): unknown[] => (Array.isArray(value) ? (value as unknown[]) : []);
    const edits = new Map<string, Map<string, SheetEdit>>();
    for (const each of list(cells)) {
      const { row, field, to, base } = each as Record<string, unknown>;
      if (!(isText(row) && isText(field) && isText(to) && isText(base))) continue;
      const fields = edits.get(row) ?? new Map<string, SheetEdit>();
      edits.set(row, fields.set(field, { row, field, to, base }));
    }
    return { edits, added: list(added).filter(isText), deleted: new Set(list(deleted).filter(isText)) };
  } catch {
    return nothing;
  }
}

/** The sheets of this window, one for each table, so that edits outlive the screen. */
export class Sheets {
  readonly #sheets = new Map<string, Sheet>();

  constructor() {
    window.addEventListener('pagehide', () => {
      for (const sheet of this.#sheets.values()) sheet.store();
    });
  }

  /** What was read for one account is not shown to the next; what was typed stays. */
  forgetViews(): void {
    for (const sheet of this.#sheets.values()) sheet.view = null;
  }

  of(project: string, table: string): Sheet {
    const key = `collabtrack.sheet ${project} ${table}`;
    const known = this.#sheets.get(key);
    if (known) return known;
    // What a sheet derives belongs to nobody who asks for it first: it outlives the screen.
    let made: Sheet | undefined;
    $effect.root(() => {
      made = new Sheet(key);
    });
    const sheet = made ?? new Sheet(key);
    this.#sheets.set(key, sheet);
    return sheet;
  }
}
