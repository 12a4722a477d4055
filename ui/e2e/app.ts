// Opens the app on the in-memory studio. Any console error, page error or breach of the content security policy fails the test.
import { expect, test as base, type Page } from '@playwright/test';

const alphabet = 'abcdefghijklmnopqrstuvwxyz234567';
/** Ids as the fixtures number them. */
export const idOf = (prefix: string, number: number): string => {
  let tail = '';
  for (let value = number; tail.length < 26; value = Math.floor(value / 32)) tail = (alphabet[value % 32] ?? 'a') + tail;
  return `${prefix}_${tail}`;
};

export interface Opening {
  /** Set-up of the studio, such as "empty&connection=none". */
  studio?: string;
  /** Place in the app, such as "#/inbox". */
  at?: string;
  theme?: 'dark' | 'light';
  zoom?: number;
}

export interface StudioCall {
  name: string;
  args: Record<string, unknown>;
}

interface Fake {
  calls: StudioCall[];
  failNext(name: string, error: { code: string; message: string; hint: string | null }): void;
  touchProposal(id: string): void;
  bounce(track: string): unknown;
  setSync(track: string, sync: { state: string; because: string | null }): void;
  addCandidate(candidate: { id: string; project: string; path: string; state: string; message: string }): void;
  setRoot(project: string, state: 'watching' | 'polling' | 'missing'): void;
  setConnection(state: 'connected' | 'offline'): void;
  unplug(device: string): void;
}

declare global {
  interface Window {
    collabtrackFake?: unknown;
  }
}

export class AppPage {
  constructor(readonly page: Page) {}

  async open({ studio = '', at = '#/library', theme = 'dark', zoom = 100 }: Opening = {}): Promise<void> {
    await this.page.addInitScript(
      (chosen) => {
        if (localStorage.getItem('collabtrack.appearance') === null) localStorage.setItem('collabtrack.appearance', JSON.stringify(chosen));
      },
      { theme, zoom },
    );
    await this.page.goto(`/${studio === '' ? '' : `?${studio}`}${at}`);
    await this.page.locator('main h1').first().waitFor();
  }

  async calls(name?: string): Promise<StudioCall[]> {
    const all = await this.page.evaluate(() => (window.collabtrackFake as { calls: StudioCall[] }).calls);
    return name === undefined ? all : all.filter((call) => call.name === name);
  }

  async studio<T>(act: (fake: Fake, argument: T) => unknown, argument: T): Promise<void> {
    await this.page.evaluate(
      ([source, value]) => {
        // The act runs in the page, where the studio lives.
        const run = (0, eval)(`(${source as string})`) as (fake: unknown, argument: unknown) => unknown;
        run(window.collabtrackFake, value);
      },
      [act.toString(), argument] as [string, T],
    );
  }

  position(): Promise<number> {
    return this.page.locator('#player [role="slider"]').evaluate((slider) => Number(slider.getAttribute('aria-valuenow')));
  }

  /** Widths that stick out of the window, as words. */
  overflowing(): Promise<string[]> {
    return this.page.evaluate(() => {
      const found: string[] = [];
      const width = document.documentElement.clientWidth;
      if (document.documentElement.scrollWidth > width) found.push(`page ${document.documentElement.scrollWidth}`);
      for (const element of document.querySelectorAll<HTMLElement>('#app *')) {
        const style = getComputedStyle(element);
        if (
          style.visibility === 'hidden' ||
          element.closest('.visually-hidden, .skip, .scroll, .timeline, .ruler') !== null ||
          element.parentElement?.closest('.one-line')
        )
          continue;
        const box = element.getBoundingClientRect();
        if (box.width > 0 && box.height > 0 && (box.right > width + 1 || box.left < -1))
          found.push(
            `${element.tagName.toLowerCase()}.${element.className.toString().split(' ')[0]} ${Math.round(box.left)}–${Math.round(box.right)}`,
          );
      }
      return found.slice(0, 5);
    });
  }
}

export const test = base.extend<{ app: AppPage }>({
  app: async ({ page }, use) => {
    const problems: string[] = [];
    page.on('console', (message) => {
      // Reading pixels back is what the tests do, not the app.
      if (message.text().includes('getImageData')) return;
      if (message.type() === 'error' || message.type() === 'warning') problems.push(message.text());
    });
    page.on('pageerror', (error) => problems.push(error.message));
    await use(new AppPage(page));
    expect(problems).toEqual([]);
  },
});

export { expect };
