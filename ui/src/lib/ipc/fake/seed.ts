// A small studio to look at and to test against: projects, tracks and versions in every state the screens know.
import type { CandidateView } from '../generated/CandidateView';
import type { CatalogueRowView } from '../generated/CatalogueRowView';
import type { ColumnView } from '../generated/ColumnView';
import type { MemberView } from '../generated/MemberView';
import type { ProjectView } from '../generated/ProjectView';
import type { TrackView } from '../generated/TrackView';
import type { VersionView } from '../generated/VersionView';
import type { ActivityView } from '../generated/ActivityView';

export interface Seed {
  projects: ProjectView[];
  tracks: TrackView[];
  versions: VersionView[];
  candidates: CandidateView[];
  columns: ColumnView[];
  rows: Map<string, CatalogueRowView[]>;
  members: Map<string, MemberView[]>;
  activity: ActivityView[];
}

export const allActions = [
  'see_project',
  'fetch_originals',
  'add_versions',
  'comment',
  'trash_versions',
  'propose',
  'revise_proposals',
  'read_change_sets',
  'read_audit_log',
  'decide',
  'change_schema',
  'share_links',
  'invite',
  'change_role',
  'remove_member',
  'leave',
  'set_policies',
  'transfer_ownership',
  'delete_project',
  'request_badge',
];

export const memberActions = [
  'see_project',
  'fetch_originals',
  'add_versions',
  'comment',
  'trash_versions',
  'propose',
  'revise_proposals',
  'read_change_sets',
  'read_audit_log',
  'leave',
];

const hour = 3_600_000;

function ago(now: number, hours: number): string {
  return new Date(now - hours * hour).toISOString();
}

/** A stable 26-character tail, so that ids look like real ones. */
export function id(prefix: string, number: number): string {
  const alphabet = 'abcdefghijklmnopqrstuvwxyz234567';
  let tail = '';
  for (let value = number; tail.length < 26; value = Math.floor(value / 32)) tail = (alphabet[value % 32] ?? 'a') + tail;
  return `${prefix}_${tail}`;
}

interface Sketch {
  name: string;
  approved: number | null;
  seconds: number;
  catalogue: boolean;
  check?: boolean;
  versions: {
    n: number;
    hours: number;
    note?: string;
    lufs: number;
    author?: string;
    kind?: string;
    more?: Partial<VersionView>;
  }[];
}

const sketches: [project: number, Sketch][] = [
  [
    1,
    {
      name: 'Night Drive',
      approved: 9,
      seconds: 222.4,
      catalogue: true,
      versions: [
        { n: 1, hours: 900, lufs: -18.2, kind: 'demo', note: 'Phone sketch' },
        { n: 2, hours: 820, lufs: -16.9, kind: 'rough' },
        { n: 3, hours: 700, lufs: -16.1, kind: 'rough' },
        { n: 4, hours: 610, lufs: -15.4 },
        { n: 5, hours: 560, lufs: -15.2, author: 'Ada Osei' },
        { n: 6, hours: 500, lufs: -14.8 },
        { n: 7, hours: 430, lufs: -14.6, note: 'Shorter intro' },
        { n: 8, hours: 400, lufs: -14.1, author: 'Ada Osei', more: { review: 'superseded' } },
        { n: 9, hours: 310, lufs: -13.6, note: 'The one everybody liked', more: { review: 'approved' } },
        { n: 10, hours: 120, lufs: -12.9, note: 'Bass down, guitars wider', author: 'Ada Osei' },
        { n: 11, hours: 26, lufs: -12.2, more: { review: 'changes_asked', same_as: null } },
        { n: 12, hours: 2, lufs: -11.8, note: 'Louder vocal', more: { review: 'waiting' } },
      ],
    },
  ],
  [
    1,
    {
      name: 'Low Tide',
      approved: null,
      seconds: 250.1,
      catalogue: true,
      versions: [
        { n: 1, hours: 400, lufs: -17.5, kind: 'demo' },
        { n: 2, hours: 300, lufs: -15.1 },
        { n: 3, hours: 90, lufs: -13.4, author: 'Ada Osei' },
        { n: 4, hours: 31, lufs: -13, author: 'Ada Osei', more: { here: 'preview', sync: { state: 'announced' }, review: 'waiting' } },
      ],
    },
  ],
  [
    1,
    {
      name: 'Harbour Lights',
      approved: 2,
      seconds: 198.7,
      catalogue: true,
      versions: [
        { n: 1, hours: 700, lufs: -14.9, kind: 'take', note: 'Second chorus, live' },
        { n: 2, hours: 640, lufs: -13.8, kind: 'master', more: { review: 'approved' } },
        { n: 3, hours: 1, lufs: -13.1, more: { is_final: false, sync: { state: 'sending', percent: 43 } } },
      ],
    },
  ],
  [
    1,
    {
      name: 'Interlude (Rain)',
      approved: null,
      seconds: 64.3,
      catalogue: false,
      check: true,
      versions: [{ n: 1, hours: 50, lufs: -21.6, kind: 'take', more: { flags: ['The last 0.3 s are clipped.'] } }],
    },
  ],
  [
    2,
    {
      name: 'Main Title',
      approved: null,
      seconds: 141,
      catalogue: false,
      versions: [
        { n: 1, hours: 210, lufs: -19, more: { sync: { state: 'only_here' } } },
        { n: 2, hours: 160, lufs: -18.2, more: { sync: { state: 'only_here' } } },
      ],
    },
  ],
];

