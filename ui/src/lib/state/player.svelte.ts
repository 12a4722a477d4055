// What is heard. The studio tells the position on every change and four times a second; between two tellings it is extrapolated,
// and only while sound runs and the window is visible.
import { asErrorView, type Backend, type ErrorView } from '../ipc/backend';
import type { BlindButton } from '../ipc/generated/BlindButton';
import type { BlindKind } from '../ipc/generated/BlindKind';
import type { LaneView } from '../ipc/generated/LaneView';
import type { PlayerView } from '../ipc/generated/PlayerView';
import type { Slot } from '../ipc/generated/Slot';

export const silence: PlayerView = {
  playing: false,
  position_s: 0,
  duration_s: 0,
  lanes: [],
  active: 'a',
  level_match: true,
  loop_s: null,
  volume: 1,
  device: null,
  device_wish: null,
  note: null,
  difference: false,
  nothing_to_match: false,
  blind: null,
};

/** Position `elapsed` seconds after `view` was told, inside the loop and the length. */
export function extrapolate(view: PlayerView, elapsed: number): number {
  if (!view.playing) return view.position_s;
  const ahead = view.position_s + elapsed;
  if (view.loop_s && view.position_s <= view.loop_s[1] && ahead > view.loop_s[1]) {
    const [from, to] = view.loop_s;
    return to > from ? from + ((ahead - from) % (to - from)) : from;
  }
  return Math.min(ahead, view.duration_s);
}

export class Player {
  view = $state.raw<PlayerView>(silence);
  /** Seconds, moving while it plays. */
  position = $state(0);
  /** Whether the studio answered at all yet. */
  known = $state(false);
  readonly #backend: Backend;
  readonly #failed: (error: ErrorView) => void;
  #toldAt = 0;
  #frame: number | undefined;

  constructor(backend: Backend, failed: (error: ErrorView) => void) {
    this.#backend = backend;
    this.#failed = failed;
  }

  lane(slot: Slot): LaneView | null {
    return this.view.lanes.find((lane) => lane.slot === slot) ?? null;
  }

  get heard(): LaneView | null {
    return this.lane(this.view.active);
  }

  /** A blind test whose answer the listener does not know yet. */
  get hidden(): boolean {
    return this.view.blind !== null && this.view.blind.result === null;
  }

  /** Takes a telling of the studio. */
  take(view: PlayerView): void {
    this.view = view;
    this.known = true;
    this.#toldAt = performance.now();
    this.position = view.position_s;
    this.#run();
  }

  /** Follows the window's visibility until the returned function is called. */
  listen(): () => void {
    const changed = (): void => this.#run();
    document.addEventListener('visibilitychange', changed);
    return () => {
      document.removeEventListener('visibilitychange', changed);
      if (this.#frame !== undefined) cancelAnimationFrame(this.#frame);
      this.#frame = undefined;
    };
  }

  refresh(): Promise<boolean> {
    return this.#ask(() => this.#backend.call('player', {}));
  }

  toggle(): Promise<boolean> {
    return this.view.playing ? this.pause() : this.play();
  }

  play(): Promise<boolean> {
    return this.#ask(() => this.#backend.call('player_play', {}));
  }

  pause(): Promise<boolean> {
    return this.#ask(() => this.#backend.call('player_pause', {}));
  }

  seek(seconds: number): Promise<boolean> {
    const to = Math.min(Math.max(0, seconds), this.view.duration_s);
    return this.#ask(() => this.#backend.call('player_seek', { seconds: to }));
  }

  seekBy(seconds: number): Promise<boolean> {
    return this.seek(this.position + seconds);
  }

  flip(slot: Slot = this.view.active === 'a' ? 'b' : 'a'): Promise<boolean> {
    if (!this.lane(slot)) return Promise.resolve(false);
    return this.#ask(() => this.#backend.call('player_flip', { slot }));
  }

  load(slot: Slot, version: string): Promise<boolean> {
    return this.#ask(() => this.#backend.call('player_load', { slot, version }));
  }

  unload(slot: Slot): Promise<boolean> {
    return this.#ask(() => this.#backend.call('player_unload', { slot }));
  }

  levelMatch(on: boolean): Promise<boolean> {
    return this.#ask(() => this.#backend.call('player_level_match', { on }));
  }

  loop(range: [number, number] | null): Promise<boolean> {
    return this.#ask(() => this.#backend.call('player_loop', { range }));
  }

  volume(volume: number): Promise<boolean> {
    return this.#ask(() => this.#backend.call('player_volume', { volume }));
  }

  device(device: string | null): Promise<boolean> {
    return this.#ask(() => this.#backend.call('choose_device', { device }));
  }

  /** Slot B minus slot A, or one of them again. */
  difference(on: boolean): Promise<boolean> {
    return this.#ask(() => this.#backend.call('player_difference', { on }));
  }

  blindStart(kind: BlindKind, trials: number): Promise<boolean> {
    return this.#ask(() => this.#backend.call('blind_start', { kind, trials }));
  }

  blindHear(button: BlindButton): Promise<boolean> {
    return this.#ask(() => this.#backend.call('blind_hear', { button }));
  }

  blindAnswer(slot: Slot): Promise<boolean> {
    return this.#ask(() => this.#backend.call('blind_answer', { slot }));
  }

  blindReveal(): Promise<boolean> {
    return this.#ask(() => this.#backend.call('blind_reveal', {}));
  }

  blindEnd(): Promise<boolean> {
    return this.#ask(() => this.#backend.call('blind_end', {}));
  }

  /**
   * Puts `a` and, if given, `b` into the slots and hears `active`. Versions of another track start from the beginning; the same
   * track keeps its place.
   */
  async compare(a: string, b: string | null, active: Slot, track: string): Promise<boolean> {
    const sameTrack = this.view.lanes.some((lane) => lane.track === track);
    if (!sameTrack) {
      if (this.view.playing && !(await this.pause())) return false;
      if (this.view.loop_s) await this.loop(null);
    }
    if (this.lane('a')?.version !== a && !(await this.load('a', a))) return false;
    if (b === null) {
      if (this.lane('b') && !(await this.unload('b'))) return false;
    } else if (this.lane('b')?.version !== b && !(await this.load('b', b))) return false;
    if (!sameTrack && !(await this.seek(0))) return false;
    const wanted = b === null ? 'a' : active;
    return this.view.active === wanted || this.flip(wanted);
  }

  async #ask(question: () => Promise<PlayerView>): Promise<boolean> {
    try {
      this.take(await question());
      return true;
    } catch (thrown) {
      this.#failed(asErrorView(thrown));
      return false;
    }
  }

  #run(): void {
    const wanted = this.view.playing && !document.hidden;
    if (wanted && this.#frame === undefined) this.#frame = requestAnimationFrame(this.#step);
    if (!wanted && this.#frame !== undefined) {
      cancelAnimationFrame(this.#frame);
      this.#frame = undefined;
    }
  }

  readonly #step = (): void => {
    this.position = extrapolate(this.view, (performance.now() - this.#toldAt) / 1000);
    this.#frame = requestAnimationFrame(this.#step);
  };
}
