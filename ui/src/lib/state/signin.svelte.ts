// The form that connects to a server. Passwords leave the page on submit and are forgotten at once.
import { asErrorView, type Backend, type ErrorView } from '../ipc/backend';
import type { ConnectionView } from '../ipc/generated/ConnectionView';
import type { InvitationView } from '../ipc/generated/InvitationView';
import type { ProjectView } from '../ipc/generated/ProjectView';
import type { ServerView } from '../ipc/generated/ServerView';

export type SignInMode = 'signIn' | 'register' | 'code';
export type FieldName = 'address' | 'name' | 'email' | 'password' | 'code';

export class SignIn {
  mode = $state<SignInMode>('signIn');
  address = $state('');
  name = $state('');
  email = $state('');
  password = $state('');
  code = $state('');
  server = $state.raw<ServerView | null>(null);
  serverError = $state.raw<ErrorView | null>(null);
  error = $state.raw<ErrorView | null>(null);
  missing = $state.raw<ReadonlySet<FieldName>>(new Set());
  looking = $state(false);
  busy = $state(false);
  readonly #backend: Backend;
  #turn = 0;

  constructor(backend: Backend) {
    this.#backend = backend;
  }

  get secure(): boolean {
    return this.server?.address.startsWith('https://') ?? false;
  }

  /** Asks the address whether it is a server. */
  async look(): Promise<void> {
    const turn = ++this.#turn;
    const address = this.address.trim();
    this.server = null;
    this.serverError = null;
    if (address === '') return;
    this.looking = true;
    try {
      const server = await this.#backend.call('look_at_server', { address });
      if (turn === this.#turn) this.server = server;
    } catch (thrown) {
      if (turn === this.#turn) this.serverError = asErrorView(thrown);
    }
    if (turn === this.#turn) this.looking = false;
  }

  async submit(): Promise<ConnectionView | null> {
    const { mode } = this;
    if (mode === 'code') return null;
    if (!this.#filled(mode === 'register' ? ['address', 'name', 'email', 'password'] : ['address', 'email', 'password'])) return null;
    const address = this.address.trim();
    const email = this.email.trim();
    const { password } = this;
    return this.#try(async () => {
      const connection =
        mode === 'register'
          ? await this.#backend.call('register', {
              address,
              name: this.name.trim(),
              email,
              password,
              invitation: this.code.trim() === '' ? null : this.code.trim(),
            })
          : await this.#backend.call('sign_in', { address, email, password });
      this.password = '';
      return connection;
    });
  }

  async lookAtCode(): Promise<InvitationView | null> {
    if (!this.#filled(['code'])) return null;
    return this.#try(() => this.#backend.call('look_at_invitation', { code: this.code.trim() }));
  }

  async join(): Promise<ProjectView | null> {
    return this.#try(() => this.#backend.call('join', { code: this.code.trim() }));
  }

  #filled(fields: FieldName[]): boolean {
    this.missing = new Set(fields.filter((field) => this[field].trim() === ''));
    return this.missing.size === 0;
  }

  async #try<T>(act: () => Promise<T>): Promise<T | null> {
    this.busy = true;
    this.error = null;
    try {
      return await act();
    } catch (thrown) {
      this.error = asErrorView(thrown);
      return null;
    } finally {
      this.busy = false;
    }
  }
}
