// The real studio behind the desktop window. Together with its folder, the only place that knows Tauri.
import { invoke } from '@tauri-apps/api/core';
import { listen } from '@tauri-apps/api/event';
import { asErrorView, type AppEvent, type Backend, type CommandName, type Commands } from './backend';

export class TauriBackend implements Backend {
  async call<N extends CommandName>(name: N, args: Commands[N]['args']): Promise<Commands[N]['result']> {
    try {
      return await invoke<Commands[N]['result']>(name, args);
    } catch (thrown) {
      throw asErrorView(thrown);
    }
  }

  onEvent(listener: (event: AppEvent) => void): () => void {
    let stopped = false;
    let stop: (() => void) | undefined;
    void listen<AppEvent>('app', (event) => listener(event.payload)).then((unlisten) => {
      if (stopped) unlisten();
      else stop = unlisten;
    });
    return () => {
      stopped = true;
      stop?.();
    };
  }
}
