// One answer of the studio on its way to the screen: nothing yet, there, or failed with what was there before kept.
import { asErrorView, type ErrorView } from '../ipc/backend';

export class Loaded<T> {
  value = $state.raw<T | null>(null);
  error = $state.raw<ErrorView | null>(null);
  busy = $state(false);
  readonly #fetch: () => Promise<T>;
  #turn = 0;

  constructor(fetch: () => Promise<T>) {
    this.#fetch = fetch;
  }

  /** Asks again. When several questions are under way only the newest answer counts. */
  async load(): Promise<void> {
    const turn = ++this.#turn;
    this.busy = true;
    try {
      const value = await this.#fetch();
      if (turn !== this.#turn) return;
      this.value = value;
      this.error = null;
    } catch (thrown) {
      if (turn !== this.#turn) return;
      this.error = asErrorView(thrown);
    }
    this.busy = false;
  }
}
