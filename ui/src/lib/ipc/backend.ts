// The one door between the screens and the studio. The desktop, the in-memory studio of the tests and the development bridge
// implement it; screens never know which one they talk to.
import type { CommandName, Commands } from './commands';
import type { AppEvent } from './generated/AppEvent';
import type { ErrorView } from './generated/ErrorView';

export interface Backend {
  /** Calls a command. Rejects with an `ErrorView`, never with anything else. */
  call<N extends CommandName>(name: N, args: Commands[N]['args']): Promise<Commands[N]['result']>;
  /** Hears every event until the returned function is called. */
  onEvent(listener: (event: AppEvent) => void): () => void;
}

export type { AppEvent, CommandName, Commands, ErrorView };

/** Whatever was thrown, as the error the screens know how to show. */
export function asErrorView(thrown: unknown): ErrorView {
  if (typeof thrown === 'object' && thrown !== null) {
    const { code, message, hint } = thrown as Record<string, unknown>;
    if (typeof code === 'string' && typeof message === 'string') {
      return { code, message, hint: typeof hint === 'string' ? hint : null };
    }
  }
  return { code: 'unknown', message: '', hint: null };
}
