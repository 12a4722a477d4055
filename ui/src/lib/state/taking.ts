// Editing the proposal for an existing folder: every act gives a new list, so that a step back is the list before.
import type { ProposedTrack } from '../ipc/generated/ProposedTrack';
import type { ProposedVersion } from '../ipc/generated/ProposedVersion';

/** A version of the proposal, and whether it stays out. */
export interface PlannedVersion extends ProposedVersion {
  out: boolean;
}

export interface PlannedTrack extends Omit<ProposedTrack, 'versions'> {
  versions: PlannedVersion[];
}

export function planned(tracks: readonly ProposedTrack[]): PlannedTrack[] {
  return tracks.map((track) => ({ ...track, versions: track.versions.map((version) => ({ ...version, out: false })) }));
}

/** What is sent back: without what stays out, and without tracks that would be empty. */
export function chosen(tracks: readonly PlannedTrack[]): ProposedTrack[] {
  return tracks
    .map((track) => ({
      ...track,
      name: track.name.trim(),
      versions: track.versions.filter((version) => !version.out).map(({ out: _, ...version }) => version),
    }))
    .filter((track) => track.versions.length > 0);
}

export function filesOf(tracks: readonly ProposedTrack[]): number {
  return tracks.reduce((sum, track) => sum + track.versions.reduce((files, version) => files + version.files.length, 0), 0);
}

function change(tracks: readonly PlannedTrack[], at: number, edit: (track: PlannedTrack) => PlannedTrack): PlannedTrack[] {
  return tracks.map((track, index) => (index === at ? edit(track) : track));
}

export function rename(tracks: readonly PlannedTrack[], at: number, name: string): PlannedTrack[] {
  return change(tracks, at, (track) => ({ ...track, name, please_check: false }));
}

/** All versions of one track behind those of another. */
export function merge(tracks: readonly PlannedTrack[], from: number, into: number): PlannedTrack[] {
  const moving = tracks[from];
  if (!moving || from === into) return [...tracks];
  return change(tracks, into, (track) => ({ ...track, versions: inTime([...track.versions, ...moving.versions]) })).filter(
    (_, index) => index !== from,
  );
}

/** One version into another track, or into a new one of that name when `into` is none. */
export function move(tracks: readonly PlannedTrack[], from: number, at: number, into: number | null, newName: string): PlannedTrack[] {
  const version = tracks[from]?.versions[at];
  if (!version || from === into) return [...tracks];
  const without = change(tracks, from, (track) => ({ ...track, versions: track.versions.filter((_, index) => index !== at) }));
  const moved =
    into === null
      ? [...without, { name: newName, please_check: false, merge_with: null, versions: [version] }]
      : change(without, into, (track) => ({ ...track, versions: inTime([...track.versions, version]) }));
  return moved.filter((track) => track.versions.length > 0);
}

/** One version a place up or down: the order is the order of the numbers. */
export function shift(tracks: readonly PlannedTrack[], track: number, at: number, by: -1 | 1): PlannedTrack[] {
  return change(tracks, track, (each) => {
    const versions = [...each.versions];
    const [here, there] = [versions[at], versions[at + by]];
    if (!here || !there) return each;
    versions[at] = there;
    versions[at + by] = here;
    return { ...each, versions };
  });
}

export function setOut(tracks: readonly PlannedTrack[], track: number, at: number, out: boolean): PlannedTrack[] {
  return change(tracks, track, (each) => ({
    ...each,
    versions: each.versions.map((version, index) => (index === at ? { ...version, out } : version)),
  }));
}

export function setKind(tracks: readonly PlannedTrack[], track: number, at: number, kind: string): PlannedTrack[] {
  return change(tracks, track, (each) => ({
    ...each,
    versions: each.versions.map((version, index) => (index === at ? { ...version, kind } : version)),
  }));
}

/** What keeps the plan from being taken over, as the names of tracks: empty ones, and those that stand there twice. */
export function unclear(tracks: readonly PlannedTrack[]): { nameless: number; double: string[] } {
  const names = chosen(tracks).map((track) => track.name);
  const double = names.filter((name, index) => name !== '' && names.indexOf(name) !== index);
  return { nameless: names.filter((name) => name === '').length, double: [...new Set(double)] };
}

function inTime(versions: PlannedVersion[]): PlannedVersion[] {
  return versions.sort((a, b) => a.modified_at.localeCompare(b.modified_at));
}
