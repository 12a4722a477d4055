// Recomputes the contrast of every token pair the design promises, in both themes, from the one file with hex values.
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';

const css = readFileSync('src/styles/tokens.css', 'utf8');

function theme(name: 'dark' | 'light'): Map<string, string> {
  const start = css.indexOf(`:root[data-theme='${name}'] {`);
  const block = css.slice(start, css.indexOf('}', start));
  return new Map(Array.from(block.matchAll(/--([\w-]+):\s*(#[0-9a-f]{6});/gu), ([, token, value]) => [token ?? '', value ?? '']));
}

function luminance(hex: string): number {
  const [r = 0, g = 0, b = 0] = [1, 3, 5].map((at) => {
    const share = Number.parseInt(hex.slice(at, at + 2), 16) / 255;
    return share <= 0.040_45 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4;
  });
  return 0.2126 * r + 0.7152 * g + 0.0722 * b;
}

function contrast(a: string, b: string): number {
  const [light = 0, dark = 0] = [luminance(a), luminance(b)].sort((x, y) => y - x);
  return (light + 0.05) / (dark + 0.05);
}

const grounds = ['bg0', 'bg1', 'bg2', 'bg3'];

describe.each(['dark', 'light'] as const)('the %s theme', (name) => {
  const tokens = theme(name);
  const colour = (token: string): string => {
    const value = tokens.get(token);
    if (value === undefined) throw new Error(`no token ${token}`);
    return value;
  };
  const worst = (token: string, on: string[]): number => Math.min(...on.map((ground) => contrast(colour(token), colour(ground))));

  it.each(['text', 'text2', 'text3', 'accent', 'lane-a', 'lane-b', 'difference', 'ok', 'warn', 'bad'])(
    'shows %s at 4.5 to 1 or better on every ground',
    (token) => {
      expect(worst(token, grounds)).toBeGreaterThanOrEqual(4.5);
    },
  );

  it.each(['edge', 'wave-idle', 'focus'])('shows %s at 3 to 1 or better on every ground', (token) => {
    expect(worst(token, grounds)).toBeGreaterThanOrEqual(3);
  });

  it('shows words on the primary button at 4.5 to 1 or better', () => {
    expect(contrast(colour('on-fill'), colour('accent-fill'))).toBeGreaterThanOrEqual(4.5);
    expect(worst('accent-fill', ['bg0', 'bg1', 'bg2'])).toBeGreaterThanOrEqual(3);
  });

  it.each(['added', 'removed', 'changed'])('shows text on %s cells at 7 to 1 or better', (ground) => {
    expect(contrast(colour('text'), colour(ground))).toBeGreaterThanOrEqual(7);
  });

  it('makes neither A nor B look better by lightness', () => {
    expect(contrast(colour('lane-a'), colour('lane-b'))).toBeLessThan(1.2);
  });
});

// The table rounds; a tenth either way is the same colour.
it.each([
  ['dark', '12.3 7.4 4.9 3.5 6.7 8.1 7.6 5.8 7.4 9.2 5.7 3.9 10.4'],
  ['light', '13.9 6.8 4.7 3.4 4.7 5.1 4.7 5.0 5.4 5.1 5.2 3.7 4.7'],
] as const)('the worst cases of the %s theme are those of the design table', (name, figures) => {
  const tokens = theme(name);
  const table = ['text', 'text2', 'text3', 'edge', 'accent', 'lane-a', 'lane-b', 'difference', 'ok', 'warn', 'bad', 'wave-idle', 'focus'];
  const promised = figures.split(' ').map(Number);
  table.forEach((token, at) => {
    const worst = Math.min(...grounds.map((ground) => contrast(tokens.get(token) ?? '', tokens.get(ground) ?? '')));
    expect(Math.abs(worst - (promised[at] ?? 0)), token).toBeLessThanOrEqual(0.1);
  });
});
