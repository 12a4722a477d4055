// Something that takes the password, and the code of the second factor where the account has one: asked for only after the server said so.
import { asErrorView, type ErrorView } from '../ipc/backend';

export class Proof {
  /** Code of the second factor, once the server asked for it. */
  code = $state('');
  wantsCode = $state(false);
  busy = $state(false);
  error = $state.raw<ErrorView | null>(null);

  /** Does it with the code, if one is wanted; answers whether it worked. */
  async give(act: (code: string | null) => Promise<unknown>): Promise<boolean> {
    this.busy = true;
    this.error = null;
    try {
      await act(this.wantsCode ? this.code.trim() : null);
      this.code = '';
      this.wantsCode = false;
      return true;
    } catch (thrown) {
      const said = asErrorView(thrown);
      // The first answer only says that a code belongs to it.
      if (said.code === 'second_factor_needed' && !this.wantsCode) this.wantsCode = true;
      else this.error = said;
      return false;
    } finally {
      this.busy = false;
    }
  }
}
