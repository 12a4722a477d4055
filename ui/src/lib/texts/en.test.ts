import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { t } from './en';

/** Every text, functions called with sample values. */
function texts(value: unknown, path = ''): [string, string][] {
  if (typeof value === 'string') return [[path, value]];
  if (typeof value === 'function') {
    return [1, 2, 1000].flatMap((number) => texts((value as (...args: unknown[]) => unknown)(number, number, number), path));
  }
  if (typeof value === 'object' && value !== null) return Object.entries(value).flatMap(([key, each]) => texts(each, `${path}.${key}`));
  return [];
}

// Roles, kinds and the like take words, not numbers.
const { role, roleMeans, kind, proposalStatus, ...counted } = t;

describe('the texts', () => {
  it('are calm and plain', () => {
    const jargon = /!|\b(commit|branch|merge|push|pull request|blob|hash|sha)\b/iu;
    expect(texts(counted).filter(([, text]) => jargon.test(text))).toEqual([]);
  });

  it('count by plural rules', () => {
    expect(t.library.versionsCount(1)).toBe('1 version');
    expect(t.library.versionsCount(0)).toBe('0 versions');
    expect(t.library.versionsCount(1000)).toBe('1,000 versions');
    expect(t.inbox.apply(212, 3, 41)).toBe('Apply 212 changes, 3 deletions to catalogue 41');
    expect(t.inbox.apply(1, 0, 41)).toBe('Apply 1 change to catalogue 41');
  });

  it('show words of a newer program as they are', () => {
    expect(role('engineer')).toBe('engineer');
    expect(roleMeans('engineer')).toBe('');
    expect(kind('sketch')).toBe('Sketch');
    expect(proposalStatus('parked')).toBe('parked');
  });

  it('say every name that the guide to proposals and the catalogue sends people to', () => {
    const guide = readFileSync('../docs/user-guide.md', 'utf8');
    const chapters = guide.slice(guide.indexOf('## 4.'), guide.indexOf('## 6.')).replace(/\s+/gu, ' ');
    const names = Array.from(chapters.matchAll(/\*\*([^*]+)\*\*|\*([^*]+)\*/gu), ([, bold, italic]) => bold ?? italic ?? '');
    // Words that are stressed, names made of what a project calls its columns or of several numbers, and what depends on more than numbers.
    const others = [
      'proposal',
      'as CSV',
      'right-to-left override',
      'Missing ISRC 3',
      'Apply 5 changes to catalogue 41',
      'New versions',
      'may overwrite newer values',
    ];
    const said = texts(counted).map(([, text]) => text);
    const isSaid = (name: string): boolean => {
      const words = new RegExp(name.replace(/[.*+?^${}()|[\]\\]/gu, '\\$&').replace(/\d+/gu, '[\\d,]+'), 'iu');
      return said.some((text) => words.test(text));
    };
    expect(names.length).toBeGreaterThan(30);
    expect(names.filter((name) => !others.includes(name) && !isSaid(name))).toEqual([]);
  });
});
