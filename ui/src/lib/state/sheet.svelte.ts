// One table of the catalogue while somebody edits it: what was typed and not proposed yet, with undo, redo and what the rules of the
// columns say about it. Nothing here changes the catalogue; the typed text survives leaving the screen and closing the window.
import type { Backend } from '../ipc/backend';
import type { CatalogueRowView } from '../ipc/generated/CatalogueRowView';
import type { CatalogueView } from '../ipc/generated/CatalogueView';
import type { CellChangeView } from '../ipc/generated/CellChangeView';
import type { CellCheckView } from '../ipc/generated/CellCheckView';
import type { ProposalView } from '../ipc/generated/ProposalView';

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

interface Step {
  before: ReadonlyMap<string, SheetEdit>;
  after: ReadonlyMap<string, SheetEdit>;
}

const mostSteps = 200;
const checkAfterMs = 200;
const keyOf = (row: string, field: string): string => `${row} ${field}`;

export class Sheet {
  view = $state.raw<CatalogueView | null>(null);
  edits = $state.raw<ReadonlyMap<string, SheetEdit>>(new Map());
  checks = $state.raw<ReadonlyMap<string, CellCheckView>>(new Map());
  checking = $state(false);
  readonly #kept: string | null;
  readonly #rows = $derived(new Map((this.view?.rows ?? []).map((row) => [row.id, row])));
  readonly #changedRows = $derived(new Set(Array.from(this.edits.values(), (edit) => edit.row)));
  readonly #invalidRows = $derived(new Set(this.errors.map((check) => check.row)));
  #steps = $state.raw<readonly Step[]>([]);
  #undone = $state.raw<readonly Step[]>([]);
  #timer: ReturnType<typeof setTimeout> | undefined;
  #turn = 0;

  /** `kept` names the place in the web view's store where the edits survive a restart; none for tests and tables without a name. */
  constructor(kept: string | null = null) {
    this.#kept = kept;
    this.edits = load(kept);
  }

  get list(): SheetEdit[] {
    return Array.from(this.edits.values());
  }

  get errors(): CellCheckView[] {
    return Array.from(this.checks.values()).filter((check) => check.level === 'error');
  }

  get canUndo(): boolean {
    return this.#steps.length > 0;
  }

  get canRedo(): boolean {
    return this.#undone.length > 0;
  }

  /** The catalogue as it stands now. Edits that say what it says already go; edits of rows that left stay in the list of problems. */
  take(view: CatalogueView): void {
    this.view = view;
    const still = new Map(Array.from(this.edits).filter(([, edit]) => this.#base(edit.row, edit.field) !== edit.to));
    if (still.size !== this.edits.size) this.#put(still);
  }

  text(row: CatalogueRowView, field: string): string {
    return this.edits.get(keyOf(row.id, field))?.to ?? row.cells[field] ?? '';
  }

  edit(row: string, field: string): SheetEdit | null {
    return this.edits.get(keyOf(row, field)) ?? null;
  }

  check(row: string, field: string): CellCheckView | null {
    return this.checks.get(keyOf(row, field)) ?? null;
  }

  isChanged(row: string): boolean {
    return this.#changedRows.has(row);
  }

  isInvalid(row: string): boolean {
    return this.#invalidRows.has(row);
  }

  /** Edits whose cell got another value in the catalogue since they were typed. */
  get overtaken(): SheetEdit[] {
    return this.list.filter((edit) => this.#base(edit.row, edit.field) !== edit.base);
  }

  /** Types into cells, as one step to undo. Typing what the catalogue says takes an edit back. Answers how many cells changed. */
  change(changes: readonly Change[]): number {
    const next = new Map(this.edits);
    let count = 0;
    for (const { row, field, to } of changes) {
      const key = keyOf(row, field);
      const text = to.trim();
      const base = this.#base(row, field);
      if ((next.get(key)?.to ?? base) === text) continue;
      count += 1;
      if (text === base) next.delete(key);
      else next.set(key, { row, field, to: text, base: next.get(key)?.base ?? base });
    }
    if (count > 0) this.#step(next);
    return count;
  }

  discard(): void {
    if (this.edits.size > 0) this.#step(new Map());
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
    return this.list.map((edit) => {
      const from = this.#base(edit.row, edit.field) || null;
      const to = edit.to || null;
      return {
        row: edit.row,
        row_label: labelOf(this.#rows.get(edit.row) ?? null, edit.row),
        field: edit.field,
        field_label: columns.get(edit.field)?.label ?? edit.field,
        from,
        to,
        change: from === null ? 'added' : to === null ? 'cleared' : 'changed',
      };
    });
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
      const found = await backend.call('check_cells', { project: view.project, table: view.table, edits: this.#wire() });
      if (turn !== this.#turn) return;
      const checks = new Map<string, CellCheckView>();
      for (const check of found) {
        const key = keyOf(check.row, check.field);
        if (checks.get(key)?.level !== 'error') checks.set(key, check);
      }
      this.checks = checks;
    } catch {
      // Without an answer nothing is marked; proposing checks once more.
      if (turn === this.#turn) this.checks = new Map();
    }
    if (turn === this.#turn) this.checking = false;
  }

  async propose(backend: Backend, title: string, reason: string): Promise<ProposalView> {
    const { view } = this;
    if (!view) throw new Error('no catalogue is open');
    const proposal = await backend.call('propose_cells', { project: view.project, table: view.table, title, reason, edits: this.#wire() });
    this.#steps = [];
    this.#undone = [];
    this.#put(new Map());
    return proposal;
  }

  #wire(): Change[] {
    return this.list.map(({ row, field, to }) => ({ row, field, to }));
  }

  #base(row: string, field: string): string {
    return this.#rows.get(row)?.cells[field] ?? '';
  }

  #step(after: ReadonlyMap<string, SheetEdit>): void {
    this.#steps = [...this.#steps.slice(1 - mostSteps), { before: this.edits, after }];
    this.#undone = [];
    this.#put(after);
  }

  #put(edits: ReadonlyMap<string, SheetEdit>): void {
    this.edits = edits;
    if (this.#kept === null) return;
    try {
      if (edits.size === 0) window.localStorage.removeItem(this.#kept);
      else window.localStorage.setItem(this.#kept, JSON.stringify(Array.from(edits.values())));
    } catch {
      // A full store costs only the restart; the edits are still here.
    }
  }
}

function load(kept: string | null): ReadonlyMap<string, SheetEdit> {
  const found = new Map<string, SheetEdit>();
  if (kept === null) return found;
  try {
    const saved: unknown = JSON.parse(window.localStorage.getItem(kept) ?? '[]');
    for (const each of Array.isArray(saved) ? (saved as unknown[]) : []) {
      const { row, field, to, base } = each as Record<string, unknown>;
      if (typeof row === 'string' && typeof field === 'string' && typeof to === 'string' && typeof base === 'string')
        found.set(keyOf(row, field), { row, field, to, base });
    }
  } catch {
    // Unreadable edits are the same as none.
  }
  return found;
}

/** The sheets of this window, one for each table, so that edits outlive the screen. */
export class Sheets {
  readonly #sheets = new Map<string, Sheet>();

  of(project: string, table: string): Sheet {
    const key = `collabtrack.sheet ${project} ${table}`;
    const sheet = this.#sheets.get(key) ?? new Sheet(key);
    this.#sheets.set(key, sheet);
    return sheet;
  }
}
