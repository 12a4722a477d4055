// Cells of a catalogue that a proposal waiting for a decision would change: marked, so that nobody proposes the same twice.
import type { Backend } from '../ipc/backend';
import type { InboxView } from '../ipc/generated/InboxView';

/** Proposals looked into for marks; more wait rarely, and each costs a question to the server. */
const mostProposals = 20;

export class Pending {
  /** Title of the proposal by row and field. */
  cells = $state.raw<ReadonlyMap<string, string>>(new Map());
  rows = $state.raw<ReadonlySet<string>>(new Set());
  readonly #backend: Backend;
  #turn = 0;

  constructor(backend: Backend) {
    this.#backend = backend;
  }

  async load(inbox: InboxView, project: string): Promise<void> {
    const turn = ++this.#turn;
    const waiting = [...inbox.to_review, ...inbox.mine].filter((each) => each.project === project && each.status === 'open');
    const cells = new Map<string, string>();
    // A sole approver's own proposals stand in both lists.
    const once = Array.from(new Map(waiting.map((each) => [each.id, each])).values());
    for (const { id, title } of once.slice(0, mostProposals)) {
      try {
        const detail = await this.#backend.call('proposal', { changeSet: id });
        for (const change of detail.changes) cells.set(`${change.row} ${change.field}`, title);
      } catch {
        // A mark less: the proposal itself stands in the inbox.
      }
      if (turn !== this.#turn) return;
    }
    this.cells = cells;
    this.rows = new Set(Array.from(cells.keys(), (key) => key.split(' ')[0] ?? ''));
  }
}
