// A player that moves without sound: two lanes on one musical axis, level matched, looping.
import type { BlindButton } from '../generated/BlindButton';
import type { BlindKind } from '../generated/BlindKind';
import type { BlindView } from '../generated/BlindView';
import type { LaneView } from '../generated/LaneView';
import type { PlayerView } from '../generated/PlayerView';
import type { Slot } from '../generated/Slot';
import type { TrackView } from '../generated/TrackView';
import type { VersionView } from '../generated/VersionView';

interface Lane {
  track: TrackView;
  version: VersionView;
}

export class FakePlayer {
  #lanes = new Map<Slot, Lane>();
  #active: Slot = 'a';
  #playing = false;
  #position = 0;
  #startedAt = 0;
  #levelMatch = true;
  #loop: [number, number] | null = null;
  #volume = 0.8;
  #device: string | null = null;
  /** The devices this computer has. */
  devices = ['Built-in audio', 'Focusrite Scarlett 2i2'];
  #difference = false;
  #blind: { kind: BlindKind; heard: BlindButton; trials: number; hidden: Slot[]; answers: Slot[]; revealed: boolean } | null = null;
  #tick: ReturnType<typeof setInterval> | undefined;
  readonly #tell: (view: PlayerView) => void;
  readonly #now: () => number;

  constructor(tell: (view: PlayerView) => void, now: () => number = () => performance.now()) {
    this.#tell = tell;
    this.#now = now;
  }

