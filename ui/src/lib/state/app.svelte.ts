// Everything the screens share, built once at start.
import { getContext, setContext } from 'svelte';
import { asErrorView, type AppEvent, type Backend, type ErrorView } from '../ipc/backend';
import type { CandidateView } from '../ipc/generated/CandidateView';
import type { ProjectView } from '../ipc/generated/ProjectView';
import type { StatusView } from '../ipc/generated/StatusView';
import { Keyboard } from '../keys/keyboard';
import { t } from '../texts/en';
import { WaveCache } from '../waveform/cache';
import { Inbox } from './inbox.svelte';
import { Loaded } from './loaded.svelte';
import { Player } from './player.svelte';
import { Router } from './router.svelte';
import { Settings } from './settings.svelte';
import { Sheets } from './sheet.svelte';
import { Toasts } from './toasts.svelte';

const context = Symbol('app');

export class App {
  readonly backend: Backend;
  readonly settings = new Settings();
  readonly router = new Router();
  readonly toasts = new Toasts();
  /** Catalogue cells typed and not proposed yet. */
  readonly sheets = new Sheets();
  readonly player: Player;
  readonly waves: WaveCache;
  readonly inbox: Inbox;
  readonly keyboard: Keyboard;
  readonly status: Loaded<StatusView>;
  readonly projects: Loaded<ProjectView[]>;
  readonly candidates: Loaded<CandidateView[]>;
  /** Rises when tracks or versions may have changed: screens fetch again what they show. */
  libraryRevision = $state(0);
  /** Rises when catalogue, proposals or members may have changed. */
  projectRevision = $state(0);
  /** Answers whoever waits for the password to be given again; none while nobody does. */
  passwordWanted = $state.raw<((given: boolean) => void) | null>(null);
  #resumed = false;
  /** The present, for "2 h ago"; moves every half minute. */
  now = $state.raw(new Date());

  constructor(backend: Backend) {
    this.backend = backend;
    this.player = new Player(backend, (error) => this.tell(error));
    this.waves = new WaveCache(backend);
    this.inbox = new Inbox(backend);
    this.keyboard = new Keyboard(() => this.settings.singleKeys);
    this.status = new Loaded(() => backend.call('status', {}));
    this.projects = new Loaded(() => backend.call('projects', {}));
    this.candidates = new Loaded(() => backend.call('candidates', {}));
  }

  /** Starts listening; the returned function ends it. */
  start(): () => void {
    const stops = [
      this.backend.onEvent((event) => this.#heard(event)),
      this.settings.listen(),
      this.router.listen(),
      this.player.listen(),
      this.keyboard.listen(window),
    ];
    const minute = setInterval(() => {
      this.now = new Date();
    }, 30_000);
    void this.status.load().then(() => this.#resume());
    void this.projects.load();
    void this.candidates.load();
    void this.inbox.list.load();
    void this.player.refresh();
    return () => {
      for (const stop of stops) stop();
      clearInterval(minute);
    };
  }

  get offline(): boolean {
    return this.status.value !== null && this.status.value.connection.state !== 'connected';
  }

  project(id: string | null): ProjectView | null {
    return this.projects.value?.find((project) => project.id === id) ?? null;
  }

  /** Whether this account may do something in a project; a project without a server is entirely one's own. */
  may(project: ProjectView | null, action: string): boolean {
    return project !== null && (!project.on_server || project.may.includes(action));
  }

  /** Shows an error that has no place of its own on the screen. */
  tell(error: ErrorView): void {
    this.toasts.show(error.message === '' ? t.error.unknown : error.message, { detail: error.hint, tone: 'bad', forMs: 12_000 });
  }

  /** Runs an act and shows its error, if any. Answers whether it worked. */
  async attempt(act: () => Promise<unknown>): Promise<boolean> {
    try {
      await act();
      return true;
    } catch (thrown) {
      this.tell(asErrorView(thrown));
      return false;
    }
  }

  /** Ends the session, and forgets what was read with it. Answers whether it worked. */
  async signOut(): Promise<boolean> {
    const done = await this.attempt(() => this.backend.call('sign_out', {}));
    if (done) this.sheets.forgetViews();
    return done;
  }

  /** Approvals decided before the window closed go out once the server can be asked. */
  #resume(): void {
    if (this.#resumed || this.status.value?.connection.state !== 'connected') return;
    this.#resumed = true;
    void this.inbox.resume(Date.now(), (held, error) => {
      if (error) this.tell(error);
      else this.toasts.show(t.inbox.approvedToast(held.title), { detail: t.inbox.decidedBefore });
    });
  }

  /** Runs an act that may want the password once more; asks for it and tries again. Answers whether it worked. */
  async secured(act: () => Promise<unknown>): Promise<boolean> {
    try {
      await act();
      return true;
    } catch (thrown) {
      const error = asErrorView(thrown);
      if (error.code !== 'step_up_required') {
        this.tell(error);
        return false;
      }
    }
    const given = await new Promise<boolean>((answer) => {
      this.passwordWanted = answer;
    });
    this.passwordWanted = null;
    return given && this.attempt(act);
  }

  #heard(event: AppEvent): void {
    switch (event.type) {
      case 'library':
        this.libraryRevision += 1;
        void this.projects.load();
        void this.candidates.load();
        void this.status.load();
        break;
      case 'sync':
        this.libraryRevision += 1;
        void this.projects.load();
        void this.status.load().then(() => this.#resume());
        break;
      case 'project':
        this.projectRevision += 1;
        void this.inbox.list.load();
        void this.projects.load();
        void this.status.load();
        break;
      case 'player':
        if (event.player.note !== null && event.player.note !== this.player.view.note) this.toasts.show(event.player.note);
        this.player.take(event.player);
        break;
      case 'notice':
        this.toasts.show(event.message);
        break;
    }
  }
}

export function provideApp(app: App): void {
  setContext(context, app);
}

export function useApp(): App {
  return getContext<App>(context);
}
