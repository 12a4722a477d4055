// Proposals and decisions. An approval leaves the list at once and the computer after ten seconds, exactly once, bound to what was shown.
import { asErrorView, type Backend, type ErrorView } from '../ipc/backend';
import type { HeldApproval } from '../ipc/generated/HeldApproval';
import type { InboxView } from '../ipc/generated/InboxView';
import type { ProposalDetail } from '../ipc/generated/ProposalDetail';
import type { ProposalView } from '../ipc/generated/ProposalView';
import { Loaded } from './loaded.svelte';

export const undoMs = 10_000;

type Settled = (error: ErrorView | null) => void;

interface Leaving {
  held: HeldApproval;
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

  /** Proposals that somebody else's changes stand in the way of, one's own among them. */
  get inConflict(): ProposalView[] {
    const ids = new Set(this.list.value?.in_conflict ?? []);
    const all = [...(this.list.value?.to_review ?? []), ...(this.list.value?.mine ?? [])].filter((each) => ids.has(each.id));
    return Array.from(new Map(all.map((each) => [each.id, each])).values());
  }

  /** Whether this account may approve its own proposals of a project, being the only approver there. */
  mayApproveOwn(project: string): boolean {
    return this.list.value?.may_approve_own.includes(project) ?? false;
  }

  get toReview(): ProposalView[] {
    const all = (this.list.value?.to_review ?? []).filter((each) => !this.leaving.has(each.id) && !this.sending.has(each.id));
    return [...all.filter((each) => !this.later.includes(each.id)), ...this.later.flatMap((id) => all.filter((each) => each.id === id))];
  }

  putLater(id: string): void {
    this.later = [...this.later.filter((each) => each !== id), id];
  }

  /**
   * Approves what `detail` shows, in ten seconds. The decision is written down by the library at once: closing the window in between
   * neither loses it nor takes it twice. A second call for the same proposal changes nothing.
   */
  approve(detail: ProposalDetail, settled: Settled = () => undefined): void {
    const { id, title } = detail.proposal;
    if (this.#waiting.has(id) || this.sending.has(id)) return;
    this.#forget(id);
    const held: HeldApproval = {
      change_set: id,
      title,
      revision_digest: detail.revision_digest,
      expected_head: detail.expected_head,
      effect_digest: detail.effect_digest ?? '',
      held_at: '',
    };
    // Not written down means only that closing the window now would leave the proposal waiting.
    this.#backend.call('hold_approval', { held }).catch(() => undefined);
    this.#wait(held, undoMs, settled);
  }

  /** Takes an approval back that has not left yet. */
  undo(id: string): boolean {
    const found = this.#waiting.get(id);
    if (!found) return false;
    clearTimeout(found.timer);
    this.#waiting.delete(id);
    this.#backend.call('release_approval', { changeSet: id }).catch(() => undefined);
    this.#show();
    return true;
  }

  /** Goes on with the approvals that waited when the window closed: they have the rest of their ten seconds. */
  async resume(now: number, settled: (held: HeldApproval, error: ErrorView | null) => void): Promise<HeldApproval[]> {
    try {
      const list = await this.#backend.call('held_approvals', {});
      for (const held of list) {
        if (this.#waiting.has(held.change_set) || this.sending.has(held.change_set)) continue;
        const age = now - Date.parse(held.held_at);
        this.#wait(held, Math.max(0, Math.min(undoMs, undoMs - age)), (error) => settled(held, error));
      }
      return list;
    } catch {
      return [];
    }
  }

  async decline(detail: ProposalDetail, how: 'reject' | 'ask_for_changes', reason: string): Promise<ErrorView | null> {
    const args = { changeSet: detail.proposal.id, revisionDigest: detail.revision_digest, reason };
    return this.#settle(detail.proposal.id, () => this.#backend.call(how, args));
  }

  async withdraw(id: string): Promise<ErrorView | null> {
    return this.#settle(id, () => this.#backend.call('withdraw', { changeSet: id }));
  }

  #wait(held: HeldApproval, forMs: number, settled: Settled): void {
    const timer = setTimeout(() => void this.#send(held.change_set).then(settled), forMs);
    this.#waiting.set(held.change_set, { held, timer });
    this.#show();
  }

  async #send(id: string): Promise<ErrorView | null> {
    const found = this.#waiting.get(id);
    if (!found) return null;
    clearTimeout(found.timer);
    this.#waiting.delete(id);
    this.sending = new Set([...this.sending, id]);
    this.#show();
    const { held } = found;
    const error = await this.#settle(id, () =>
      this.#backend.call('approve', {
        changeSet: id,
        revisionDigest: held.revision_digest,
        expectedHead: held.expected_head,
        effectDigest: held.effect_digest,
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
