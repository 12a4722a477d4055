// Every command of the app with its keys: drives the shortcuts, the shortcut sheet and the palette. Pure.
export type CommandId =
  | 'play'
  | 'back'
  | 'forward'
  | 'back-little'
  | 'forward-little'
  | 'flip'
  | 'previous'
  | 'next'
  | 'loop-in'
  | 'loop-out'
  | 'loop'
  | 'level-match'
  | 'blind'
  | 'difference'
  | 'zoom-in'
  | 'zoom-out'
  | 'fit'
  | 'slot'
  | 'other-slot'
  | 'approve'
  | 'ask'
  | 'later'
  | 'undo'
  | 'palette'
  | 'find'
  | 'help'
  | 'inspector'
  | 'go-library'
  | 'go-inbox'
  | 'go-catalogue'
  | 'go-activity'
  | 'go-settings'
  | 'check-file'
  | 'ui-larger'
  | 'ui-smaller'
  | 'ui-normal'
  | 'next-region'
  | 'close';

export type KeyGroup = 'listening' | 'comparing' | 'review' | 'moving' | 'window';

export interface KeyCommand {
  id: CommandId;
  group: KeyGroup;
  /** One stroke ("X", "Shift+L", "Mod+K") or two in turn ("G L"). */
  keys: readonly string[];
  /** Holding the key down repeats it. */
  repeats?: boolean;
  /** Offered in the palette. */
  inPalette?: boolean;
}

const digits = ['1', '2', '3', '4', '5', '6', '7', '8', '9'];

export const commandTable: readonly KeyCommand[] = [
  { id: 'play', group: 'listening', keys: ['Space', 'K'], inPalette: true },
  { id: 'back', group: 'listening', keys: ['J'], repeats: true },
  { id: 'forward', group: 'listening', keys: ['L'], repeats: true },
  { id: 'back-little', group: 'listening', keys: ['Shift+J'], repeats: true },
  // Shift+L is the loop.
  { id: 'forward-little', group: 'listening', keys: ['Shift+K'], repeats: true },
  { id: 'loop-in', group: 'listening', keys: ['['], inPalette: true },
  { id: 'loop-out', group: 'listening', keys: [']'], inPalette: true },
  { id: 'loop', group: 'listening', keys: ['Shift+L'], inPalette: true },
  { id: 'flip', group: 'comparing', keys: ['X'], inPalette: true },
  { id: 'level-match', group: 'comparing', keys: ['V'], inPalette: true },
  { id: 'blind', group: 'comparing', keys: ['Shift+B'], inPalette: true },
  { id: 'difference', group: 'comparing', keys: ['Shift+D'], inPalette: true },
  { id: 'slot', group: 'comparing', keys: digits },
  { id: 'other-slot', group: 'comparing', keys: digits.map((digit) => `Shift+${digit}`) },
  { id: 'previous', group: 'comparing', keys: ['ArrowUp'], repeats: true },
  { id: 'next', group: 'comparing', keys: ['ArrowDown'], repeats: true },
  { id: 'zoom-in', group: 'comparing', keys: ['+', '='], repeats: true, inPalette: true },
  { id: 'zoom-out', group: 'comparing', keys: ['-'], repeats: true, inPalette: true },
  { id: 'fit', group: 'comparing', keys: ['F'], inPalette: true },
  { id: 'approve', group: 'review', keys: ['A'], inPalette: true },
  { id: 'ask', group: 'review', keys: ['R'], inPalette: true },
  { id: 'later', group: 'review', keys: ['H'], inPalette: true },
  { id: 'undo', group: 'review', keys: ['Mod+Z'] },
  { id: 'palette', group: 'moving', keys: ['Mod+K'] },
  { id: 'find', group: 'moving', keys: ['Mod+F'] },
  { id: 'go-library', group: 'moving', keys: ['G L'], inPalette: true },
  { id: 'go-inbox', group: 'moving', keys: ['G I'], inPalette: true },
  { id: 'go-catalogue', group: 'moving', keys: ['G C'], inPalette: true },
  { id: 'go-activity', group: 'moving', keys: ['G A'], inPalette: true },
  { id: 'go-settings', group: 'moving', keys: ['G S'], inPalette: true },
  { id: 'check-file', group: 'review', keys: ['G F'], inPalette: true },
  { id: 'next-region', group: 'moving', keys: ['F6'] },
  { id: 'close', group: 'moving', keys: ['Escape'] },
  { id: 'help', group: 'window', keys: ['?'], inPalette: true },
  { id: 'inspector', group: 'window', keys: ['Mod+I'], inPalette: true },
  { id: 'ui-larger', group: 'window', keys: ['Mod++', 'Mod+='], repeats: true, inPalette: true },
  { id: 'ui-smaller', group: 'window', keys: ['Mod+-'], repeats: true, inPalette: true },
  { id: 'ui-normal', group: 'window', keys: ['Mod+0'], inPalette: true },
];

/** The parts of a key event the table looks at. */
export interface KeyStroke {
  key: string;
  code: string;
  shiftKey: boolean;
  ctrlKey: boolean;
  metaKey: boolean;
  altKey: boolean;
  altGraph: boolean;
}

