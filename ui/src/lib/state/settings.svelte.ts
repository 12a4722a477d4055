// What this window looks like, and by which keys it is used. Kept in the web view's own store; nothing here is about music or people.
import { setTable } from '../keys/current.svelte';
import { ownKeysOf, withKeys, type CommandId, type OwnKeys } from '../keys/table';

export type Theme = 'dark' | 'light' | 'system';
export const themes: readonly Theme[] = ['dark', 'light', 'system'];
export const zooms: readonly number[] = [80, 90, 100, 110, 125, 150, 175, 200];
export type Density = 28 | 36 | 44;
export const densities: readonly Density[] = [28, 36, 44];
/** How much room the page has, in its own pixels: decides columns and panels. */
export type Layout = 'wide' | 'medium' | 'narrow' | 'small';

const storedAs = 'collabtrack.appearance';

export function layoutOf(width: number): Layout {
  if (width < 560) return 'small';
  if (width < 820) return 'narrow';
  if (width < 1100) return 'medium';
  return 'wide';
}

export class Settings {
  theme = $state<Theme>('dark');
  zoom = $state(100);
  density = $state<Density>(36);
  singleKeys = $state(true);
  reducedMotion = $state(false);
  /** Keys in place of the usual ones. */
  keys = $state.raw<OwnKeys>({});
  width = $state(window.innerWidth);
  #systemDark = $state(true);

  constructor() {
    try {
      const saved: unknown = JSON.parse(window.localStorage.getItem(storedAs) ?? '{}');
      if (typeof saved === 'object' && saved !== null) this.#take(saved as Record<string, unknown>);
    } catch {
      // Unreadable settings are the same as none.
    }
    setTable(withKeys(this.keys));
  }

  get layout(): Layout {
    return layoutOf((this.width * 100) / this.zoom);
  }

  get shownTheme(): 'dark' | 'light' {
    if (this.theme !== 'system') return this.theme;
    return this.#systemDark ? 'dark' : 'light';
  }

  zoomBy(steps: number): void {
    const at = zooms.indexOf(this.zoom);
    this.zoom = zooms[Math.min(zooms.length - 1, Math.max(0, (at < 0 ? 2 : at) + steps))] ?? 100;
  }

  /** Gives a command another key, or with null the usual ones again. */
  setKey(id: CommandId, stroke: string | null): void {
    const others = Object.entries(this.keys).filter(([other]) => other !== id);
    this.keys = Object.fromEntries(stroke === null ? others : [...others, [id, stroke]]);
    setTable(withKeys(this.keys));
  }

  /** Gives every command its usual keys again. */
  resetKeys(): void {
    this.keys = {};
    setTable(withKeys(this.keys));
  }

  save(): void {
    const { theme, zoom, density, singleKeys, reducedMotion, keys } = this;
    window.localStorage.setItem(storedAs, JSON.stringify({ theme, zoom, density, singleKeys, reducedMotion, keys }));
  }

  /** Follows the window's width and the system's theme until the returned function is called. */
  listen(): () => void {
    const resized = (): void => {
      this.width = window.innerWidth;
    };
    const dark = window.matchMedia('(prefers-color-scheme: dark)');
    const turned = (): void => {
      this.#systemDark = dark.matches;
    };
    resized();
    turned();
    window.addEventListener('resize', resized);
    dark.addEventListener('change', turned);
    return () => {
      window.removeEventListener('resize', resized);
      dark.removeEventListener('change', turned);
    };
  }

  #take(saved: Record<string, unknown>): void {
    this.theme = themes.find((theme) => theme === saved.theme) ?? this.theme;
    this.zoom = zooms.find((zoom) => zoom === saved.zoom) ?? this.zoom;
    this.density = densities.find((density) => density === saved.density) ?? this.density;
    if (typeof saved.singleKeys === 'boolean') this.singleKeys = saved.singleKeys;
    this.keys = ownKeysOf(saved.keys);
    if (typeof saved.reducedMotion === 'boolean') this.reducedMotion = saved.reducedMotion;
  }
}
