// The columns of a project while somebody edits them: the document as text, with undo, what it would do, and what is wrong with it.
// Nothing here changes the catalogue; other columns are proposed like everything else.
import { readDocument, writeDocument, type SchemaDocument } from '../catalogue/schema';
import { asErrorView, type Backend, type ErrorView } from '../ipc/backend';
import type { ProposalView } from '../ipc/generated/ProposalView';
import type { SchemaCheckView } from '../ipc/generated/SchemaCheckView';

const checkAfterMs = 250;
const mostSteps = 100;

export class ColumnsDraft {
  text = $state('');
  check = $state.raw<SchemaCheckView | null>(null);
  checking = $state(false);
  error = $state.raw<ErrorView | null>(null);
  loaded = $state(false);
  readonly document = $derived(readDocument(this.text));
  #base = $state('');
  /** The columns of now. */
  readonly base = $derived(readDocument(this.#base));
  #steps = $state.raw<readonly string[]>([]);
  #timer: ReturnType<typeof setTimeout> | undefined;
  #turn = 0;
  readonly #backend: Backend;
  readonly #project: string;

  constructor(backend: Backend, project: string) {
    this.#backend = backend;
    this.#project = project;
  }

  get isChanged(): boolean {
    return this.text !== this.#base;
  }

  get canUndo(): boolean {
    return this.#steps.length > 0;
  }

  /** Reads the columns of now; edits that were not proposed stay. */
  async load(): Promise<void> {
    this.error = null;
    try {
      const text = await this.#backend.call('schema', { project: this.#project });
      const untouched = !this.loaded || !this.isChanged;
      this.#base = text;
      if (untouched) this.text = text;
      this.loaded = true;
    } catch (thrown) {
      this.error = asErrorView(thrown);
    }
  }

  write(text: string): void {
    if (text === this.text) return;
    this.#steps = [...this.#steps.slice(1 - mostSteps), this.text];
    this.text = text;
    this.#checkSoon();
  }

  set(document: SchemaDocument): void {
    this.write(writeDocument(document));
  }

  undo(): boolean {
    const before = this.#steps.at(-1);
    if (before === undefined) return false;
    this.#steps = this.#steps.slice(0, -1);
    this.text = before;
    this.#checkSoon();
    return true;
  }

  discard(): void {
    this.write(this.#base);
  }

  async propose(title: string, reason: string): Promise<ProposalView> {
    const proposal = await this.#backend.call('propose_schema', { project: this.#project, document: this.text, title, reason });
    this.#steps = [];
    this.text = this.#base;
    this.check = null;
    return proposal;
  }

  async checkNow(): Promise<void> {
    clearTimeout(this.#timer);
    const turn = ++this.#turn;
    if (!this.isChanged) {
      this.check = null;
      return;
    }
    this.checking = true;
    try {
      const found = await this.#backend.call('check_schema', { project: this.#project, document: this.text });
      if (turn === this.#turn) this.check = found;
    } catch (thrown) {
      if (turn === this.#turn) this.error = asErrorView(thrown);
    }
    if (turn === this.#turn) this.checking = false;
  }

  #checkSoon(): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => void this.checkNow(), checkAfterMs);
  }
}
