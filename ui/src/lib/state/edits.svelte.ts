// Catalogue cells typed but not proposed yet.
import type { Backend } from '../ipc/backend';
import type { CatalogueView } from '../ipc/generated/CatalogueView';
import type { ProposalView } from '../ipc/generated/ProposalView';

export interface Edit {
  row: string;
  field: string;
  to: string;
}

export class Edits {
  list = $state.raw<readonly Edit[]>([]);

  /** What the cell shows: the typed text, else the catalogue's. */
  text(view: CatalogueView, row: string, field: string): string {
    return this.of(row, field)?.to ?? base(view, row, field);
  }

  of(row: string, field: string): Edit | null {
    return this.list.find((edit) => edit.row === row && edit.field === field) ?? null;
  }

  /** Typing the old value again takes the edit back. */
  set(view: CatalogueView, row: string, field: string, to: string): void {
    const others = this.list.filter((edit) => edit.row !== row || edit.field !== field);
    this.list = to.trim() === base(view, row, field) ? others : [...others, { row, field, to: to.trim() }];
  }

  discard(): void {
    this.list = [];
  }

  async propose(backend: Backend, view: CatalogueView, title: string, reason: string): Promise<ProposalView> {
    const proposal = await backend.call('propose_cells', {
      project: view.project,
      table: view.table,
      title,
      reason,
      edits: this.list.map((edit) => ({ ...edit })),
    });
    this.discard();
    return proposal;
  }
}

function base(view: CatalogueView, row: string, field: string): string {
  return view.rows.find((each) => each.id === row)?.cells[field] ?? '';
}