  view(): PlayerView {
    this.#advance();
    const lanes = (['a', 'b'] as const).flatMap((slot) => {
      const lane = this.#lanes.get(slot);
      return lane ? [this.#laneView(slot, lane)] : [];
    });
    const plugged = this.#device !== null && this.devices.includes(this.#device);
    const view: PlayerView = {
      playing: this.#playing,
      position_s: this.#position,
      duration_s: this.#duration(),
      lanes,
      active: this.#active,
      level_match: this.#levelMatch,
      loop_s: this.#loop,
      volume: this.#volume,
      device: plugged ? this.#device : 'Built-in audio',
      device_wish: this.#device,
      note: plugged || this.#device === null ? null : `${this.#device} is not connected.`,
      difference: this.#difference,
      nothing_to_match: false,
      blind: this.#blindView(),
    };
    return view.blind !== null && view.blind.result === null ? hide(view) : view;
  }

  /** What plays behind a button, for tests only. */
  behind(button: BlindButton): number {
    const slot = this.#slotOf(button);
    return (slot && this.#lanes.get(slot)?.version.number) ?? 0;
  }

  difference(on: boolean): PlayerView {
    this.#difference = on;
    return this.#changed();
  }

  canCompare(): boolean {
    return this.#lanes.size === 2 && new Set(Array.from(this.#lanes.values(), (lane) => lane.version.here)).size === 1;
  }

  isHidden(): boolean {
    return this.#blind !== null && this.#blindView()?.result === null;
  }

  blindStart(kind: BlindKind, trials: number): PlayerView {
    const toss = (at: number): Slot => (at % 2 === 0 ? 'b' : 'a');
    const count = kind === 'abx' ? trials : 1;
    const heard: BlindButton = kind === 'abx' ? 'a' : 'x';
    this.#difference = false;
    this.#blind = { kind, heard, trials: count, hidden: Array.from({ length: count }, (_, at) => toss(at)), answers: [], revealed: false };
    return this.blindHear(heard);
  }

  blindHear(button: BlindButton): PlayerView {
    this.#advance();
    const slot = this.#slotOf(button);
    if (this.#blind && slot) {
      this.#blind.heard = button;
      this.#active = slot;
    }
    return this.#changed();
  }

  blindAnswer(slot: Slot): PlayerView {
    const test = this.#blind;
    if (test?.kind === 'abx' && test.answers.length < test.trials) {
      test.answers.push(slot);
      test.heard = 'a';
      this.#active = 'a';
    }
    return this.#changed();
  }

  blindReveal(): PlayerView {
    if (this.#blind?.kind === 'compare') this.#blind.revealed = true;
    return this.#changed();
  }

  blindEnd(): PlayerView {
    this.#blind = null;
    return this.#changed();
  }

  #slotOf(button: BlindButton): Slot | null {
    const test = this.#blind;
    if (!test) return null;
    if (test.kind === 'abx')
      return button === 'a' || button === 'b' ? button : button === 'x' ? (test.hidden[test.answers.length] ?? null) : null;
    const x = test.hidden[0] ?? 'a';
    return button === 'x' ? x : button === 'y' ? (x === 'a' ? 'b' : 'a') : null;
  }

  #blindView(): BlindView | null {
    const test = this.#blind;
    if (!test) return null;
    const open = test.kind === 'abx' ? test.answers.length >= test.trials : test.revealed;
    const correct = test.answers.filter((answer, at) => answer === test.hidden[at]).length;
    const number = (button: BlindButton): number | null => (test.kind === 'compare' ? this.behind(button) : null);
    return {
      kind: test.kind,
      heard: test.heard,
      trial: Math.min(test.trials, test.answers.length + 1),
      trials: test.trials,
      result: open
        ? { x: number('x'), y: number('y'), trials: test.answers.length, correct, p_value: guessing(test.answers.length, correct) }
        : null,
    };
  }

  load(slot: Slot, track: TrackView, version: VersionView): PlayerView {
    this.#advance();
    const other: Slot = slot === 'a' ? 'b' : 'a';
    if (this.#lanes.get(other)?.version.id === version.id) {
      const here = this.#lanes.get(slot);
      if (here) this.#lanes.set(other, here);
      else this.#lanes.delete(other);
    }
    this.#lanes.set(slot, { track, version });
    if (!this.#lanes.has(this.#active)) this.#active = slot;
    return this.#changed();
  }

  unload(slot: Slot): PlayerView {
    this.#lanes.delete(slot);
    if (this.#active === slot) this.#active = slot === 'a' ? 'b' : 'a';
    if (this.#lanes.size === 0) this.#stop();
    return this.#changed();
  }

  play(): PlayerView {
    if (this.#lanes.size > 0 && !this.#playing) {
      if (this.#position >= this.#duration() - 0.01) this.#position = 0;
      this.#playing = true;
      this.#startedAt = this.#now();
      this.#tick = setInterval(() => this.#tell(this.view()), 250);
    }
    return this.#changed();
  }

  pause(): PlayerView {
    this.#advance();
    this.#stop();
    return this.#changed();
  }

  seek(seconds: number): PlayerView {
    this.#position = Math.min(Math.max(0, seconds), this.#duration());
    this.#startedAt = this.#now();
    return this.#changed();
  }

  flip(slot: Slot): PlayerView {
    this.#advance();
    if (this.#blind && this.isHidden()) {
      const next: Record<BlindButton, BlindButton> =
        this.#blind.kind === 'compare' ? { x: 'y', y: 'x', a: 'x', b: 'x' } : { a: 'b', b: 'x', x: 'a', y: 'a' };
      return this.blindHear(next[this.#blind.heard]);
    }
    this.#difference = false;
    if (this.#lanes.has(slot)) this.#active = slot;
    return this.#changed();
  }

  levelMatch(on: boolean): PlayerView {
    this.#levelMatch = on;
    return this.#changed();
  }

  loop(range: [number, number] | null): PlayerView {
    this.#advance();
    this.#loop = range;
    return this.#changed();
  }

  volume(volume: number): PlayerView {
    this.#volume = volume;
    return this.#changed();
  }

  device(device: string | null): PlayerView {
    this.#device = device;
    return this.#changed();
  }

  /** A device is pulled out. */
  unplug(device: string): PlayerView {
    this.devices = this.devices.filter((name) => name !== device);
    if (this.#device === device) this.pause();
    return this.#changed();
  }

  #stop(): void {
    this.#playing = false;
    clearInterval(this.#tick);
  }

  #changed(): PlayerView {
    const view = this.view();
    this.#tell(view);
    return view;
  }

  #advance(): void {
    if (!this.#playing) return;
    const now = this.#now();
    const before = this.#position;
    this.#position += (now - this.#startedAt) / 1000;
    this.#startedAt = now;
    if (this.#loop && before <= this.#loop[1] && this.#position > this.#loop[1]) {
      const [from, to] = this.#loop;
      this.#position = from + ((this.#position - from) % (to - from));
    }
    if (this.#position >= this.#duration()) {
      this.#position = this.#duration();
      this.#stop();
    }
  }

  #duration(): number {
    return Math.max(0, ...Array.from(this.#lanes.values(), (lane) => lane.version.duration_ms / 1000));
  }

  #laneView(slot: Slot, lane: Lane): LaneView {
    return {
      slot,
      version: lane.version.id,
      number: lane.version.number,
      track_name: lane.track.name,
      track: lane.track.id,
      gain_db: this.#gain(lane.version),
      is_preview: lane.version.here === 'preview',
      // The original's loudness table is sent along with the preview.
      approximate: false,
      duration_s: lane.version.duration_ms / 1000,
    };
  }

  // The louder side is turned down, never the quieter up.
  #gain(version: VersionView): number {
    if (!this.#levelMatch || version.loudness_lufs === null || this.#lanes.size < 2) return 0;
    const quietest = Math.min(...Array.from(this.#lanes.values(), (lane) => lane.version.loudness_lufs ?? Infinity));
    return Math.min(0, quietest - version.loudness_lufs);
  }
}

// Whatever tells the versions apart is taken out, as in the desktop.
function hide(view: PlayerView): PlayerView {
  const lanes = view.lanes.map((lane) => ({
    ...lane,
    version: '',
    number: 0,
    gain_db: 0,
    approximate: false,
    duration_s: view.duration_s,
  }));
  return { ...view, lanes, level_match: true, active: view.blind?.kind === 'compare' && view.blind.heard === 'y' ? 'b' : 'a' };
}

// Chance of at least so many right answers by guessing.
function guessing(trials: number, correct: number): number {
  let sum = 0;
  let ways = 1;
  for (let right = 0; right <= trials; right += 1) {
    if (right >= correct) sum += ways;
    ways = (ways * (trials - right)) / (right + 1);
  }
  return sum / 2 ** trials;
}
