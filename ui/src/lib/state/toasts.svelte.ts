// Short messages above the player. One with an action can be undone by key: the newest first.
export interface Toast {
  id: number;
  text: string;
  detail: string | null;
  tone: 'plain' | 'bad';
  action: { label: string; run: () => void } | null;
}

export interface ToastOptions {
  detail?: string | null;
  tone?: Toast['tone'];
  action?: Toast['action'];
  /** How long it stays. */
  forMs?: number;
}

export class Toasts {
  list = $state.raw<Toast[]>([]);
  #next = 1;
  readonly #timers = new Map<number, ReturnType<typeof setTimeout>>();

  show(text: string, options: ToastOptions = {}): number {
    const id = this.#next++;
    this.list = [...this.list, { id, text, detail: options.detail ?? null, tone: options.tone ?? 'plain', action: options.action ?? null }];
    this.#timers.set(
      id,
      setTimeout(() => this.close(id), options.forMs ?? 7000),
    );
    return id;
  }

  close(id: number): void {
    clearTimeout(this.#timers.get(id));
    this.#timers.delete(id);
    this.list = this.list.filter((toast) => toast.id !== id);
  }

  act(id: number): void {
    const toast = this.list.find((each) => each.id === id);
    this.close(id);
    toast?.action?.run();
  }

  /** Undoes the newest act that can be undone. */
  undoNewest(): boolean {
    const newest = this.list.findLast((toast) => toast.action !== null);
    if (!newest) return false;
    this.act(newest.id);
    return true;
  }
}
