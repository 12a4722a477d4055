import { describe, expect, it } from 'vitest';
import type { ProposalDetail } from '../ipc/generated/ProposalDetail';
import { FakeBackend } from '../ipc/fake/studio';
import { id } from '../ipc/fake/seed';
import { characterDiff } from './chardiff';
import { hasHidden, pieces } from './hidden';
import { risksOf } from './risks';

const join = (runs: { text: string }[]): string => runs.map((run) => run.text).join('');

describe('the character diff', () => {
  it('marks only what differs', () => {
    const { from, to } = characterDiff('Night Drive', 'Night Drive (Edit)');
    expect(from).toEqual([{ text: 'Night Drive', same: true }]);
    expect(to).toEqual([
      { text: 'Night Drive', same: true },
      { text: ' (Edit)', same: false },
    ]);
  });

  it('keeps both values whole', () => {
    for (const [a, b] of [
      ['QZABC2600007', 'QZABC2600017'],
      ['', 'x'],
      ['a👩‍🎤b', 'a👩‍🚀b'],
      ['x'.repeat(900), 'y'.repeat(900)],
    ] as const) {
      const { from, to } = characterDiff(a, b);
      expect(join(from)).toBe(a);
      expect(join(to)).toBe(b);
    }
  });

  it('never cuts a composed character apart', () => {
    const { to } = characterDiff('a👩‍🎤b', 'a👩‍🚀b');
    expect(to.map((run) => run.text)).toEqual(['a', '👩‍🚀', 'b']);
  });

  it('does not scatter single letters two unlike words share', () => {
    const { to } = characterDiff('Harbour', 'Stone');
    expect(to).toHaveLength(1);
  });
});

describe('invisible characters', () => {
  it('get a name and a place', () => {
    expect(pieces('Harbour\u200b Lights')).toEqual([
      { text: 'Harbour', mark: null },
      { text: '\u200b', mark: 'zero-width space' },
      { text: ' Lights', mark: null },
    ]);
    expect(hasHidden('a\u202eb')).toBe(true);
    expect(hasHidden('a\u00a0b')).toBe(true);
    expect(hasHidden('plain')).toBe(false);
    expect(hasHidden(null)).toBe(false);
  });

  it('that build an emoji are part of the picture', () => {
    expect(hasHidden('👩‍🎤')).toBe(false);
  });
});

describe('risks', () => {
  const of = (n: number): Promise<ProposalDetail> => new FakeBackend().call('proposal', { changeSet: id('chg', n) });

  it('name cleared cells, changed identifiers and invisible characters', async () => {
    expect(risksOf(await of(3)).map((risk) => [risk.kind, risk.count])).toEqual([
      ['cleared', 1],
      ['identifiers', 1],
      ['hidden', 1],
    ]);
  });

  it('name a replaced approved version but not a new identifier', async () => {
    expect(risksOf(await of(1)).map((risk) => risk.kind)).toEqual(['replaces']);
    expect(risksOf(await of(2))).toEqual([]);
  });
});
