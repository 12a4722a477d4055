// What of a proposal deserves a second look before it is approved. Pure.
import type { CellChangeView } from '../ipc/generated/CellChangeView';
import type { ProposalDetail } from '../ipc/generated/ProposalDetail';
import { hasHidden } from './hidden';

export type RiskKind = 'deleted' | 'cleared' | 'identifiers' | 'shares' | 'hidden' | 'schema' | 'replaces' | 'stale';

export interface Risk {
  kind: RiskKind;
  count: number;
  /** Which changes it is about. */
  concerns: (change: CellChangeView) => boolean;
}

const identifiers = new Set(['isrc', 'iswc', 'upc', 'gtin', 'ipi_name', 'ipi_base', 'isni', 'mbid', 'catalogue_number']);

export function risksOf(detail: ProposalDetail): Risk[] {
  const tests: [RiskKind, (change: CellChangeView) => boolean][] = [
    ['deleted', (change) => change.change === 'deleted'],
    ['cleared', (change) => change.change === 'cleared'],
    ['identifiers', (change) => change.from !== null && identifiers.has(change.field)],
    ['shares', (change) => change.from !== null && change.field === 'share'],
    ['hidden', (change) => hasHidden(change.to)],
    ['schema', (change) => change.field === '_schema'],
  ];
  const found: Risk[] = [];
  for (const [kind, concerns] of tests) {
    const count = detail.changes.filter(concerns).length;
    if (count > 0) found.push({ kind, count, concerns });
  }
  const replaced = detail.versions.filter((version) => version.approved !== null).length;
  if (replaced > 0) found.push({ kind: 'replaces', count: replaced, concerns: (change) => change.field === '_approved' });
  if (detail.mergeability === 'stale_clean') found.push({ kind: 'stale', count: 1, concerns: () => true });
  return found;
}
