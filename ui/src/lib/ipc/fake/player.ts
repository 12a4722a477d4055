// A player that moves without sound: two lanes on one musical axis, level matched, looping.
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
    return {
      playing: this.#playing,
      position_s: this.#position,
      duration_s: this.#duration(),
      lanes,
      active: this.#active,
      level_match: this.#levelMatch,
      loop_s: this.#loop,
      volume: this.#volume,
      device: this.#device ?? 'Built-in audio',
      note: null,
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
