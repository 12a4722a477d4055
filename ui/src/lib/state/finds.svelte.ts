// What the catalogue is searched for beside what stands in one cell: what a release lacks, shares that do not add up, and artists written
// in several ways.
import type { SheetEdits } from '../catalogue/edits';
import type { Backend } from '../ipc/backend';
import type { NotReadyView } from '../ipc/generated/NotReadyView';
import type { RespeltCellView } from '../ipc/generated/RespeltCellView';
import type { SharesView } from '../ipc/generated/SharesView';
import type { SpellingView } from '../ipc/generated/SpellingView';

const lookAfterMs = 300;

/** Spellings of one name, the most frequent first. */
export type NameGroup = readonly SpellingView[];

/** A group by what is written in it, whatever the counts. */
const keyOf = (group: NameGroup): string =>
  group
    .map((spelling) => spelling.text)
    .sort()
    .join('\n');

export class Finds {
  /** None where the columns know no such sum or this account may not read it. */
  shares = $state.raw<SharesView | null>(null);
  /** Rows a release cannot go out with. */
  notReady = $state.raw<readonly NotReadyView[]>([]);
  #groups = $state.raw<readonly NameGroup[]>([]);
  #apart = $state.raw<ReadonlySet<string>>(new Set());
  readonly #backend: Backend;
  readonly project: string;
  readonly #table: string;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #turn = 0;

  constructor(backend: Backend, project: string, table: string) {
    this.#backend = backend;
    this.project = project;
    this.#table = table;
    this.#apart = load(this.#kept);
  }

  /** Names written alike, without those that were said to be different people. */
  get groups(): readonly NameGroup[] {
    return this.#groups.filter((group) => !this.#apart.has(keyOf(group)));
  }

  get #kept(): string {
    return `collabtrack.names ${this.project} ${this.#table}`;
  }

  /** Looks again a moment after the last edit; `splits` are the unproposed edits of the splits, `own` those of this table. */
  lookSoon(splits: SheetEdits, own: SheetEdits): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => void this.look(splits, own), lookAfterMs);
  }

  async look(splits: SheetEdits, own: SheetEdits): Promise<void> {
    clearTimeout(this.#timer);
    const turn = ++this.#turn;
    const project = this.project;
    // Each for itself: without an answer to one the other is still offered, and the table works without both.
    const [shares, notReady, groups] = await Promise.all([
      this.#backend.call('shares', { project, edits: splits }).catch(() => null),
      this.#backend.call('not_ready', { project, table: this.#table, edits: own }).catch(() => []),
      this.#backend.call('spellings', { project, table: this.#table, edits: own }).catch(() => []),
    ]);
    if (turn !== this.#turn) return;
    this.shares = shares;
    this.notReady = notReady;
    this.#groups = groups;
  }

  /** The cells that change when every name of the group is written `to`. */
  respell(group: NameGroup, to: string, own: SheetEdits): Promise<RespeltCellView[]> {
    const from = group.map((spelling) => spelling.text);
    return this.#backend.call('respell', { project: this.project, table: this.#table, edits: own, from, to });
  }

  /** These are different people; they are not offered again on this computer. */
  keepApart(group: NameGroup): void {
    this.#apart = new Set([...this.#apart, keyOf(group)]);
    try {
      window.localStorage.setItem(this.#kept, JSON.stringify(Array.from(this.#apart)));
    } catch {
      // A full store costs only that they are offered again.
    }
  }

  stop(): void {
    clearTimeout(this.#timer);
  }
}

function load(kept: string): ReadonlySet<string> {
  try {
    const saved: unknown = JSON.parse(window.localStorage.getItem(kept) ?? '[]');
    return new Set(Array.isArray(saved) ? saved.filter((each) => typeof each === 'string') : []);
  } catch {
    return new Set();
  }
}
