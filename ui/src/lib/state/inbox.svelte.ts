// Proposals and decisions. An approval leaves the list at once and the computer after ten seconds, exactly once, bound to what was shown.
import { asErrorView, type Backend, type ErrorView } from '../ipc/backend';
import type { InboxView } from '../ipc/generated/InboxView';
import type { ProposalDetail } from '../ipc/generated/ProposalDetail';
import type { ProposalView } from '../ipc/generated/ProposalView';
import { Loaded } from './loaded.svelte';

export const undoMs = 10_000;

interface Leaving {
  detail: ProposalDetail;
  timer: ReturnType<typeof setTimeout>;
}

export class Inbox {
  readonly list: Loaded<InboxView>;
  /** Approvals waiting for their ten seconds. */
  leaving = $state.raw<ReadonlySet<string>>(new Set());
  /** Approvals the studio is busy with: gone from the list, no longer to be undone. */
  sending = $state.raw<ReadonlySet<string>>(new Set());
  /** Put to the end of the list for now. */
  later = $state.raw<readonly string[]>([]);
  /** Decisions that came back, with the reason. */
  returned = $state.raw<ReadonlyMap<string, ErrorView>>(new Map());
  readonly #backend: Backend;
  readonly #waiting = new Map<string, Leaving>();

  constructor(backend: Backend) {
    this.#backend = backend;
    this.list = new Loaded(() => backend.call('inbox', {}));
  }

  get toReview(): ProposalView[] {
    const all = (this.list.value?.to_review ?? []).filter((each) => !this.leaving.has(each.id) && !this.sending.has(each.id));
    return [...all.filter((each) => !this.later.includes(each.id)), ...this.later.flatMap((id) => all.filter((each) => each.id === id))];
  }

  putLater(id: string): void {
    this.later = [...this.later.filter((each) => each !== id), id];
  }

  /** Approves what `detail` shows, in ten seconds. A second call for the same proposal changes nothing. */
  approve(detail: ProposalDetail, settled: (error: ErrorView | null) => void = () => undefined): void {
    const { id } = detail.proposal;
    if (this.#waiting.has(id) || this.sending.has(id)) return;
    this.#forget(id);
    const timer = setTimeout(() => void this.#send(id).then(settled), undoMs);
    this.#waiting.set(id, { detail, timer });
    this.#show();
  }

  /** Takes an approval back that has not left yet. */
  undo(id: string): boolean {
    const found = this.#waiting.get(id);
    if (!found) return false;
    clearTimeout(found.timer);
    this.#waiting.delete(id);
    this.#show();
    return true;
  }

  /** Sends every waiting approval now; for the moment the window closes. */
  async flush(): Promise<void> {
    await Promise.all(Array.from(this.#waiting.keys(), (id) => this.#send(id)));
  }

  async decline(detail: ProposalDetail, how: 'reject' | 'ask_for_changes', reason: string): Promise<ErrorView | null> {
    const args = { changeSet: detail.proposal.id, revisionDigest: detail.revision_digest, reason };
    return this.#settle(detail.proposal.id, () => this.#backend.call(how, args));
  }

  async withdraw(id: string): Promise<ErrorView | null> {
    return this.#settle(id, () => this.#backend.call('withdraw', { changeSet: id }));
  }

  async #send(id: string): Promise<ErrorView | null> {
    const found = this.#waiting.get(id);
    if (!found) return null;
    clearTimeout(found.timer);
    this.#waiting.delete(id);
    this.sending = new Set([...this.sending, id]);
    this.#show();
    const { detail } = found;
    const error = await this.#settle(id, () =>
      this.#backend.call('approve', {
        changeSet: id,
        revisionDigest: detail.revision_digest,
        expectedHead: detail.expected_head,
        effectDigest: detail.effect_digest ?? '',
      }),
    );
    this.sending = new Set([...this.sending].filter((each) => each !== id));
    return error;
  }

  async #settle(id: string, act: () => Promise<ProposalView>): Promise<ErrorView | null> {
    let error: ErrorView | null = null;
    try {
      await act();
      this.#forget(id);
    } catch (thrown) {
      error = asErrorView(thrown);
      this.returned = new Map([...this.returned, [id, error]]);
    }
    await this.list.load();
    return error;
  }

  #forget(id: string): void {
    this.returned = new Map([...this.returned].filter(([each]) => each !== id));
  }

  #show(): void {
    this.leaving = new Set(this.#waiting.keys());
  }
}
