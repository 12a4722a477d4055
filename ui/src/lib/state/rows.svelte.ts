// The rows of a long table that are in sight: all tables whose rows are equally high keep only these in the page, with room left above and
// below for the others. The part that scrolls is whatever element around the table does.
const short = 100;
const spare = 12;

export class RowWindow {
  readonly #count: () => number;
  #first = $state(0);
  #end = $state(60);
  #height = $state(49);

  constructor(count: () => number) {
    this.#count = count;
  }

  get #long(): boolean {
    return this.#count() > short;
  }

  get from(): number {
    return this.#long ? Math.min(this.#first, Math.max(0, this.#count() - 1)) : 0;
  }

  get to(): number {
    return this.#long ? Math.min(this.#end, this.#count()) : this.#count();
  }

  /** Pixels of the rows above and below, that are not in the page. */
  get above(): number {
    return this.from * this.#height;
  }

  get below(): number {
    return (this.#count() - this.to) * this.#height;
  }

  /** Follows the scrolling around a table body; for `use:` on it. */
  follow = (body: HTMLElement): { destroy: () => void } => {
    const around = scroller(body);
    let asked = 0;
    const look = (): void => {
      asked = 0;
      if (!this.#long) return;
      const row = body.querySelector<HTMLElement>('tr[data-row]');
      const own = body.getBoundingClientRect();
      const port = around.getBoundingClientRect();
      if (!row || own.height === 0) return;
      this.#height = row.offsetHeight;
      // Both in the page's pixels; a zoomed page scales them alike.
      const each = row.getBoundingClientRect().height;
      this.#first = Math.max(0, Math.floor((port.top - own.top) / each) - spare);
      this.#end = Math.ceil((port.bottom - own.top) / each) + spare;
    };
    const soon = (): void => {
      if (asked === 0) asked = requestAnimationFrame(look);
    };
    const watcher = new ResizeObserver(soon);
    watcher.observe(around);
    watcher.observe(body);
    around.addEventListener('scroll', soon, { passive: true });
    soon();
    return {
      destroy: () => {
        cancelAnimationFrame(asked);
        watcher.disconnect();
        around.removeEventListener('scroll', soon);
      },
    };
  };
}

function scroller(of: Element): Element {
  for (let each = of.parentElement; each; each = each.parentElement) {
    const { overflowY } = getComputedStyle(each);
    if (overflowY === 'auto' || overflowY === 'scroll') return each;
  }
  return document.documentElement;
}