function version(track: string, key: number, seconds: number, sketch: Sketch['versions'][number], now: number): VersionView {
  const length = seconds + (sketch.n % 4) * 1.37;
  const frames = Math.round(length * 48_000);
  return {
    id: id('ver', key),
    track,
    number: sketch.n,
    is_final: true,
    kind: sketch.kind ?? 'mix',
    note: sketch.note ?? '',
    file_name: `Bounce ${sketch.n}.wav`,
    size_bytes: frames * 6 + 44,
    format: 'WAV',
    sample_rate: 48_000,
    bit_depth: 24,
    channels: 2,
    frames,
    duration_ms: Math.round(length * 1000),
    loudness_lufs: sketch.lufs,
    true_peak_db: Math.min(-0.3, sketch.lufs + 11.2),
    author: sketch.author ?? 'Mara Lindqvist',
    captured_at: ago(now, sketch.hours),
    fingerprint: fingerprintOf(key),
    same_as: null,
    sync: { state: 'synced' },
    here: 'original',
    is_pinned: false,
    review: 'draft',
    flags: [],
    ...sketch.more,
  };
}

export function fingerprintOf(key: number): string {
  let value = key * 2_654_435_761;
  let text = '';
  while (text.length < 64) {
    value = (Math.imul(value ^ (value >>> 15), 0x2c1b_3c6d) + 0x9e37_79b9) >>> 0;
    text += value.toString(16).padStart(8, '0');
  }
  return text.slice(0, 64);
}

export function columns(): ColumnView[] {
  const text = (name: string, label: string, more: Partial<ColumnView> = {}): ColumnView => ({
    name,
    label,
    type: 'text',
    choices: [],
    read_only: false,
    may_edit: true,
    required: 'never',
    help: null,
    ...more,
  });
  return [
    text('title', 'Title', { required: 'always' }),
    text('main_artist', 'Main artist', { required: 'release' }),
    text('isrc', 'ISRC', { required: 'release', help: 'One recording, one number.' }),
    text('composers', 'Composers', { type: 'list' }),
    text('release_date', 'Release date', { type: 'date' }),
    text('explicit', 'Explicit', { type: 'choice', choices: ['explicit', 'clean', 'not_explicit'] }),
    text('bpm', 'BPM', { type: 'decimal' }),
    text('duration', 'Length', { type: 'duration', read_only: true, may_edit: false }),
  ];
}

