import { describe, expect, it } from 'vitest';
import { importView } from '../ipc/fake/imports';
import type { ImportRemark } from '../ipc/generated/ImportRemark';
import type { RepairView } from '../ipc/generated/RepairView';
import { blanksOf, noAnswers, offersOf, offersOfOne } from './answers';

function remark(code: string, more: Partial<ImportRemark>): ImportRemark {
  return { code, line: 2, column: 'length', message: '', expected: '', found: '', repair: `${code}:length`, suggestions: [], ...more };
}

function group(remarks: readonly ImportRemark[], count = remarks.length): RepairView {
  const [first] = remarks;
  if (!first) throw new Error('a group has remarks');
  return { repair: first.repair, code: first.code, column: first.column, count, title: '' };
}

describe('what can be done about a problem', () => {
  it('a length without unit takes its suggestion, not a comma', () => {
    const remarks = [remark('ambiguous', { found: '“225”', suggestions: ['3m45.000s'] })];
    const offers = offersOf(group(remarks), remarks);
    expect(offers.map((offer) => offer.label)).toEqual(['Use 3m45.000s']);
    expect(offers[0]?.settle(noAnswers).accepted).toEqual([[2, 'length']]);
    const many = [...remarks, remark('ambiguous', { line: 3, found: '“225.5”', suggestions: ['3m45.500s'] })];
    const all = offersOf(group(many), many);
    expect(all.map((offer) => offer.label)).toEqual(['Use the suggestions for all 2']);
    expect(all[0]?.settle(noAnswers).groups).toEqual({ 'ambiguous:length': 'accept' });
  });

  it('a number with a comma and a date with two readings are asked about once for the column', () => {
    const numbers = [remark('ambiguous', { found: '“1,234”', suggestions: ['1234.00', '1.23'] })];
    expect(offersOf(group(numbers), numbers)[0]?.settle(noAnswers).styles).toEqual({ length: { number: 'comma_decimal' } });
    const dates = [remark('ambiguous', { found: '“03/04/2026”', suggestions: ['2026-04-03', '2026-03-04'] })];
    expect(offersOf(group(dates), dates)).toHaveLength(2);
  });

  it('one answer is for everything a group counts, listed or not', () => {
    const listed = [remark('value', { suggestions: ['A'] }), remark('value', { line: 3, suggestions: ['B'] })];
    const [offer] = offersOf(group(listed, 50_000), listed);
    expect(offer?.label).toBe('Use the suggestions for all 50000');
    expect(offer?.settle(noAnswers)).toMatchObject({ groups: { 'value:length': 'accept' }, accepted: [] });
    const [, asNew] = offersOf({ ...group(listed, 50_000), code: 'natural_match', repair: 'natural_match' }, listed);
    expect(asNew?.settle(noAnswers).groups).toEqual({ natural_match: 'new' });
  });

  it('one remark is settled alone', () => {
    const settled = (one: ImportRemark) => offersOfOne(one).map((offer) => offer.settle(noAnswers));
    expect(settled(remark('damage', {}))[0]?.literal).toEqual([[2, 'length']]);
    const chosen = settled(remark('ambiguous', { suggestions: ['2026-04-03', '2026-03-04'] }));
    expect(chosen.map((answers) => answers.chosen)).toEqual([[[2, 'length', '2026-04-03']], [[2, 'length', '2026-03-04']]]);
    const rows = settled(remark('natural_match', { column: null, suggestions: ['trk_x'] })).map((answers) => answers.rows);
    expect(rows).toEqual([{ '2': { row: 'existing', id: 'trk_x' } }, { '2': { row: 'new' } }]);
    expect(settled(remark('value', {}))).toEqual([]);
    expect(settled(remark('value', { line: null, suggestions: ['A'] }))).toEqual([]);
  });

  it('clearing where the export is known is offered where it is not known everywhere', () => {
    expect(blanksOf(importView('tracks', 'fine'))).toEqual(['apply', 'ignore', 'fill_only']);
    expect(blanksOf(importView('tracks', 'columns'))).toEqual(['apply', 'apply_known', 'ignore', 'fill_only']);
  });
});
