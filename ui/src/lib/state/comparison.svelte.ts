// Which two versions of a track stand in the slots of its page. While the player holds versions of this track it decides; before
// that the page shows a proposal of its own.
import type { Slot } from '../ipc/generated/Slot';
import type { TrackDetail } from '../ipc/generated/TrackDetail';
import type { VersionView } from '../ipc/generated/VersionView';
import type { Player } from './player.svelte';

export interface Slots {
  a: VersionView | null;
  b: VersionView | null;
}

/** The newest version against the approved one, else against the one before. */
export function usualSlots(detail: TrackDetail): Slots {
  const playable = detail.versions.filter((version) => version.here !== 'nothing');
  const a = playable[0] ?? null;
  const approved = playable.find((version) => version.review === 'approved' && version.id !== a?.id);
  return { a, b: approved ?? playable[1] ?? null };
}

export class Comparison {
  readonly #player: Player;
  #chosen = $state.raw<{ a: string | null; b: string | null } | null>(null);

  constructor(player: Player) {
    this.#player = player;
  }

  /** Whether the player holds this track. */
  isLoaded(detail: TrackDetail): boolean {
    return this.#player.view.lanes.some((lane) => lane.track === detail.track.id);
  }

  slots(detail: TrackDetail): Slots {
    const find = (id: string | null | undefined): VersionView | null => detail.versions.find((version) => version.id === id) ?? null;
    if (this.isLoaded(detail)) return { a: find(this.#player.lane('a')?.version), b: find(this.#player.lane('b')?.version) };
    if (this.#chosen) return { a: find(this.#chosen.a), b: find(this.#chosen.b) };
    return usualSlots(detail);
  }

  /** Loads the shown slots unless the player has this track already. */
  async ready(detail: TrackDetail, active: Slot = 'a'): Promise<boolean> {
    if (this.isLoaded(detail)) return true;
    const { a, b } = this.slots(detail);
    const first = a ?? b;
    if (!first) return false;
    return this.#player.compare(first.id, a ? (b?.id ?? null) : null, active, detail.track.id);
  }

  /** Puts a version into a slot; the other slot's version swaps over. */
  async put(detail: TrackDetail, slot: Slot, version: string): Promise<boolean> {
    if (this.isLoaded(detail)) return this.#player.load(slot, version);
    const now = this.slots(detail);
    const other: Slot = slot === 'a' ? 'b' : 'a';
    const next = { a: now.a?.id ?? null, b: now.b?.id ?? null };
    if (next[other] === version) next[other] = next[slot];
    next[slot] = version;
    this.#chosen = next;
    return true;
  }

  /** Puts a version into a slot, hears that slot and plays. */
  async hear(detail: TrackDetail, slot: Slot, version: string): Promise<boolean> {
    if (!(await this.put(detail, slot, version))) return false;
    if (!(await this.ready(detail, slot))) return false;
    if (this.#player.view.active !== slot && !(await this.#player.flip(slot))) return false;
    return this.#player.view.playing || this.#player.play();
  }
}
