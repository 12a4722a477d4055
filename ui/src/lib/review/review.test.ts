import { describe, expect, it } from 'vitest';
import type { ProposalDetail } from '../ipc/generated/ProposalDetail';
import { FakeBackend } from '../ipc/fake/studio';
import { id } from '../ipc/fake/seed';
import { characterDiff } from './chardiff';
import { hasHidden, pieces } from './hidden';
import { keyOf, kept, leftOut, opKeyOf, pick, settlement, toggled } from './choices';
import { risksOf } from './risks';
import { mixedWords } from './scripts';
import { newRow } from '../ipc/fake/proposals';
import { countColumns, countThings, countWords } from './summary';

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

  it('without a name of their own are drawn by their number', () => {
    for (const [hidden, mark] of [
      ['\u3000', 'unusual space U+3000'],
      ['\u2028', 'unusual space U+2028'],
      ['\u{e0041}', 'invisible character U+E0041'],
      ['\u3164', 'invisible character U+3164'],
      ['\u180e', 'invisible character U+180E'],
      ['\u0007', 'control character 07'],
    ] as const)
      expect(pieces(`a${hidden}b`).map((piece) => piece.mark)).toEqual([null, mark, null]);
    expect(hasHidden('Ünïcödé 李娜 नमस्ते ✌🏽 🇫🇷')).toBe(false);
  });

  it('that build an emoji are part of the picture', () => {
    expect(hasHidden('👩‍🎤')).toBe(false);
  });
});

describe('words that mix alphabets', () => {
  it('are told with their alphabets, ordinary names of any language are not', () => {
    expect(mixedWords('M\u0430ra and Νight Drive')).toEqual([
      { word: 'M\u0430ra', scripts: ['Latin', 'Cyrillic'] },
      { word: 'Νight', scripts: ['Latin', 'Greek'] },
    ]);
    for (const fine of ['Mara Lindqvist', 'Пётр Чайковский', 'Tokyo東京カラオケ', 'Ελένη', 'Beyoncé', 'Beyonce\u0301', 'α-ha', 'Борис B.'])
      expect(mixedWords(fine)).toEqual([]);
  });
});

describe('the summary', () => {
  it('counts by kind and by column, in the order the columns come', async () => {
    const { changes } = await new FakeBackend().call('proposal', { changeSet: id('chg', 3) });
    expect(countWords(changes)).toEqual([
      ['added', 1],
      ['changed', 3],
      ['cleared', 1],
    ]);
    const columns = countColumns(changes);
    expect(columns.map((column) => column.label).length).toBe(new Set(changes.map((change) => change.field)).size);
    expect(columns.flatMap((column) => column.counts.map(([, count]) => count)).reduce((sum, count) => sum + count, 0)).toBe(
      changes.length,
    );
  });
});

describe('a row that comes as a whole', () => {
  const rows = ['r1', 'r2'].flatMap((row) =>
    newRow(row, `Low Tide · ${row}`, [
      ['party', 'Party', row],
      ['share', 'Share', '50.00'],
    ]),
  );

  it('is shown cell by cell and counted once', () => {
    expect(rows).toHaveLength(4);
    expect(new Set(rows.map(keyOf)).size).toBe(4);
    expect(new Set(rows.map(opKeyOf))).toEqual(new Set(['r1 _row', 'r2 _row']));
    expect(countThings(rows)).toBe(2);
    expect(countWords(rows)).toEqual([['added', 2]]);
    expect(countColumns(rows).map(({ label, counts }) => [label, counts])).toEqual([
      ['Party', [['added', 2]]],
      ['Share', [['added', 2]]],
    ]);
  });

  it('is one thing of a risk, whatever cells it has', async () => {
    const detail = await new FakeBackend().call('proposal', { changeSet: id('chg', 3) });
    const risky = { ...detail, changes: rows, risks: [{ risk: 'shares', changes: [0, 1, 2, 3] }] };
    expect(risksOf(risky).map((risk) => [risk.kind, risk.count])).toEqual([['shares', 2]]);
  });

  it('is a column where the columns change, and no column to filter by', () => {
    const column = (name: string, key: string) => ({
      ...newRow('', `Tracks · ${name}`, [[`tracks.${name}.${key}`, key, 'x']])[0],
      part_of: '_schema',
    });
    const changes = [column('a', 'name'), column('a', 'type'), column('b', 'name')] as typeof rows;
    expect(countThings(changes)).toBe(2);
    expect(countColumns(changes)).toEqual([]);
  });
});

describe('risks', () => {
  const of = (n: number): Promise<ProposalDetail> => new FakeBackend().call('proposal', { changeSet: id('chg', n) });

  it('name cleared cells, changed identifiers and invisible characters', async () => {
    expect(risksOf(await of(3)).map((risk) => [risk.kind, risk.count])).toEqual([
      ['identifiers', 1],
      ['cleared', 1],
      ['hidden_characters', 1],
    ]);
  });

  it('name a replaced approved version but not a new identifier', async () => {
    expect(risksOf(await of(1)).map((risk) => risk.kind)).toEqual(['replaced_approval']);
    expect(risksOf(await of(2))).toEqual([]);
  });

  it('concern exactly the changes the library named, and a risk of a newer library is not lost', async () => {
    const detail = await of(3);
    const [identifiers] = risksOf(detail);
    expect(detail.changes.filter((change) => identifiers?.concerns(change)).map((change) => change.field)).toEqual(['isrc']);
    const newer = { ...detail, risks: [{ risk: 'hologram', changes: [0] }], self_approval: true, verified: false };
    expect(risksOf(newer).map((risk) => risk.kind)).toEqual(['other', 'self_approval', 'unverified']);
  });
});

describe('dividing and settling', () => {
  const ops = [
    { index: 0, row: 'a', field: 'title', group: 0 },
    { index: 1, row: 'b', field: '_row', group: 1 },
    { index: 2, row: 'b', field: '_approved', group: 1 },
  ];

  it('keeps together what belongs to one row', () => {
    const all = new Set(ops.map(keyOf));
    const without = pick(ops, all, 'b _row', false);
    expect(kept(ops, without)).toEqual([0]);
    expect(kept(ops, pick(ops, new Set(), 'b _approved', true))).toEqual([1, 2]);
  });

  it('leaves out what its author unticks, and nothing else', () => {
    expect(leftOut(ops, toggled(new Set(ops.map(keyOf)), 'b _row', false))).toEqual([1]);
    expect(leftOut(ops, new Set(ops.map(keyOf)))).toEqual([]);
  });

  it('sends nothing before every conflict has a choice', async () => {
    const { conflicts } = await new FakeBackend().call('proposal', { changeSet: id('chg', 7) });
    expect(conflicts).toHaveLength(2);
    const [first, second] = conflicts.map(keyOf);
    const one = new Map([[first ?? '', { choice: 'typed' as const, value: 'Harbour' }]]);
    expect(settlement(conflicts, one)).toBeNull();
    const both = new Map(one).set(second ?? '', { choice: 'current' as never, value: 'x' });
    expect(settlement(conflicts, both)?.map((choice) => [choice.choice, choice.value])).toEqual([
      ['typed', 'Harbour'],
      ['current', null],
    ]);
  });
});
