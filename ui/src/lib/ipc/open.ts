// Chooses the studio this window talks to. The in-memory one is in test and development builds only.
import type { Backend } from './backend';
import { TauriBackend } from './tauri';

export async function openBackend(): Promise<Backend> {
  if (import.meta.env.MODE === 'fake' || (import.meta.env.DEV && !('__TAURI_INTERNALS__' in window))) {
    const { openFake } = await import('./fake');
    return openFake(new URLSearchParams(window.location.search));
  }
  return new TauriBackend();
}
