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
});
