// Listens to the keyboard and calls whichever screen registered for a command. The newest registration wins.
import { currentTable } from './current.svelte';
import { isPrefix, isSingleKey, match, strokeOf, type CommandId } from './table';

export type Handler = (index: number) => void;
export type Handlers = Partial<Record<CommandId, Handler>>;

const prefixMs = 1000;

export class Keyboard {
  readonly #layers: Handlers[] = [];
  readonly #singleKeys: () => boolean;
  #prefix: { name: string; at: number } | null = null;

  constructor(singleKeys: () => boolean) {
    this.#singleKeys = singleKeys;
  }

  /** Registers handlers until the returned function is called. */
  register(handlers: Handlers): () => void {
    this.#layers.push(handlers);
    return () => {
      const at = this.#layers.indexOf(handlers);
      if (at >= 0) this.#layers.splice(at, 1);
    };
  }

  handlerOf(id: CommandId): Handler | null {
    for (let at = this.#layers.length - 1; at >= 0; at -= 1) {
      const handler = this.#layers[at]?.[id];
      if (handler) return handler;
    }
    return null;
  }

  run(id: CommandId): void {
    this.handlerOf(id)?.(0);
  }

  listen(target: Window): () => void {
    const pressed = (event: KeyboardEvent): void => this.#pressed(event);
    target.addEventListener('keydown', pressed);
    return () => target.removeEventListener('keydown', pressed);
  }

  #pressed(event: KeyboardEvent): void {
    if (event.defaultPrevented || event.isComposing) return;
    const name = strokeOf(event);
    if (name === null) return;
    const prefix = this.#prefix !== null && event.timeStamp - this.#prefix.at <= prefixMs ? this.#prefix.name : null;
    this.#prefix = null;
    if (isSingleKey(name) && (!this.#singleKeys() || !this.#mayType(event, name))) return;
    // While a dialog is open, the page below does not react.
    if (document.querySelector('dialog[open]') !== null && !name.startsWith('Mod+') && name !== 'Space') return;
    const found = match(name, prefix, currentTable());
    if (found) {
      const handler = this.handlerOf(found.command.id);
      if (!handler) return;
      event.preventDefault();
      if (!event.repeat || found.command.repeats === true) handler(found.index);
      return;
    }
    if (prefix !== null) {
      event.preventDefault();
      return;
    }
    if (isPrefix(name, currentTable())) this.#prefix = { name, at: event.timeStamp };
  }

  #mayType(event: KeyboardEvent, name: string): boolean {
    const target = event.target;
    if (!(target instanceof HTMLElement)) return true;
    if (target.isContentEditable) return false;
    const input = target.closest('input, textarea, select');
    if (input !== null) {
      const type = input instanceof HTMLInputElement ? input.type : '';
      return (type === 'range' || type === 'checkbox' || type === 'radio') && !name.startsWith('Arrow') && name !== 'Space';
    }
    if (name === 'Space')
      return target.closest('button, a[href], summary, [role="button"], [role="tab"], [role="menuitem"], [role="option"]') === null;
    if (name.startsWith('Arrow')) return target.closest('[role="slider"], [role="tablist"], [role="menu"], [role="grid"]') === null;
    return target.closest('[role="grid"]') === null;
  }
}
