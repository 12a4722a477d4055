// The change sets of the made-up studio.
import type { CellChangeView } from '../generated/CellChangeView';
import type { CommentView } from '../generated/CommentView';
import type { HeardView } from '../generated/HeardView';
import type { ProposalDetail } from '../generated/ProposalDetail';
import { opKeyOf } from '../../review/choices';
import type { ProposedOpView } from '../generated/ProposedOpView';
import type { ProposalView } from '../generated/ProposalView';
import type { RiskView } from '../generated/RiskView';
import type { VersionView } from '../generated/VersionView';
import { fingerprintOf, id, type Seed } from './seed';

const hour = 3_600_000;

export function cell(
  row: string,
  rowLabel: string,
  field: string,
  fieldLabel: string,
  from: string | null,
  to: string | null,
): CellChangeView {
  const change = from === null ? 'added' : to === null ? (field === '_row' ? 'deleted' : 'cleared') : 'changed';
  const may_type = !field.startsWith('_');
  return { row, row_label: rowLabel, field, field_label: fieldLabel, from, to, change, part_of: null, may_type };
}

/** A new row with its cells, as the real library shows it. */
export function newRow(
  row: string,
  rowLabel: string,
  cells: readonly (readonly [field: string, label: string, to: string])[],
): CellChangeView[] {
  return cells.map(([field, label, to]) => ({ ...cell(row, rowLabel, field, label, null, to), part_of: '_row' }));
}

/** The operations behind changes: cells of one row that comes or goes are one. */
export function opsOf(changes: readonly CellChangeView[]): ProposedOpView[] {
  const places = new Map(changes.map((change) => [opKeyOf(change), { row: change.row, field: change.part_of ?? change.field }]));
  return Array.from(places.values(), (place, index) => ({ ...place, index, group: index }));
}

export function detailOf(proposal: ProposalView, key: number, more: Partial<ProposalDetail>): ProposalDetail {
  const changes = more.changes ?? [];
  return {
    proposal,
    reason: '',
    revision_digest: fingerprintOf(5000 + key),
    expected_head: fingerprintOf(6000),
    effect_digest: fingerprintOf(7000 + key),
    fingerprint: fingerprintOf(7000 + key).slice(0, 16),
    catalogue_number: 41,
    mergeability: 'clean',
    changes,
    versions: [],
    problems: [],
    revision: 1,
    verified: true,
    self_approval: false,
    ops: opsOf(changes),
    conflicts: [],
    risks: risksOf(changes),
    split_from: null,
    split_into: [],
    reverts: null,
    may_decide: proposal.status === 'open' && !proposal.is_yours,
    may_not_because: proposal.is_yours ? 'Somebody else decides your own proposals while another admin or owner is here.' : null,
    ...more,
  };
}

/** The risks that the real library finds, as far as the made-up changes have them. */
function risksOf(changes: CellChangeView[]): RiskView[] {
  const places = (match: (change: CellChangeView) => boolean) => changes.flatMap((change, index) => (match(change) ? [index] : []));
  const found: RiskView[] = [
    { risk: 'deletions', changes: places((change) => change.change === 'deleted') },
    { risk: 'replaced_approval', changes: places((change) => change.field === '_approved' && change.from !== null) },
    { risk: 'shares', changes: places((change) => change.field === 'share') },
    { risk: 'identifiers', changes: places((change) => change.from !== null && ['isrc', 'iswc', 'upc'].includes(change.field)) },
    { risk: 'cleared', changes: places((change) => change.change === 'cleared') },
    { risk: 'hidden_characters', changes: places((change) => /\u200b|[\u202a-\u202e\u2066-\u2069]/u.test(change.to ?? '')) },
  ];
  return found.filter((group) => group.changes.length > 0);
}

/** Nothing of a made-up version was heard yet. */
export function heardOf(version: VersionView): HeardView {
  return { version: version.id, duration_ms: version.duration_ms, heard_ms: 0, preview_ms: 0, ranges: [] };
}

/** Open comments of the album. */
export function comments(seed: Seed, now: number): CommentView[] {
  const version = seed.versions.find((each) => each.track === id('trk', 1) && each.number === 11);
  if (!version) return [];
  return [
    {
      id: id('cmt', 1),
      track: version.track,
      version: version.id,
      version_number: 11,
      from_ms: 64_000,
      to_ms: null,
      text: 'The vocal is too loud in the second line.',
      reply_to: null,
      author: 'Jun Park',
      is_yours: false,
      made_at: new Date(now - 50 * hour).toISOString(),
      resolved: false,
      resolved_by: null,
      is_sent: true,
      problem: null,
    },
  ];
}

