// Which columns of the catalogue are shown together, and how wide they are. Pure.
import type { ColumnView } from '../ipc/generated/ColumnView';

export type ColumnSet = 'essentials' | 'rights' | 'release' | 'all';
export const columnSets: readonly ColumnSet[] = ['essentials', 'rights', 'release', 'all'];

/** Columns of the shipped schema, by the set they belong to besides “All”. A column of the project’s own belongs to every set. */
const members: Readonly<Record<string, readonly ColumnSet[]>> = {
  title: ['essentials', 'rights', 'release'],
  version_title: ['essentials', 'release'],
  main_artist: ['essentials', 'rights', 'release'],
  featured_artists: ['release'],
  remixer: ['release'],
  composers: ['essentials', 'rights'],
  lyricists: ['rights'],
  producers: ['rights'],
  publishers: ['rights'],
  isrc: ['essentials', 'rights', 'release'],
  iswc: ['rights'],
  upc: ['release'],
  catalogue_number: ['release'],
  label: ['release'],
  release_title: ['release'],
  release_date: ['essentials', 'release'],
  p_line: ['rights', 'release'],
  c_line: ['rights', 'release'],
  genres: ['release'],
  moods: [],
  language: ['release'],
  explicit: ['essentials', 'release'],
  bpm: ['essentials'],
  key: ['essentials'],
  duration: ['essentials', 'release'],
  stage: ['essentials'],
  notes: [],
  writer_notes: ['rights'],
};

/** The columns of a set, the first column always among them. */
export function columnsOf(all: readonly ColumnView[], table: string, set: ColumnSet): ColumnView[] {
  if (set === 'all' || table !== 'tracks') return [...all];
  return all.filter((column, index) => index === 0 || (members[column.name] ?? columnSets).includes(set));
}

/** Width in CSS pixels at 100 %. */
export function widthOf(column: ColumnView, first: boolean): number {
  if (first) return 220;
  switch (column.type) {
    case 'integer':
    case 'decimal':
    case 'boolean':
    case 'duration':
      return 104;
    case 'date':
      return 128;
    case 'choice':
      return 136;
    case 'longtext':
      return 260;
    case 'list':
    case 'reference':
      return 208;
    default:
      return 172;
  }
}

export interface PlacedColumn {
  column: ColumnView;
  index: number;
  left: number;
  width: number;
}

/** Columns side by side. */
export function placed(columns: readonly ColumnView[]): PlacedColumn[] {
  let left = 0;
  return columns.map((column, index) => {
    const width = widthOf(column, index === 0);
    const at = { column, index, left, width };
    left += width;
    return at;
  });
}
