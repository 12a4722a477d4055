import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { t } from '../texts/en';
import { Keyboard } from './keyboard';
import { setTable } from './current.svelte';
import { commandTable, conflicts, isPrefix, isSingleKey, match, mayBeKey, strokeName, takenBy, withKeys, type KeyStroke } from './table';

function stroke(more: Partial<KeyStroke>): KeyStroke {
  return { key: '', code: '', shiftKey: false, ctrlKey: false, metaKey: false, altKey: false, altGraph: false, ...more };
}

describe('the command table', () => {
  it('gives no key to two commands', () => {
    expect(conflicts()).toEqual([]);
  });

  it('has a word for every command, and a command for every word', () => {
    for (const command of commandTable) expect(t.commands[command.id]).not.toBe('');
    expect(Object.keys(t.commands).sort()).toEqual(commandTable.map((command) => command.id).sort());
  });

  it('goes a second back and forward by neighbouring keys', () => {
    expect(match('Shift+J', null)?.command.id).toBe('back-little');
    expect(match('Shift+K', null)?.command.id).toBe('forward-little');
  });

  it('finds single keys, sequences and digits', () => {
    expect(match('X', null)?.command.id).toBe('flip');
    expect(match('L', 'G')?.command.id).toBe('go-library');
    expect(match('L', null)?.command.id).toBe('forward');
    expect(match('Shift+3', null)).toMatchObject({ command: { id: 'other-slot' }, index: 2 });
    expect(match('Q', null)).toBeNull();
    expect(isPrefix('G')).toBe(true);
    expect(isPrefix('X')).toBe(false);
  });
});

describe('chosen keys', () => {
  it('name the command that has one already, also where it only begins with it', () => {
    expect(takenBy('X', 'fit', commandTable)?.id).toBe('flip');
    expect(takenBy('X', 'flip', commandTable)).toBeNull();
    expect(takenBy('G', 'fit', commandTable)?.id).toBe('go-library');
    expect(takenBy('Q', 'fit', commandTable)).toBeNull();
    expect(takenBy('X', 'fit', withKeys({ flip: 'Q' }))).toBeNull();
  });

  it('are never what moves the focus or answers a dialog', () => {
    expect(['Tab', 'Shift+Tab', 'Enter', 'Mod+Enter', 'Escape'].filter(mayBeKey)).toEqual([]);
    expect(['X', 'Space', 'Mod+K', 'F6', '+'].filter(mayBeKey)).toHaveLength(5);
  });
});

describe('strokes', () => {
  it('are named by letter, by mark, and by place for space and arrows', () => {
    expect(strokeName(stroke({ key: 'x', code: 'KeyX' }))).toBe('X');
    expect(strokeName(stroke({ key: 'L', code: 'KeyL', shiftKey: true }))).toBe('Shift+L');
    expect(strokeName(stroke({ key: '?', code: 'Slash', shiftKey: true }))).toBe('?');
    expect(strokeName(stroke({ key: ' ', code: 'Space' }))).toBe('Space');
    expect(strokeName(stroke({ key: '!', code: 'Digit1', shiftKey: true }))).toBe('Shift+1');
    expect(strokeName(stroke({ key: 'k', code: 'KeyK', ctrlKey: true }))).toBe('Mod+K');
    expect(strokeName(stroke({ key: 'Shift', code: 'ShiftLeft', shiftKey: true }))).toBeNull();
  });

  it('with AltGr are the mark they type, not a shortcut', () => {
    expect(strokeName(stroke({ key: '[', code: 'Digit8', ctrlKey: true, altKey: true, altGraph: true }))).toBe('[');
  });

  it('on a French layout follow the letter, not the place', () => {
    expect(strokeName(stroke({ key: 'a', code: 'KeyQ' }))).toBe('A');
  });

  it('know which ones can be typed by accident', () => {
    expect(isSingleKey('X')).toBe(true);
    expect(isSingleKey('Shift+L')).toBe(true);
    expect(isSingleKey('Mod+K')).toBe(false);
    expect(isSingleKey('Escape')).toBe(false);
  });
});

describe('the keyboard', () => {
  let single = true;
  let stop: () => void;
  let keyboard: Keyboard;

  beforeEach(() => {
    single = true;
    keyboard = new Keyboard(() => single);
    stop = keyboard.listen(window);
  });

  afterEach(() => {
    stop();
    document.body.replaceChildren();
  });

  function press(key: string, target: EventTarget = document.body, more: KeyboardEventInit = {}): KeyboardEvent {
    const event = new KeyboardEvent('keydown', {
      key,
      code: key === ' ' ? 'Space' : `Key${key.toUpperCase()}`,
      bubbles: true,
      cancelable: true,
      ...more,
    });
    target.dispatchEvent(event);
    return event;
  }

  function add(tag: string, attributes: Record<string, string> = {}): HTMLElement {
    const element = document.createElement(tag);
    for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
    document.body.append(element);
    return element;
  }

  it('calls the newest handler and falls back when it goes', () => {
    const below = vi.fn();
    const above = vi.fn();
    keyboard.register({ flip: below });
    const gone = keyboard.register({ flip: above });
    press('x');
    gone();
    press('x');
    expect(above).toHaveBeenCalledTimes(1);
    expect(below).toHaveBeenCalledTimes(1);
  });

  it('follows the keys somebody chose', () => {
    const flip = vi.fn();
    keyboard.register({ flip });
    setTable(withKeys({ flip: 'Q' }));
    press('x');
    press('q');
    setTable(commandTable);
    press('x');
    expect(flip).toHaveBeenCalledTimes(2);
  });

  it('leaves typing alone', () => {
    const flip = vi.fn();
    const palette = vi.fn();
    keyboard.register({ flip, palette });
    const input = add('input');
    press('x', input);
    press('x', document.body, { isComposing: true });
    press('k', input, { ctrlKey: true });
    expect(flip).not.toHaveBeenCalled();
    expect(palette).toHaveBeenCalledTimes(1);
  });

  it('lets Space press a focused button', () => {
    const play = vi.fn();
    keyboard.register({ play });
    expect(press(' ', add('button')).defaultPrevented).toBe(false);
    press(' ');
    expect(play).toHaveBeenCalledTimes(1);
  });

  it('keeps single keys out of the grid and off when switched off', () => {
    const flip = vi.fn();
    keyboard.register({ flip });
    press('x', add('div', { role: 'grid' }));
    single = false;
    press('x');
    expect(flip).not.toHaveBeenCalled();
  });

  it('repeats only what may repeat', () => {
    const flip = vi.fn();
    const forward = vi.fn();
    keyboard.register({ flip, forward });
    press('x', document.body, { repeat: true });
    press('l', document.body, { repeat: true });
    expect(flip).not.toHaveBeenCalled();
    expect(forward).toHaveBeenCalledTimes(1);
  });

  it('uses up the second key of a sequence', () => {
    const forward = vi.fn();
    const library = vi.fn();
    keyboard.register({ forward, 'go-library': library });
    press('g');
    press('l');
    press('l');
    expect(library).toHaveBeenCalledTimes(1);
    expect(forward).toHaveBeenCalledTimes(1);
  });

  it('does not reach behind an open dialog', () => {
    const approve = vi.fn();
    keyboard.register({ approve });
    add('dialog', { open: '' });
    press('a');
    expect(approve).not.toHaveBeenCalled();
  });
});