const modifiers = new Set(['Shift', 'Control', 'Alt', 'AltGraph', 'Meta', 'CapsLock', 'Dead', 'Process', 'Unidentified']);
const byCode = new Set(['Space', 'ArrowUp', 'ArrowDown', 'ArrowLeft', 'ArrowRight', 'Escape', 'Enter', 'Tab', 'F6']);

/** The name of what was pressed; see `strokeName`. */
export function strokeOf(event: KeyboardEvent): string | null {
  const { key, code, shiftKey, ctrlKey, metaKey, altKey } = event;
  return strokeName({ key, code, shiftKey, ctrlKey, metaKey, altKey, altGraph: event.getModifierState('AltGraph') });
}

/** The name of a stroke as the table writes it, or null for keys that are no stroke. */
export function strokeName(event: KeyStroke): string | null {
  if (modifiers.has(event.key)) return null;
  // AltGr types marks; it is not Ctrl with Alt.
  const control = (event.ctrlKey || event.metaKey) && !event.altGraph;
  const alt = event.altKey && !event.altGraph;
  let name: string;
  let shift = event.shiftKey;
  if (byCode.has(event.code)) name = event.code;
  else if (/^Digit[1-9]$/u.test(event.code) && event.shiftKey && !control) name = event.code.slice(5);
  else if (/^[a-z]$/iu.test(event.key)) name = event.key.toUpperCase();
  else {
    name = event.key;
    // The mark already says which keys were held.
    shift = false;
  }
  return `${control ? 'Mod+' : ''}${alt ? 'Alt+' : ''}${shift ? 'Shift+' : ''}${name}`;
}

/** Whether a stroke is a single key: no modifier that keeps it from being typed by accident or speech. */
export function isSingleKey(name: string): boolean {
  return !name.startsWith('Mod+') && !name.startsWith('Alt+') && !/^F\d+$/u.test(name) && !['Escape', 'Tab', 'Enter'].includes(name);
}

export interface Match {
  command: KeyCommand;
  /** Which of the command's keys: 0 for the first. */
  index: number;
}

/** The command of a stroke, after `prefix` ("G") when that was pressed within a second. */
export function match(name: string, prefix: string | null, table: readonly KeyCommand[] = commandTable): Match | null {
  const wanted = prefix === null ? name : `${prefix} ${name}`;
  for (const command of table) {
    const index = command.keys.indexOf(wanted);
    if (index >= 0) return { command, index };
  }
  return null;
}

/** Whether a stroke opens a sequence of two. */
export function isPrefix(name: string, table: readonly KeyCommand[] = commandTable): boolean {
  return table.some((command) => command.keys.some((keys) => keys.startsWith(`${name} `)));
}

/** Keys somebody chose: one stroke for a command, in place of all it usually has. */
export type OwnKeys = Partial<Record<CommandId, string>>;

/** The table with the keys somebody chose. */
export function withKeys(own: OwnKeys): readonly KeyCommand[] {
  return commandTable.map((command) => {
    const stroke = own[command.id];
    return stroke === undefined ? command : { ...command, keys: [stroke] };
  });
}

/** Whether a command can have another key: not where the keys are counted, nor what closes things everywhere. */
export function isChangeable(command: KeyCommand): boolean {
  return command.keys.length <= 2 && command.id !== 'close';
}

/** Whether a stroke may be a shortcut: what moves the focus and answers dialogs may not. */
export function mayBeKey(stroke: string): boolean {
  return !/(?:^|\+)(?:Tab|Enter|Escape)$/u.test(stroke);
}

/** The other command that has a stroke already, or begins with it. */
export function takenBy(stroke: string, id: CommandId, table: readonly KeyCommand[]): KeyCommand | null {
  const has = (keys: string): boolean => keys === stroke || keys.startsWith(`${stroke} `);
  return table.find((command) => command.id !== id && command.keys.some(has)) ?? null;
}

/** What was remembered of chosen keys, without what can be no key, or no longer: a command may have got that key since. */
export function ownKeysOf(saved: unknown): OwnKeys {
  if (typeof saved !== 'object' || saved === null) return {};
  let own: OwnKeys = {};
  for (const command of commandTable.filter(isChangeable)) {
    const stroke = (saved as Record<string, unknown>)[command.id];
    if (typeof stroke === 'string' && stroke !== '' && !stroke.includes(' ') && mayBeKey(stroke)) own = { ...own, [command.id]: stroke };
  }
  // Chosen keys may have changed places, so each is looked at beside all of them.
  for (const [id, stroke] of Object.entries(own) as [CommandId, string][]) {
    if (takenBy(stroke, id, withKeys(own)) !== null) own = Object.fromEntries(Object.entries(own).filter(([other]) => other !== id));
  }
  return own;
}

/** Keys two commands share, which must be none. */
export function conflicts(table: readonly KeyCommand[] = commandTable): string[] {
  const seen = new Map<string, CommandId>();
  const found: string[] = [];
  for (const command of table) {
    for (const keys of command.keys) {
      const other = seen.get(keys);
      if (other !== undefined) found.push(`${keys}: ${other}, ${command.id}`);
      seen.set(keys, command.id);
    }
  }
  return found;
}
