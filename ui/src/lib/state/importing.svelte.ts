// A CSV on its way in: the file, what was answered so far, and where in the four steps one is. Nothing is written before it is proposed.
import { noAnswers, type ColumnChoice, type ImportAnswers } from '../catalogue/answers';
import { asErrorView, type Backend, type ErrorView } from '../ipc/backend';
import type { ImportView } from '../ipc/generated/ImportView';
import type { ProposalView } from '../ipc/generated/ProposalView';

export type ImportStep = 'file' | 'columns' | 'check' | 'review';
export const importSteps: readonly ImportStep[] = ['file', 'columns', 'check', 'review'];

export class Importing {
  file = $state.raw<ImportView | null>(null);
  answers = $state.raw<ImportAnswers>(noAnswers);
  step = $state<ImportStep>('file');
  busy = $state(false);
  error = $state.raw<ErrorView | null>(null);
  readonly #backend: Backend;
  readonly #project: string;
  readonly #table: string;

  constructor(backend: Backend, project: string, table: string) {
    this.#backend = backend;
    this.#project = project;
    this.#table = table;
  }

  /** Goes on with the file that was looked at before, if there is one. */
  async resume(): Promise<void> {
    await this.#try(async () => {
      const draft = await this.#backend.call('import_draft', { project: this.#project, table: this.#table });
      if (!draft || this.file) return;
      this.answers = { ...noAnswers, ...(draft.answers as Partial<ImportAnswers>) };
      this.file = draft;
    });
  }

  /** Throws the file and its answers away. */
  async discard(): Promise<void> {
    const { file } = this;
    if (!file) return;
    await this.#backend.call('import_discard', { import: file.import });
    this.file = null;
    this.answers = noAnswers;
  }

  async choose(): Promise<void> {
    await this.#try(async () => {
      const chosen = await this.#backend.call('import_catalogue', { project: this.#project, table: this.#table });
      if (!chosen) return;
      this.answers = noAnswers;
      this.file = chosen;
      this.step = 'file';
      const known = this.#preset(chosen);
      if (Object.keys(known).length > 0) await this.#ask({ ...noAnswers, columns: known });
    });
  }

  /** Looks at the same file again with other answers; what was answered before stays when that fails. */
  async answer(settle: (answers: ImportAnswers) => ImportAnswers): Promise<void> {
    await this.#try(() => this.#ask(settle(this.answers)));
  }

  async propose(title: string, reason: string): Promise<ProposalView> {
    const { file } = this;
    if (!file) throw new Error('no file is open');
    const proposal = await this.#backend.call('import_propose', { import: file.import, title, reason });
    this.#remember();
    return proposal;
  }

  async saveProblems(): Promise<string | null> {
    const { file } = this;
    return file ? this.#backend.call('import_problems', { import: file.import }) : null;
  }

  async #ask(answers: ImportAnswers): Promise<void> {
    if (!this.file) return;
    this.file = await this.#backend.call('import_answer', { import: this.file.import, answers });
    this.answers = answers;
  }

  async #try(act: () => Promise<void>): Promise<void> {
    this.busy = true;
    this.error = null;
    try {
      await act();
    } catch (thrown) {
      this.error = asErrorView(thrown);
    }
    this.busy = false;
  }

  get #key(): string {
    return `collabtrack.columns ${this.#table}`;
  }

  /** Choices made for columns of these headings before. */
  #preset(file: ImportView): Record<string, ColumnChoice> {
    const found: Record<string, ColumnChoice> = {};
    try {
      const saved = JSON.parse(window.localStorage.getItem(this.#key) ?? '{}') as Record<string, unknown>;
      for (const column of file.columns) {
        const name = Object.hasOwn(saved, column.heading) ? saved[column.heading] : undefined;
        if (column.field !== null || name === undefined) continue;
        if (name === null) found[column.heading] = { use: 'ignore' };
        else if (typeof name === 'string' && file.fields.some(([field]) => field === name)) found[column.heading] = { use: 'field', name };
      }
    } catch {
      // Unreadable choices are the same as none.
    }
    return found;
  }

  #remember(): void {
    const chosen = Object.entries(this.answers.columns).map(([heading, choice]) => [heading, choice.use === 'field' ? choice.name : null]);
    if (chosen.length === 0) return;
    try {
      const saved = JSON.parse(window.localStorage.getItem(this.#key) ?? '{}') as Record<string, unknown>;
      window.localStorage.setItem(this.#key, JSON.stringify({ ...saved, ...Object.fromEntries(chosen) }));
    } catch {
      // A choice less to remember.
    }
  }
}
