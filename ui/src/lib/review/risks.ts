// What of a proposal deserves a second look before it is approved: as the library found it, and what only the screen knows. Pure.
import type { CellChangeView } from '../ipc/generated/CellChangeView';
import type { ProposalDetail } from '../ipc/generated/ProposalDetail';
import { thingOf } from './choices';

export type RiskKind =
  | 'schema'
  | 'deletions'
  | 'replaced_approval'
  | 'retired'
  | 'shares'
  | 'identifiers'
  | 'cleared'
  | 'hidden_characters'
  | 'no_base'
  | 'stale'
  | 'self_approval'
  | 'unverified'
  | 'other';

export interface Risk {
  kind: RiskKind;
  count: number;
  /** Which changes it is about. */
  concerns: (change: CellChangeView) => boolean;
}

const known: ReadonlySet<string> = new Set([
  'schema',
  'deletions',
  'replaced_approval',
  'retired',
  'shares',
  'identifiers',
  'cleared',
  'hidden_characters',
  'no_base',
]);

export function risksOf(detail: ProposalDetail): Risk[] {
  const found: Risk[] = detail.risks.map(({ risk, changes }) => {
    const places = new Set(changes.map((index) => detail.changes[index]));
    // A risk of a newer library is looked at like any other.
    const count = new Set(Array.from(places, (change) => (change ? thingOf(change) : ''))).size;
    return { kind: known.has(risk) ? (risk as RiskKind) : 'other', count, concerns: (change) => places.has(change) };
  });
  const all = (): boolean => true;
  if (detail.mergeability === 'stale_clean') found.push({ kind: 'stale', count: 1, concerns: all });
  if (detail.self_approval) found.push({ kind: 'self_approval', count: 1, concerns: all });
  if (!detail.verified) found.push({ kind: 'unverified', count: 1, concerns: all });
  return found;
}
