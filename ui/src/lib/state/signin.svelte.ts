// The form that connects to a server. Passwords leave the page on submit and are forgotten at once.
import { asErrorView, type Backend, type ErrorView } from '../ipc/backend';
import type { ConnectionView } from '../ipc/generated/ConnectionView';
import type { InvitationView } from '../ipc/generated/InvitationView';
import type { ProjectView } from '../ipc/generated/ProjectView';
import type { ServerView } from '../ipc/generated/ServerView';

export type SignInMode = 'signIn' | 'register' | 'confirm' | 'code' | 'reset';
export type FieldName = 'address' | 'name' | 'email' | 'password' | 'code' | 'factor';

export class SignIn {
  mode = $state<SignInMode>('signIn');
  address = $state('');
  name = $state('');
  email = $state('');
  password = $state('');
  code = $state('');
  /** Code of the second factor, once the server asked for it. */
  factor = $state('');
  wantsFactor = $state(false);
  /** The address a mail with a code went to. */
  mailedTo = $state.raw<string | null>(null);
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
    if (mode === 'code' || mode === 'reset' || mode === 'confirm') return null;
    const fields: FieldName[] = ['address', 'email', 'password'];
    if (mode === 'register') fields.push('name');
    if (mode === 'signIn' && this.wantsFactor) fields.push('factor');
    if (!this.#filled(fields)) return null;
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
          : await this.#backend.call('sign_in', { address, email, password, code: this.wantsFactor ? this.factor.trim() : null });
      // Asked for once more with the code of the mail, so it stays in its field until then.
      if (connection === null) {
        this.mailedTo = email;
        this.code = '';
        this.mode = 'confirm';
        return null;
      }
      this.password = '';
      this.factor = '';
      this.wantsFactor = false;
      return connection;
    });
  }

  /** Makes the account that was asked for, with the code of the mail and its password. */
  async confirm(): Promise<ConnectionView | null> {
    if (!this.#filled(['address', 'code', 'password'])) return null;
    return this.#try(async () => {
      const connection = await this.#backend.call('confirm_registration', {
        address: this.address.trim(),
        code: this.code.trim(),
        password: this.password,
      });
      this.password = '';
      this.code = '';
      this.mailedTo = null;
      return connection;
    });
  }

  /** Has a code for a new password mailed. */
  async requestReset(): Promise<void> {
    if (!this.#filled(['address', 'email'])) return;
    const email = this.email.trim();
    await this.#try(async () => {
      await this.#backend.call('request_reset', { address: this.address.trim(), email });
      this.mailedTo = email;
    });
  }

  /** Another way in: what was said on the way before no longer counts. */
  choose(mode: SignInMode): void {
    this.mode = mode;
    this.error = null;
    this.mailedTo = null;
    this.missing = new Set();
  }

  /** Sets a new password with a code; answers whether it worked. */
  async reset(): Promise<boolean> {
    if (!this.#filled(['address', 'code', 'password'])) return false;
    const done = await this.#try(async () => {
      await this.#backend.call('reset_password', { address: this.address.trim(), code: this.code.trim(), new: this.password });
      this.password = '';
      this.code = '';
      return true;
    });
    return done ?? false;
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
      const error = asErrorView(thrown);
      // The first answer only says that a code belongs to it.
      if (error.code === 'second_factor_needed' && !this.wantsFactor) this.wantsFactor = true;
      else this.error = error;
      return null;
    } finally {
      this.busy = false;
    }
  }
}
