// Keeps the last 64 pieces of waveforms, so that zooming and flipping back do not ask again.
import { asErrorView, type Backend, type ErrorView } from '../ipc/backend';
import { decodeView, tilesFor, type WaveView } from './view';

const kept = 64;

export class WaveCache {
  readonly #backend: Backend;
  readonly #pieces = new Map<string, Promise<WaveView>>();

  constructor(backend: Backend) {
    this.#backend = backend;
  }

  /** The pieces that draw frames `[from, to)` of `version` on `width` device pixels. */
  async views(version: string, from: number, to: number, width: number, frames: number): Promise<WaveView[]> {
    return Promise.all(tilesFor(from, to, width, frames).map((tile) => this.#piece(version, tile.fromFrame, tile.toFrame, tile.width)));
  }

  /** The whole version in at least 512 bins. */
  overview(version: string): Promise<WaveView> {
    return this.#keep(`${version} overview`, () => this.#backend.call('overview', { version }));
  }

  #piece(version: string, fromFrame: number, toFrame: number, width: number): Promise<WaveView> {
    return this.#keep(`${version} ${fromFrame} ${toFrame} ${width}`, () =>
      this.#backend.call('waveform', { version, fromFrame, toFrame, width }),
    );
  }

  #keep(key: string, fetch: () => Promise<ArrayBuffer>): Promise<WaveView> {
    const known = this.#pieces.get(key);
    if (known) {
      this.#pieces.delete(key);
      this.#pieces.set(key, known);
      return known;
    }
    const piece = fetch().then(decodeView);
    this.#pieces.set(key, piece);
    // A failed piece is asked for again next time.
    piece.catch(() => this.#pieces.delete(key));
    for (const oldest of this.#pieces.keys()) {
      if (this.#pieces.size <= kept) break;
      this.#pieces.delete(oldest);
    }
    return piece;
  }
}

/** The error of a failed drawing, in the form the screens show. */
export function waveError(thrown: unknown): ErrorView {
  return asErrorView(thrown);
}