export function proposals(seed: Seed, now: number, many = 0): ProposalDetail[] {
  const [album] = seed.projects;
  if (!album) return [];
  const entry = (key: number, title: string, hours: number, more: Partial<ProposalView> = {}): ProposalView => ({
    id: id('chg', key),
    project: album.id,
    project_name: album.name,
    title,
    author: 'Ada Osei',
    is_yours: false,
    status: 'open',
    created_at: new Date(now - hours * hour).toISOString(),
    op_count: 1,
    decided_by: null,
    decided_at: null,
    decision_reason: null,
    ...more,
  });
  const versionOf = (track: number, number: number) =>
    seed.versions.find((version) => version.track === id('trk', track) && version.number === number);
  const drive12 = versionOf(1, 12);
  const drive9 = versionOf(1, 9);
  const tide4 = versionOf(2, 4);
  if (!drive12 || !drive9 || !tide4) return [];
  const drive = id('trk', 1);
  const tide = id('trk', 2);
  const harbour = id('trk', 3);
  return [
    detailOf(entry(1, 'Night Drive: approve version 12', 2, { op_count: 3 }), 1, {
      reason: 'The vocal sits where we wanted it. Same arrangement as version 9.',
      changes: [
        cell(drive, 'Night Drive', '_approved', 'Approved version', 'Version 9', 'Version 12'),
        cell(drive, 'Night Drive', 'title', 'Title', 'Night Drive', 'Night Drive (Edit)'),
        cell(drive, 'Night Drive', 'isrc', 'ISRC', null, 'QZABC2600012'),
      ],
      versions: [
        { track: drive, track_name: 'Night Drive', proposed: drive12, approved: drive9, heard: heardOf(drive12), open_comments: [] },
      ],
    }),
    detailOf(entry(2, 'Low Tide: approve version 4', 31), 2, {
      reason: 'First full mix.',
      changes: [cell(tide, 'Low Tide', '_approved', 'Approved version', null, 'Version 4')],
      versions: [{ track: tide, track_name: 'Low Tide', proposed: tide4, approved: null, heard: heardOf(tide4), open_comments: [] }],
    }),
    detailOf(entry(3, 'Spring metadata', 48, { op_count: 5 }), 3, {
      reason: 'Numbers from the distributor, dates from the label plan.',
      changes: [
        cell(harbour, 'Harbour Lights', 'isrc', 'ISRC', 'QZABC2600007', 'QZABC2600017'),
        cell(harbour, 'Harbour Lights', 'title', 'Title', 'Harbour Lights', 'Harbour \u202eLights'),
        cell(tide, 'Low Tide', 'release_date', 'Release date', '2027-03-05', '2027-05-03'),
        cell(tide, 'Low Tide', 'composers', 'Composers', 'Mara Lindqvist', null),
        cell(harbour, 'Harbour Lights', 'bpm', 'BPM', null, '92.00'),
      ],
    }),
    detailOf(entry(7, 'Label corrections', 60, { author: 'Jun Park', op_count: 2 }), 7, {
      reason: 'As printed on the sleeve.',
      mergeability: 'conflict',
      effect_digest: null,
      changes: [cell(drive, 'Night Drive', 'bpm', 'BPM', '104.00', '104.50')],
      conflicts: [
        {
          op: 0,
          kind: 'cell',
          row: harbour,
          row_label: 'Harbour Lights',
          field: 'title',
          field_label: 'Title',
          was: 'Harbor Lights',
          proposed: 'Harbour Lights (Live)',
          now: 'Harbour Lights',
          may_type: true,
          may_take: true,
          changed_by: 'Ada Osei',
          changed_at: new Date(now - 20 * hour).toISOString(),
          changed_in: 'British spelling',
        },
        {
          op: 1,
          kind: 'deleted_but_edited',
          row: tide,
          row_label: 'Low Tide',
          field: '_row',
          field_label: 'Row',
          was: 'Low Tide',
          proposed: null,
          now: 'Low Tide',
          may_type: false,
          may_take: true,
          changed_by: 'Mara Lindqvist',
          changed_at: new Date(now - 10 * hour).toISOString(),
          changed_in: null,
        },
      ],
      problems: ['Harbour Lights · Title: proposed Harbour Lights (Live), but it is Harbour Lights by now.'],
    }),
    ...(many === 0
      ? []
      : [
          detailOf(entry(8, 'The whole back catalogue', 5, { op_count: many }), 8, {
            reason: 'Imported from the label.',
            changes: Array.from({ length: many }, (_, at) =>
              cell(id('trk', 10_000 + at), `Cue ${at + 1}`, 'label', 'Label', at % 3 === 0 ? null : `Old label ${at}`, `New label ${at}`),
            ),
          }),
        ]),
    detailOf(entry(4, 'Explicit flags', 20, { author: 'Mara Lindqvist', is_yours: true }), 4, {
      reason: 'Asked for by the label.',
      changes: [cell(drive, 'Night Drive', 'explicit', 'Explicit', null, 'not_explicit')],
    }),
    detailOf(
      entry(9, 'Splits of Low Tide', 26, {
        author: 'Mara Lindqvist',
        is_yours: true,
        status: 'changes_requested',
        op_count: 2,
        decided_by: 'Jun Park',
        decided_at: new Date(now - 3 * hour).toISOString(),
        decision_reason: 'Ben has 40, not 50.',
      }),
      9,
      {
        reason: 'As agreed in the studio.',
        changes: [
          ['Ada Osei', '50.00', 31],
          ['Ben Ito', '50.00', 32],
        ].flatMap(([party, share, key]) =>
          newRow(id('spl', Number(key)), `Low Tide · ${party}`, [
            ['track', 'Track', 'Low Tide'],
            ['right', 'Right', 'composition'],
            ['party', 'Party', String(party)],
            ['share', 'Share', String(share)],
          ]),
        ),
      },
    ),
    detailOf(
      entry(5, 'Night Drive: approve version 9', 310, {
        author: 'Mara Lindqvist',
        is_yours: true,
        status: 'approved',
        decided_by: 'Jun Park',
        decided_at: new Date(now - 300 * hour).toISOString(),
      }),
      5,
      {
        changes: [cell(drive, 'Night Drive', '_approved', 'Approved version', 'Version 8', 'Version 9')],
        may_not_because: 'Jun Park approved this.',
      },
    ),
    detailOf(
      entry(6, 'Rename Harbour Lights', 350, {
        status: 'rejected',
        decided_by: 'Jun Park',
        decided_at: new Date(now - 340 * hour).toISOString(),
        decision_reason: 'The booklet is already printed.',
      }),
      6,
      {
        changes: [cell(harbour, 'Harbour Lights', 'title', 'Title', 'Harbour Lights', 'Harbor Lights')],
        may_not_because: 'Jun Park rejected this.',
      },
    ),
  ];
}
