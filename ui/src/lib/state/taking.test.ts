import { describe, expect, it } from 'vitest';
import type { ProposedTrack } from '../ipc/generated/ProposedTrack';
import { chosen, filesOf, merge, move, planned, rename, setOut, shift, unclear } from './taking';

const version = (file: string, day: number) => ({
  files: [file],
  also: [],
  kind: 'mix',
  modified_at: `2026-03-0${day}T10:00:00.000Z`,
  size_bytes: 10,
});
const proposal: ProposedTrack[] = [
  { name: 'Low Tide', please_check: false, merge_with: null, versions: [version('a.wav', 1), version('c.wav', 3)] },
  { name: 'Low Tide 2', please_check: true, merge_with: 'Low Tide', versions: [version('b.wav', 2)] },
];
const shape = (tracks: readonly ProposedTrack[]) =>
  tracks.map((track) => `${track.name}: ${track.versions.flatMap((v) => v.files).join(' ')}`);

describe('a proposal for a folder', () => {
  it('goes back as it came when nothing is edited', () => {
    expect(chosen(planned(proposal))).toEqual(proposal);
    expect(filesOf(proposal)).toBe(3);
  });

  it('merges by time, moves, splits off, orders and leaves out', () => {
    const plan = planned(proposal);
    expect(shape(chosen(merge(plan, 1, 0)))).toEqual(['Low Tide: a.wav b.wav c.wav']);
    expect(shape(chosen(move(plan, 0, 1, 1, '')))).toEqual(['Low Tide: a.wav', 'Low Tide 2: b.wav c.wav']);
    expect(shape(chosen(move(plan, 0, 1, null, 'Ebb')))).toEqual(['Low Tide: a.wav', 'Low Tide 2: b.wav', 'Ebb: c.wav']);
    expect(shape(chosen(move(plan, 1, 0, 0, '')))).toEqual(['Low Tide: a.wav b.wav c.wav']);
    expect(shape(chosen(shift(plan, 0, 0, 1)))).toEqual(['Low Tide: c.wav a.wav', 'Low Tide 2: b.wav']);
    expect(shape(chosen(shift(plan, 0, 0, -1)))).toEqual(shape(proposal));
    expect(shape(chosen(setOut(plan, 1, 0, true)))).toEqual(['Low Tide: a.wav c.wav']);
    expect(shape(proposal)).toEqual(['Low Tide: a.wav c.wav', 'Low Tide 2: b.wav']);
  });

  it('says which names are missing or stand there twice', () => {
    const plan = planned(proposal);
    expect(unclear(plan)).toEqual({ nameless: 0, double: [] });
    expect(unclear(rename(plan, 1, ' Low Tide '))).toEqual({ nameless: 0, double: ['Low Tide'] });
    expect(unclear(rename(plan, 1, '  '))).toEqual({ nameless: 1, double: [] });
    expect(unclear(setOut(rename(plan, 1, ''), 1, 0, true))).toEqual({ nameless: 0, double: [] });
  });
});
