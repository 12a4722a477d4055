// How a stroke is written for people.
const mac = navigator.platform.startsWith('Mac');
const marks: Record<string, string> = { Mod: mac ? '⌘' : 'Ctrl', ArrowUp: '↑', ArrowDown: '↓', Escape: 'Esc', '-': '−' };

/** "Mod+K" → ["Ctrl", "K"]; "Mod++" ends in a plus. */
export function strokeParts(stroke: string): string[] {
  const names = stroke.endsWith('++') ? [...stroke.slice(0, -2).split('+'), '+'] : stroke === '+' ? ['+'] : stroke.split('+');
  return names.map((name) => marks[name] ?? name);
}

/** The keys of a command that are worth showing: of counted ones the first and the last. */
export function shownKeys(keys: readonly string[]): readonly string[] {
  return keys.length > 2 ? [keys[0] ?? '', keys.at(-1) ?? ''] : keys.filter((each) => each !== '=' && each !== 'Mod+=');
}