export function seeded(now: number): Seed {
  const album: ProjectView = {
    id: id('prj', 1),
    name: 'Coastal Album',
    role: 'admin',
    on_server: true,
    away: false,
    roots: [{ path: '/home/mara/Music/Coastal Album/Bounces', state: 'watching' }],
    tracks: 4,
    versions: 20,
    newest_at: ago(now, 1),
    waiting: 3,
    contributors: ['Mara Lindqvist', 'Ada Osei'],
    may: allActions,
  };
  const film: ProjectView = {
    id: id('prj', 2),
    name: 'Film: The Long Field',
    role: null,
    on_server: false,
    away: false,
    roots: [{ path: '/media/projects/Long Field/Mixes', state: 'missing' }],
    tracks: 1,
    versions: 2,
    newest_at: ago(now, 160),
    waiting: 0,
    contributors: ['Mara Lindqvist'],
    may: [],
  };
  const tracks: TrackView[] = [];
  const versions: VersionView[] = [];
  sketches.forEach(([project, sketch], index) => {
    const trackId = id('trk', index + 1);
    const own = sketch.versions.map((each, at) => version(trackId, (index + 1) * 100 + at, sketch.seconds, each, now));
    versions.push(...own);
    const owner = project === 1 ? album : film;
    tracks.push({
      id: trackId,
      project: owner.id,
      project_name: owner.name,
      name: sketch.name,
      please_check: sketch.check ?? false,
      newest: own.at(-1) ?? null,
      versions: own.length,
      approved: sketch.approved,
      in_catalogue: sketch.catalogue,
      in_trash: false,
    });
  });
  const row = (track: number, cells: Record<string, string>, approved: number | null): CatalogueRowView => ({
    id: id('trk', track),
    rev: fingerprintOf(track).slice(0, 20),
    cells,
    approved,
  });
  return {
    projects: [album, film],
    tracks,
    versions,
    candidates: [
      {
        id: 'cand_1',
        project: album.id,
        path: 'Bounce_final.wav',
        state: 'still_being_written',
        message: 'Another program is still writing it. It becomes a version by itself as soon as it is finished.',
      },
      {
        id: 'cand_2',
        project: album.id,
        path: 'Old takes/Take 7.aif',
        state: 'not_readable',
        message: 'It is empty, so there is nothing to hear. Export it again; it is then taken by itself.',
      },
    ],
    columns: columns(),
    rows: new Map([
      [
        album.id,
        [
          row(
            1,
            { title: 'Night Drive', main_artist: 'Mara Lindqvist', composers: 'Mara Lindqvist|Ada Osei', bpm: '104.00', duration: '3:42' },
            9,
          ),
          row(2, { title: 'Low Tide', main_artist: 'Mara Lindqvist', composers: 'Mara Lindqvist', release_date: '2027-03-05' }, null),
          row(
            3,
            { title: 'Harbour Lights', main_artist: 'Mara Lindqvist', isrc: 'QZABC2600007', explicit: 'not_explicit', duration: '3:19' },
            2,
          ),
        ],
      ],
    ]),
    members: new Map([
      [
        album.id,
        [
          { id: id('acc', 1), name: 'Mara Lindqvist', role: 'admin', since: ago(now, 1000), is_you: true },
          { id: id('acc', 2), name: 'Jun Park', role: 'owner', since: ago(now, 1100), is_you: false },
          { id: id('acc', 3), name: 'Ada Osei', role: 'member', since: ago(now, 700), is_you: false },
        ],
      ],
    ]),
    activity: [
      [2, 'Mara Lindqvist', 'Added version 12 of Night Drive'],
      [2.1, 'Mara Lindqvist', 'Proposed approving version 12 of Night Drive'],
      [31, 'Ada Osei', 'Added version 4 of Low Tide'],
      [31.2, 'Ada Osei', 'Proposed approving version 4 of Low Tide'],
      [48, 'Ada Osei', 'Proposed changing 4 cells of the catalogue'],
      [300, 'Jun Park', 'Approved version 9 of Night Drive'],
      [700, 'Jun Park', 'Invited Ada Osei as member'],
      [1100, 'Jun Park', 'Created the project Coastal Album'],
    ].map(([hours, actor, sentence], index, list) => ({
      seq: list.length - index,
      time: ago(now, Number(hours)),
      actor: String(actor),
      sentence: String(sentence),
      fingerprint: fingerprintOf(9000 + index),
      change_set: String(sentence).startsWith('Approved') ? id('chg', 5) : null,
      revision: null,
    })),
  };
}
