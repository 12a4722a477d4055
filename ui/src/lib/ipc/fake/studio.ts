// The in-memory studio: every command of the desktop on made-up data, for tests and for building screens. An unknown command throws.
import { noAnswers, type ImportAnswers } from '../../catalogue/answers';
import type { AppEvent, Backend, CommandName, Commands, ErrorView } from '../backend';
import type { CaptureRulesView } from '../generated/CaptureRulesView';
import type { CatalogueHit } from '../generated/CatalogueHit';
import type { CatalogueRowView } from '../generated/CatalogueRowView';
import type { CatalogueView } from '../generated/CatalogueView';
import type { CandidateView } from '../generated/CandidateView';
import type { CellChangeView } from '../generated/CellChangeView';
import type { CommentView } from '../generated/CommentView';
import type { ConnectionView } from '../generated/ConnectionView';
import type { KeepingView } from '../generated/KeepingView';
import type { LimitsView } from '../generated/LimitsView';
import type { KeyringState } from '../generated/KeyringState';
import type { ProposalDetail } from '../generated/ProposalDetail';
import type { ProposalView } from '../generated/ProposalView';
import type { ProjectView } from '../generated/ProjectView';
import type { RootState } from '../generated/RootState';
import type { StatusView } from '../generated/StatusView';
import type { TrackDetail } from '../generated/TrackDetail';
import type { TrackView } from '../generated/TrackView';
import type { TrashedProjectView } from '../generated/TrashedProjectView';
import type { TrashedVersionView } from '../generated/TrashedVersionView';
import type { VersionView } from '../generated/VersionView';
import { accountAnswers, mailedCode, type AccountCommand, type Answers } from './accounts';
import { checkCells, checkSchema, manyRows, moreColumns, schemaOf, splitColumns, splitRows, tagOf } from './cells';
import { notReadyOf, respelt, sharesOf, spellingsOf } from './finds';
import { importView, type ImportCase } from './imports';
import { FakePlayer } from './player';
import { heldApprovals, keepHeld } from './held';
import { keyOf, opKeyOf } from '../../review/choices';
import { cell, comments, detailOf, heardOf, opsOf, proposals } from './proposals';
import { allActions, fingerprintOf, id, memberActions, seeded, type Seed } from './seed';
import { overviewBytes, viewBytes, type MadeUpSong } from './wave';

/** How long something stays in the trash. */
const trashMs = 35 * 24 * 3_600_000;

export interface StudioOptions {
  /** Nothing chosen yet. */
  empty: boolean;
  connection: 'none' | 'signed_out' | 'connected' | 'offline';
  role: 'admin' | 'member';
  /** What the next CSV is like. */
  importCase: ImportCase;
  /** Rows of the catalogue beyond the usual ones, with twenty columns. */
  rows: number;
  /** Whether artists are written in several ways. */
  alike: boolean;
  /** Tracks, and versions of the first track, beyond the usual ones. */
  many: number;
  /** Whether the server sends mail. */
  mail: boolean;
  /** Whether this account administers the server. */
  siteAdmin: boolean;
  /** How the system's keyring stands. */
  keyring: KeyringState;
  /** What the file that is checked next is. */
  checked: 'known' | 'unknown';
  /** Whether this account is the only one that approves. */
  alone: boolean;
  /** Changes of the large proposal; none when 0. */
  changes: number;
  /** Milliseconds every answer takes. */
  delayMs: number;
  now: number;
}

export const usualOptions: StudioOptions = {
  empty: false,
  connection: 'connected',
  role: 'admin',
  importCase: 'fine',
  rows: 0,
  alike: false,
  many: 0,
  mail: false,
  siteAdmin: false,
  keyring: 'usable',
  checked: 'known',
  alone: false,
  changes: 0,
  delayMs: 0,
  now: Date.parse('2026-11-20T14:00:00Z'),
};

type Handlers = { [N in CommandName]: (args: Commands[N]['args']) => Commands[N]['result'] };

export class FakeBackend implements Backend {
  /** Every call with its arguments, oldest first. */
  readonly calls: { name: CommandName; args: unknown }[] = [];
  readonly #failures = new Map<string, ErrorView[]>();
  readonly #listeners = new Set<(event: AppEvent) => void>();
  readonly #options: StudioOptions;
  readonly #seed: Seed;
  readonly #changeSets: ProposalDetail[];
  readonly #comments: CommentView[] = [];
  readonly #player: FakePlayer;
  readonly #accounts: Answers<AccountCommand>;
  /** Who asked for an account and waits for the code of the mail. */
  #asked: { name: string; email: string; password: string } | null = null;
  #connection: ConnectionView;
  #answers: ImportAnswers = noAnswers;
  /** Project and table whose CSV is being looked at. */
  #draft: string | null = null;
  #paused = false;
  #limits: LimitsView = { up_bytes_per_s: null, down_bytes_per_s: null };
  readonly #rules = new Map<string, CaptureRulesView>();
  readonly #keeping = new Map<string, KeepingView>();
  readonly #taking = new Map<string, number>();
  readonly #trash: { row: TrashedVersionView; version: VersionView }[] = [];
  readonly #trashedProjects: TrashedProjectView[] = [];
  #revision = 1;
  #nextId = 40_000;

  constructor(options: Partial<StudioOptions> = {}) {
    this.#options = { ...usualOptions, ...options };
    this.#seed = seeded(this.#options.now);
    this.#changeSets = proposals(this.#seed, this.#options.now, this.#options.changes);
    this.#comments.push(...comments(this.#seed, this.#options.now));
    this.#accounts = accountAnswers(this.#seed.members, this.#options, {
      signedOut: () => this.#signOut(),
    });
    this.#player = new FakePlayer((player) => this.emit({ type: 'player', player }));
    this.#connection = connection(this.#options);
    this.#grow(this.#options.many);
    if (this.#options.rows > 0) {
      this.#seed.columns.push(...moreColumns());
      this.#seed.rows.get(id('prj', 1))?.push(...manyRows(this.#options.rows));
    }
    if (this.#options.alike) {
      const [, second, third] = this.#seed.rows.get(id('prj', 1)) ?? [];
      if (second) second.cells.composers = 'mara lindqvist|Ada Osei';
      if (third) third.cells.main_artist = 'Mara Lindqvíst';
    }
    if (this.#options.empty) {
      this.#seed.projects.length = 0;
      this.#seed.tracks.length = 0;
      this.#seed.candidates.length = 0;
      this.#changeSets.length = 0;
    }
    if (this.#options.role === 'member') {
      for (const project of this.#seed.projects) {
        if (!project.on_server) continue;
        project.role = 'member';
        project.may = memberActions;
      }
      for (const set of this.#changeSets) {
        // A member meets the conflicts of their own proposals.
        if (set.conflicts.length > 0) Object.assign(set.proposal, { author: 'Mara Lindqvist', is_yours: true });
        if (set.proposal.status === 'open') Object.assign(set, { may_decide: false, may_not_because: 'Only admins and owners approve.' });
      }
    }
    if (this.#connection.state !== 'connected') {
      for (const set of this.#changeSets) {
        if (set.may_decide) Object.assign(set, { may_decide: false, may_not_because: 'Deciding needs the server, which does not answer.' });
      }
    }
  }

  async call<N extends CommandName>(name: N, args: Commands[N]['args']): Promise<Commands[N]['result']> {
    this.calls.push({ name, args: structuredClone(args) });
    const handlers: Handlers = { ...this.#handlers, ...this.#accounts };
    const handler: Handlers[N] | undefined = Object.hasOwn(handlers, name) ? handlers[name] : undefined;
    if (!handler) throw problem('unknown_command', `There is no command ${name}.`);
    if (this.#options.delayMs > 0) await new Promise((done) => setTimeout(done, this.#options.delayMs));
    const failure = this.#failures.get(name)?.shift();
    if (failure) throw failure;
    const result = handler(args);
    return result instanceof ArrayBuffer ? result : structuredClone(result);
  }

  onEvent(listener: (event: AppEvent) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  emit(event: AppEvent): void {
    for (const listener of this.#listeners) listener(event);
  }

  /** Makes the next call of `name` fail. */
  failNext(name: CommandName, error: ErrorView): void {
    this.#failures.set(name, [...(this.#failures.get(name) ?? []), error]);
  }

  /** A bounce arrives in the folder of a track. */
  bounce(trackId: string): VersionView {
    const track = this.#track(trackId);
    const newest = track.newest;
    if (!newest) throw notFound('track');
    return this.#add(track, { ...newest, note: '', captured_at: new Date(this.#options.now).toISOString() });
  }

  /** How the newest version of a track is synced, such as when the store refuses it. */
  setSync(trackId: string, sync: VersionView['sync']): void {
    const { newest } = this.#track(trackId);
    if (newest) newest.sync = sync;
    this.#syncChanged();
  }

  /** A file in a folder that is no version (yet). */
  addCandidate(candidate: CandidateView): void {
    this.#seed.candidates.unshift(candidate);
    this.#libraryChanged();
  }

  /** The next files of a folder that is taken over become versions. */
  takeFiles(project: string, files: number): void {
    this.#taking.set(project, Math.max(0, (this.#taking.get(project) ?? 0) - files));
    this.#libraryChanged();
  }

  /** A folder goes, or comes back. */
  setRoot(project: string, state: RootState): void {
    for (const root of this.#project(project).roots) root.state = state;
    this.#libraryChanged();
  }

  /** A sound device is pulled out. */
  unplug(device: string): void {
    this.#player.unplug(device);
  }

  /** The server stops answering, or answers again. */
  setConnection(state: 'connected' | 'offline'): void {
    this.#connection = connection({ ...this.#options, connection: state });
    this.#syncChanged();
  }

  /** Somebody edits a proposal while it is on another screen. */
  touchProposal(changeSet: string): void {
    const detail = this.#detail(changeSet);
    detail.revision_digest = fingerprintOf(this.#nextId++);
    this.#projectChanged(detail.proposal.project);
  }

  readonly #handlers: Omit<Handlers, AccountCommand> = {
    status: () => this.#status(),
    projects: () => this.#seed.projects,
    tracks: ({ project }) => this.#seed.tracks.filter((track) => !track.in_trash && (project === null || track.project === project)),
    track: ({ track }) => ({ track: this.#track(track), versions: this.#versionsOf(track) }),
    candidates: () => this.#seed.candidates,
    choose_folder: ({ project }) => this.#chooseFolder(project),
    create_project: ({ name }) => this.#createProject(name, []),
    rescan: () => null,
    take_now: ({ candidate }) => {
      const index = this.#seed.candidates.findIndex((each) => each.id === candidate);
      if (index < 0) throw notFound('file');
      this.#seed.candidates.splice(index, 1);
      this.#libraryChanged();
      return null;
    },
    set_note: ({ version, note }) => {
      const found = this.#version(version);
      found.note = note;
      this.#libraryChanged();
      return found;
    },
    rename_track: ({ track, name }) => {
      const found = this.#track(track);
      found.name = name;
      this.#libraryChanged();
      return found;
    },
    restore_version: ({ version }) => {
      const old = this.#version(version);
      return this.#add(this.#track(old.track), { ...old, note: `Back to version ${old.number}`, same_as: old.number, review: 'draft' });
    },
    get_original: ({ version }) => {
      this.#version(version).here = 'original';
      this.#libraryChanged();
      return null;
    },
    set_kind: ({ version, kind }) => {
      const found = this.#version(version);
      found.kind = kind;
      this.#libraryChanged();
      return found;
    },
    move_versions: ({ versions, track }) => this.#move(versions, this.#track(track)),
    split_track: ({ versions, name }) => {
      const from = this.#track(this.#version(versions[0] ?? '').track);
      const into = { ...from, id: id('trk', this.#nextId++), name, newest: null, versions: 0, approved: null, in_catalogue: false };
      this.#seed.tracks.push(into);
      return this.#move(versions, into);
    },
    merge_tracks: ({ from, into }) => {
      const versions = this.#versionsOf(from).map((version) => version.id);
      const merged = this.#move(versions.reverse(), this.#track(into));
      this.#seed.tracks.splice(this.#seed.tracks.indexOf(this.#track(from)), 1);
      return merged;
    },
    propose_folder: () => ({
      id: 'fol_1',
      folder: '/home/mara/Music/Old Bounces',
      tracks: [
        {
          name: 'Low Tide',
          please_check: false,
          merge_with: null,
          versions: [
            { files: ['Low Tide v1.wav'], also: [], kind: 'mix', modified_at: '2026-03-01T10:00:00.000Z', size_bytes: 52_000_000 },
            {
              files: ['Low Tide final.wav'],
              also: ['Low Tide final copy.wav'],
              kind: 'mix',
              modified_at: '2026-03-04T18:30:00.000Z',
              size_bytes: 52_400_000,
            },
          ],
        },
        {
          name: 'Low Tide 2',
          please_check: false,
          merge_with: 'Low Tide',
          versions: [{ files: ['Low Tide 2.wav'], also: [], kind: 'mix', modified_at: '2026-03-09T09:00:00.000Z', size_bytes: 51_000_000 }],
        },
      ],
    }),
    take_over: ({ project, tracks }) => {
      const files = tracks.flatMap((track) => track.versions.flatMap((version) => version.files));
      const into = project === null ? this.#createProject('Old Bounces', []) : this.#project(project);
      this.#taking.set(into.id, files.length);
      return into;
    },
    taking_over: ({ project }) => this.#taking.get(project) ?? 0,
    stop_taking_over: ({ project }) => {
      this.#taking.delete(project);
      return this.#project(project);
    },
    trash: ({ project }) => this.#trash.filter(({ row }) => project === null || row.project === project).map(({ row }) => row),
    trash_versions: ({ versions }) => {
      for (const version of versions) this.#toTrash(this.#version(version));
      this.#libraryChanged();
      return null;
    },
    trash_track: ({ track }) => {
      for (const version of [...this.#versionsOf(track)]) this.#toTrash(version);
      this.#libraryChanged();
      return null;
    },
    put_back: ({ versions }) => {
      for (const version of versions) this.#fromTrash(version);
      this.#libraryChanged();
      return null;
    },
    trash_project: ({ project }) => {
      const found = this.#project(project);
      found.away = true;
      const trashed = {
        id: found.id,
        name: found.name,
        trashed_by: 'Mara Lindqvist',
        trashed_at: new Date(this.#options.now).toISOString(),
        kept_until: new Date(this.#options.now + trashMs).toISOString(),
      };
      this.#trashedProjects.push(trashed);
      this.#libraryChanged();
      return trashed;
    },
    trashed_projects: () => this.#trashedProjects,
    put_back_project: ({ project }) => {
      const at = this.#trashedProjects.findIndex((trashed) => trashed.id === project);
      if (at < 0) throw notFound('project');
      this.#trashedProjects.splice(at, 1);
      const found = this.#project(project);
      found.away = false;
      this.#libraryChanged();
      return found;
    },
    capture_rules: ({ project }) => this.#rules.get(project) ?? { left_out: [], sessions: false },
    set_capture_rules: ({ project, rules }) => {
      this.#rules.set(project, rules);
      return rules;
    },
    keeping: ({ project }) => this.#keeping.get(project) ?? { originals: 'all', budget_bytes: null, used_bytes: 1_200_000_000 },
    set_keeping: ({ project, originals, budgetBytes }) => {
      const kept = { originals, budget_bytes: budgetBytes, used_bytes: 1_200_000_000 };
      this.#keeping.set(project, kept);
      return kept;
    },
    pin: ({ version, pinned }) => {
      this.#version(version).is_pinned = pinned;
      this.#libraryChanged();
      return null;
    },
    limits: () => this.#limits,
    set_limits: ({ limits }) => {
      this.#limits = limits;
      return limits;
    },
    waveform: ({ version, fromFrame, toFrame, width }) => viewBytes(this.#song(version), fromFrame, toFrame, width),
    overview: ({ version }) => overviewBytes(this.#song(version)),
    player: () => this.#player.view(),
    player_load: ({ slot, version }) => {
      const found = this.#version(version);
      if (this.#player.isHidden())
        throw problem('blind_test', 'A blind test is under way, so the versions stay as they are.', 'Reveal or end the test first.');
      if (found.here === 'nothing')
        throw problem('not_here', `Version ${found.number} is not on this computer yet.`, 'Fetch it, then play it.');
      return this.#player.load(slot, this.#track(found.track), found);
    },
    player_unload: ({ slot }) => this.#player.unload(slot),
    player_play: () => this.#player.play(),
    player_pause: () => this.#player.pause(),
    player_seek: ({ seconds }) => this.#player.seek(seconds),
    player_flip: ({ slot }) => this.#player.flip(slot),
    player_level_match: ({ on }) => this.#player.levelMatch(on),
    player_loop: ({ range }) => this.#player.loop(range),
    player_volume: ({ volume }) => this.#player.volume(volume),
    player_difference: ({ on }) => {
      if (on && !this.#player.canCompare()) throw originalsOnly();
      return this.#player.difference(on);
    },
    blind_start: ({ kind, trials }) => {
      if (!this.#player.canCompare()) throw originalsOnly();
      return this.#player.blindStart(kind, trials);
    },
    blind_hear: ({ button }) => this.#player.blindHear(button),
    blind_answer: ({ slot }) => this.#player.blindAnswer(slot),
    blind_reveal: () => this.#player.blindReveal(),
    blind_end: () => this.#player.blindEnd(),
    copy_file: ({ version }) => this.#handedOut(version),
    reveal_file: ({ version }) => this.#handedOut(version),
    export_version: ({ version }) => `/home/mara/Desktop/${this.#track(this.#version(version).track).name}.wav`,
    drag_out: ({ version }) => this.#handedOut(version),
    plain_files: ({ version }) => {
      const found = this.#version(version);
      const url = `https://store.example/t/${found.id}?signature=made-up`;
      return [{ path: found.file_name, sha256: found.fingerprint, url, valid_s: 86_400 }];
    },
    devices: () => this.#player.devices,
    choose_device: ({ device }) => this.#player.device(device),
    look_at_server: ({ address }) => ({ ...lookAt(address), mail: this.#options.mail }),
    register: ({ address, name, email, password, invitation }) => {
      if (password.length < 8)
        throw problem('password_refused', 'The password is too short, so no account was made.', 'Use 8 characters or more.');
      if (invitation === null)
        throw problem(
          'registration_closed',
          'This server registers by invitation, so no account was made.',
          'Ask somebody on it for a code.',
        );
      if (this.#options.mail) {
        this.#asked = { name, email, password };
        return null;
      }
      return this.#signIn(address, name, email);
    },
    confirm_registration: ({ address, code, password }) => {
      if (code !== mailedCode || !this.#asked)
        throw problem('code_invalid', 'This code is not valid, so no account was made.', 'Check it, or ask for an account again.');
      if (password !== this.#asked.password)
        throw problem('wrong_credentials', 'This is not the password of that account, so none was made.', 'Give the one you chose.');
      return this.#signIn(address, this.#asked.name, this.#asked.email);
    },
    request_reset: () => null,
    sign_in: ({ address, email, password }) => {
      if (password !== 'correct horse battery')
        throw problem('wrong_credentials', 'The e-mail or the password is wrong, so nobody was signed in.', 'Check both and try again.');
      return this.#signIn(address, 'Mara Lindqvist', email);
    },
    sign_out: () => this.#signOut(),
    look_at_invitation: ({ code }) => {
      if (!code.toUpperCase().startsWith('TIDE'))
        throw problem('invitation_invalid', 'This code is unknown, used or expired, so nothing was joined.', 'Ask for a new one.');
      return {
        project_name: 'Winter Sessions',
        project: id('prj', 9),
        role: 'member',
        inviter: 'Jun Park',
        expires_at: new Date(this.#options.now + 6 * 86_400_000).toISOString(),
      };
    },
    join: () => this.#createProject('Winter Sessions', [], { role: 'member', on_server: true, may: memberActions }),
    put_on_server: ({ project }) => {
      const found = this.#project(project);
      Object.assign(found, { on_server: true, role: 'owner', may: allActions });
      for (const version of this.#seed.versions) {
        if (this.#track(version.track).project === project) version.sync = { state: 'waiting', because: null };
      }
      this.#libraryChanged();
      return found;
    },
    sync_now: () => null,
    pause_sync: ({ paused }) => {
      this.#paused = paused;
      this.#syncChanged();
      return this.#status();
    },
    catalogue: ({ project, table, seen }) => {
      const outside = this.#seed.tracks.filter((track) => track.project === project && !track.in_catalogue);
      const view: Omit<CatalogueView, 'state'> = {
        project,
        table,
        head: fingerprintOf(6000),
        number: 41,
        columns: table === 'tracks' ? this.#seed.columns : splitColumns(),
        rows: this.#rows(project, table),
        outside: outside.map((track) => [track.id, track.name]),
      };
      const state = tagOf(view);
      return state === seen ? null : { ...view, state };
    },
    export_catalogue: ({ project, table }) => `/home/mara/Documents/${this.#project(project).name} ${table}.csv`,
    export_everything: () => '/home/mara/Documents/CollabTrack export.zip',
    import_catalogue: ({ project, table }) => {
      this.#draft = `${project} ${table}`;
      this.#answers = noAnswers;
      return importView(table, this.#options.importCase);
    },
    import_draft: ({ project, table }) =>
      this.#draft === `${project} ${table}` ? importView(table, this.#options.importCase, this.#answers) : null,
    import_discard: () => {
      this.#draft = null;
      return null;
    },
    import_answer: ({ answers }) => {
      this.#answers = answers;
      return importView('tracks', this.#options.importCase, answers);
    },
    import_problems: () => '/home/mara/Documents/problems.csv',
    schema: () => JSON.stringify(schemaOf(this.#seed.columns), null, 2),
    check_schema: ({ document }) => checkSchema(schemaOf(this.#seed.columns), document),
    propose_schema: ({ title, reason }) =>
      this.#propose(title === '' ? 'Change the columns' : title, reason, [
        cell('', 'Columns', '_schema', 'Columns', 'as they are', 'as proposed'),
      ]),
    search_catalogue: ({ project, query }) => this.#search(project, query),
    import_propose: ({ title, reason, import: handle }) => {
      const view = importView('tracks', this.#options.importCase, this.#answers);
      if (handle !== view.import || !view.may_propose)
        throw problem('csv_invalid', 'The file has errors, so nothing was proposed.', 'Correct them and import it again.');
      this.#draft = null;
      return this.#propose(title, reason, view.changes);
    },
    check_cells: ({ project, edits }) => checkCells(this.#seed.rows.get(project) ?? [], edits),
    shares: ({ project, edits }) => sharesOf(this.#rows(project, 'tracks'), this.#rows(project, 'splits'), edits),
    not_ready: ({ project, table, edits }) =>
      notReadyOf(table === 'tracks' ? this.#seed.columns : splitColumns(), this.#rows(project, table), edits),
    spellings: ({ project, table, edits }) => spellingsOf(this.#rows(project, table), edits),
    respell: ({ project, table, edits, from, to }) => respelt(this.#rows(project, table), edits, from, to),
    propose_cells: ({ title, reason, edits, project }) =>
      this.#propose(title, reason, [
        ...edits.deleted.map((row) => this.#wholeRow(project, row, null)),
        ...edits.added.map((key) => this.#wholeRow(project, key, edits.cells.find((edit) => edit.row === key)?.to ?? 'New row')),
        ...edits.cells.map((edit) => this.#change(project, edit)),
      ]),
    propose_version: ({ version, reason }) => {
      const found = this.#version(version);
      const track = this.#track(found.track);
      found.review = 'waiting';
      this.#libraryChanged();
      return this.#propose(`${track.name}: approve version ${found.number}`, reason, []);
    },
    propose_retire: ({ version, reason }) => {
      const found = this.#version(version);
      const track = this.#track(found.track);
      const text = `version ${found.number} (${reason})`;
      const change = cell(found.track, track.name, '_retired', 'Retired versions', null, text);
      return this.#propose(`Retire version ${found.number} of ${track.name}`, reason, [change]);
    },
    inbox: () => {
      const all = this.#changeSets.map((set) => set.proposal);
      const waiting = all.filter((each) => each.status === 'open' || each.status === 'changes_requested');
      return {
        to_review: this.#options.role === 'admin' ? waiting.filter((each) => !each.is_yours && each.status === 'open') : [],
        mine: waiting.filter((each) => each.is_yours),
        closed: all.filter((each) => !waiting.includes(each)),
        in_conflict: this.#changeSets.filter((set) => set.conflicts.length > 0).map((set) => set.proposal.id),
        may_approve_own: this.#options.alone ? this.#seed.projects.map((project) => project.id) : [],
      };
    },
    proposal: ({ changeSet }) => {
      const detail = this.#detail(changeSet);
      for (const version of detail.versions)
        version.open_comments = this.#comments.filter((comment) => comment.track === version.track && !comment.resolved);
      return detail;
    },
    approve: ({ changeSet, revisionDigest, effectDigest }) => {
      keepHeld(heldApprovals().filter((held) => held.change_set !== changeSet));
      const detail = this.#decidable(changeSet, revisionDigest);
      if (detail.effect_digest !== effectDigest)
        throw problem(
          'effect_changed',
          'What approving would do changed while you were reading. Nothing was approved.',
          'Look at it again.',
        );
      this.#apply(detail);
      return this.#decide(detail, 'approved', null);
    },
    hold_approval: ({ held }) => {
      keepHeld([...heldApprovals(), { ...held, held_at: new Date(Date.now()).toISOString() }]);
      return null;
    },
    release_approval: ({ changeSet }) => {
      const before = heldApprovals();
      keepHeld(before.filter((held) => held.change_set !== changeSet));
      return heldApprovals().length < before.length;
    },
    held_approvals: () => heldApprovals(),
    check_file: () => {
      const drive9 = this.#seed.versions.find((each) => each.track === id('trk', 1) && each.number === 9);
      if (!drive9) throw notFound('version');
      const known = this.#options.checked === 'known';
      return {
        file_name: known ? 'Night Drive master.wav' : 'Night Drive.mp3',
        fingerprint: known ? drive9.fingerprint : fingerprintOf(1),
        versions: known
          ? [{ version: drive9.id, project_name: 'Coastal Album', track_name: 'Night Drive', number: 9, approved: true }]
          : [],
      };
    },
    reject: ({ changeSet, revisionDigest, reason }) => this.#decide(this.#decidable(changeSet, revisionDigest), 'rejected', reason),
    ask_for_changes: ({ changeSet, revisionDigest, reason }) =>
      this.#decide(this.#decidable(changeSet, revisionDigest), 'changes_requested', reason),
    withdraw: ({ changeSet }) => this.#decide(this.#detail(changeSet), 'withdrawn', null),
    submit: ({ changeSet }) => {
      const detail = this.#detail(changeSet);
      detail.proposal.status = 'open';
      this.#projectChanged(detail.proposal.project);
      return detail.proposal;
    },
    revise: ({ changeSet, revisionDigest, cells, leftOut, reason }) => {
      const detail = this.#detail(changeSet);
      if (detail.revision_digest !== revisionDigest)
        throw problem('invalid', 'This proposal has another revision by now. Nothing was changed.', 'Look at it again.');
      const out = new Set(detail.ops.filter((op) => leftOut.includes(op.index)).map(keyOf));
      detail.changes = detail.changes
        .filter((change) => !out.has(opKeyOf(change)))
        .map((change) => {
          const found = cells.find((each) => keyOf(each) === keyOf(change));
          return found ? { ...change, to: found.to === '' ? null : found.to } : change;
        });
      detail.ops = opsOf(detail.changes);
      detail.revision += 1;
      detail.revision_digest = fingerprintOf(this.#nextId++);
      if (reason !== '') detail.reason = reason;
      Object.assign(detail.proposal, {
        status: 'open',
        op_count: detail.ops.length,
        decided_by: null,
        decided_at: null,
        decision_reason: null,
      });
      this.#projectChanged(detail.proposal.project);
      return detail.proposal;
    },
    propose_and_approve: ({ version, reason }) => {
      const proposal = this.#handlers.propose_version({ version, reason });
      return this.#decide(this.#detail(proposal.id), 'approved', null);
    },
    split: ({ changeSet, revisionDigest, keep }) => {
      const detail = this.#decidable(changeSet, revisionDigest);
      const keys = new Set(detail.ops.filter((op) => keep.includes(op.index)).map(keyOf));
      const kept = detail.changes.filter((change) => keys.has(opKeyOf(change)));
      const rest = detail.changes.filter((change) => !keys.has(opKeyOf(change)));
      if (kept.length === 0 || rest.length === 0)
        throw problem('invalid', 'One part would be empty, so nothing was split.', 'Keep some of the changes and leave some.');
      this.#decide(detail, 'split', null);
      const part = (changes: CellChangeView[], number: number) => {
        const proposal = { ...detail.proposal, id: id('chg', this.#nextId), title: `${detail.proposal.title} · part ${number}` };
        Object.assign(proposal, { status: 'open', op_count: changes.length, decided_by: null, decided_at: null, decision_reason: null });
        this.#changeSets.unshift(detailOf(proposal, this.#nextId++, { reason: detail.reason, changes, split_from: changeSet }));
        return proposal;
      };
      const parts = { kept: part(kept, 1), rest: part(rest, 2) };
      detail.split_into = [parts.kept.id, parts.rest.id];
      this.#projectChanged(detail.proposal.project);
      return parts;
    },
    resolve: ({ changeSet, revisionDigest, choices }) => {
      const detail = this.#decidable(changeSet, revisionDigest);
      const open = detail.conflicts.find((each) => !choices.some((choice) => choice.row === each.row && choice.field === each.field));
      if (open) throw problem('resolution_missing', `The conflict at ${open.row_label} is not settled yet.`, 'Choose what stands there.');
      const dropped = choices.filter((choice) => choice.choice === 'current');
      detail.changes = detail.changes.filter((each) => !dropped.some((choice) => choice.row === each.row && choice.field === each.field));
      Object.assign(detail, { conflicts: [], problems: [], mergeability: 'clean', revision: detail.revision + 1 });
      detail.revision_digest = fingerprintOf(this.#nextId++);
      this.#projectChanged(detail.proposal.project);
      return detail.proposal;
    },
    revert: ({ changeSet, reason, submit }) => {
      const detail = this.#detail(changeSet);
      if (detail.proposal.status !== 'approved')
        throw problem('invalid', 'This proposal changed nothing that could be taken back.', 'Choose an approved one.');
      const back = detail.changes.map((change) =>
        cell(change.row, change.row_label, change.field, change.field_label, change.to, change.from),
      );
      const proposal = this.#propose(`Take back: ${detail.proposal.title}`, reason, back);
      if (!submit) proposal.status = 'draft';
      return { proposal, left: [] };
    },
    comments: ({ track }) => this.#comments.filter((comment) => comment.track === track).sort((a, b) => a.from_ms - b.from_ms),
    add_comment: ({ version, fromMs, toMs, text, replyTo }) => {
      const found = this.#version(version);
      if (text.trim() === '') throw problem('invalid', 'A comment has 1 to 5000 characters, this one has 0.', 'Write something.');
      const comment: CommentView = {
        id: id('cmt', this.#nextId++),
        track: found.track,
        version,
        version_number: found.number,
        from_ms: fromMs,
        to_ms: toMs,
        text: text.trim(),
        reply_to: replyTo,
        author: 'Mara Lindqvist',
        is_yours: true,
        made_at: new Date(this.#options.now).toISOString(),
        resolved: false,
        resolved_by: null,
        is_sent: this.#connection.state === 'connected',
        problem: null,
      };
      this.#comments.push(comment);
      this.#libraryChanged();
      return comment;
    },
    settle_comment: ({ comment, resolved }) => {
      const found = this.#comments.find((each) => each.id === comment);
      if (!found) throw notFound('comment');
      Object.assign(found, { resolved, resolved_by: resolved ? 'Mara Lindqvist' : null });
      this.#libraryChanged();
      return found;
    },
    heard: ({ version }) => heardOf(this.#version(version)),
    activity: ({ project }) => (this.#project(project).on_server ? this.#seed.activity : []),
  };

  #handedOut(version: string): null {
    if (this.#version(version).here === 'nothing' && this.#connection.state !== 'connected')
      throw problem('not_here', 'The original is not on this computer.', 'Connect, then fetch it.');
    return null;
  }

  #search(project: string | null, query: string): CatalogueHit[] {
    const wanted = query.trim().toLowerCase();
    if (wanted === '') return [];
    return this.#seed.projects
      .filter((each) => project === null || each.id === project)
      .flatMap((each) =>
        (this.#seed.rows.get(each.id) ?? []).flatMap((row) => {
          const hit = Object.entries(row.cells).find(([, text]) => text?.toLowerCase().includes(wanted));
          if (!hit) return [];
          const [field, text] = hit;
          const label = this.#seed.columns.find((column) => column.name === field)?.label ?? field;
          const row_label = row.cells['title'] ?? row.id;
          return [
            {
              project: each.id,
              project_name: each.name,
              table: 'tracks',
              row: row.id,
              row_label,
              field,
              field_label: label,
              text: text ?? '',
            },
          ];
        }),
      );
  }

  /** A library of years: as many tracks, and as many versions of the first one. */
  #grow(count: number): void {
    const [like] = this.#seed.tracks;
    const newest = like?.newest;
    if (!like || !newest) return;
    for (let at = 0; at < count; at += 1) {
      this.#seed.tracks.push({ ...like, id: id('trk', 20_000 + at), name: `Sketch ${at + 1}`, approved: null });
      this.#seed.versions.push({ ...newest, id: id('ver', 20_000 + at), number: 13 + at, note: `Take ${at + 1}`, review: 'draft' });
    }
  }

  #status(): StatusView {
    const waiting = this.#seed.versions.filter((version) => version.sync.state === 'sending' || version.sync.state === 'waiting').length;
    const sentence = this.#paused
      ? 'Paused. New versions stay on this computer until you resume.'
      : this.#connection.state === 'offline'
        ? `${waiting} version waiting: the server does not answer`
        : this.#connection.state !== 'connected'
          ? 'Your versions are on this computer only.'
          : waiting > 0
            ? `Sending ${waiting} version`
            : 'Everything is safe on the server';
    return {
      app_version: '0.1.0',
      connection: this.#connection,
      sync: { waiting: this.#options.empty ? 0 : waiting, fetching: 0, paused: this.#paused, sentence },
      inbox: this.#handlers.inbox({}).to_review.length,
      revision: this.#revision,
      suggested_server: 'http://127.0.0.1:8000',
    };
  }

  #chooseFolder(project: string | null): ProjectView {
    if (project !== null) {
      const found = this.#project(project);
      found.roots = [
        { path: `/home/mara/Music/${found.name}/More`, state: 'watching' },
        ...found.roots.filter((root) => root.state !== 'missing'),
      ];
      this.#libraryChanged();
      return found;
    }
    const fresh = seeded(this.#options.now);
    const album = fresh.projects[0];
    if (!album) throw notFound('project');
    if (this.#seed.projects.some((each) => each.id === album.id)) return this.#createProject('New Songs', ['/home/mara/Music/New Songs']);
    Object.assign(album, { role: null, on_server: false, may: [], waiting: 0 });
    this.#seed.projects.push(album);
    this.#seed.tracks.push(...fresh.tracks.filter((track) => track.project === album.id));
    this.#libraryChanged();
    return album;
  }

  #createProject(name: string, folders: string[], more: Partial<ProjectView> = {}): ProjectView {
    if (name.trim() === '') throw problem('invalid', 'A project needs a name, so none was made.', 'Type a name.');
    const project: ProjectView = {
      id: id('prj', this.#nextId++),
      name,
      role: null,
      on_server: false,
      away: false,
      roots: folders.map((path) => ({ path, state: 'watching' })),
      tracks: 0,
      versions: 0,
      newest_at: null,
      waiting: 0,
      contributors: [],
      may: [],
      ...more,
    };
    this.#seed.projects.push(project);
    this.#libraryChanged();
    return project;
  }

  #toTrash(version: VersionView): void {
    const track = this.#track(version.track);
    if (track.approved === version.number) throw problem('invalid', 'The approved version of a track stays.', 'Approve another one first.');
    this.#seed.versions.splice(this.#seed.versions.indexOf(version), 1);
    this.#trash.unshift({ version, row: this.#trashed(version, track) });
    this.#count(track);
  }

  #trashed(version: VersionView, track: TrackView): TrashedVersionView {
    const { now } = this.#options;
    return {
      id: version.id,
      number: version.number,
      is_final: version.is_final,
      kind: version.kind,
      track: track.id,
      track_name: track.name,
      project: track.project,
      project_name: track.project_name,
      file_name: version.file_name,
      size_bytes: version.size_bytes,
      author: version.author,
      trashed_at: new Date(now).toISOString(),
      kept_until: this.#project(track.project).on_server ? new Date(now + trashMs).toISOString() : null,
      may_put_back: true,
    };
  }

  #fromTrash(id: string): void {
    const at = this.#trash.findIndex(({ row }) => row.id === id);
    const found = this.#trash[at];
    if (!found) throw notFound('version');
    this.#trash.splice(at, 1);
    this.#seed.versions.push(found.version);
    this.#count(this.#track(found.version.track));
  }

  /** A track of which everything is in the trash is in no list. */
  #count(track: TrackView): void {
    const own = this.#versionsOf(track.id);
    Object.assign(track, { newest: own[0] ?? null, versions: own.length, in_trash: own.length === 0 });
  }

  #add(track: TrackView, like: VersionView): VersionView {
    const number = Math.max(0, ...this.#versionsOf(track.id).map((version) => version.number)) + 1;
    const version: VersionView = {
      ...like,
      id: id('ver', this.#nextId++),
      number,
      captured_at: new Date(this.#options.now).toISOString(),
      sync: { state: 'waiting', because: null },
      is_final: false,
      review: 'draft',
    };
    this.#seed.versions.push(version);
    track.newest = version;
    track.versions += 1;
    this.#libraryChanged();
    return version;
  }

  #propose(title: string, reason: string, changes: CellChangeView[]): ProposalView {
    const project = this.#seed.projects.find((each) => each.on_server) ?? this.#seed.projects[0];
    if (!project) throw notFound('project');
    const proposal: ProposalView = {
      id: id('chg', this.#nextId),
      project: project.id,
      project_name: project.name,
      title,
      author: 'Mara Lindqvist',
      is_yours: true,
      status: 'open',
      created_at: new Date(this.#options.now).toISOString(),
      op_count: changes.length,
      decided_by: null,
      decided_at: null,
      decision_reason: null,
    };
    this.#changeSets.unshift(detailOf(proposal, this.#nextId++, { reason, changes }));
    this.#projectChanged(project.id);
    return proposal;
  }

  #change(project: string, edit: { row: string; field: string; to: string }): CellChangeView {
    const row = this.#seed.rows.get(project)?.find((each) => each.id === edit.row);
    const column = this.#seed.columns.find((each) => each.name === edit.field);
    const from = row?.cells[edit.field] ?? null;
    const to = edit.to === '' ? null : edit.to;
    return {
      row: edit.row,
      row_label: row?.cells.title ?? '',
      field: edit.field,
      field_label: column?.label ?? edit.field,
      from,
      to,
      change: from === null ? 'added' : to === null ? 'cleared' : 'changed',
      part_of: null,
      may_type: true,
    };
  }

  #rows(project: string, table: string): CatalogueRowView[] {
    const tracks = this.#seed.rows.get(project) ?? [];
    return table === 'tracks' ? tracks : splitRows(tracks);
  }

  #wholeRow(project: string, row: string, to: string | null): CellChangeView {
    const title = this.#seed.rows.get(project)?.find((each) => each.id === row)?.cells.title ?? to ?? '';
    return cell(row, title, '_row', 'Row', to === null ? title : null, to);
  }

  #decidable(changeSet: string, revisionDigest: string): ProposalDetail {
    const detail = this.#detail(changeSet);
    if (this.#connection.state !== 'connected')
      throw problem('server_unreachable', 'The server does not answer. Nothing was approved.', 'Try again when you are online.');
    if (detail.proposal.status !== 'open')
      throw problem(
        'already_decided',
        `${detail.proposal.decided_by ?? 'Somebody'} decided this already. Nothing was changed.`,
        'Look at it under Closed.',
      );
    if (detail.revision_digest !== revisionDigest)
      throw problem(
        'revision_changed',
        'The proposal changed while you were reading. Nothing was approved.',
        'Look at what changed, then decide again.',
      );
    return detail;
  }

  #apply(detail: ProposalDetail): void {
    const rows = this.#seed.rows.get(detail.proposal.project) ?? [];
    for (const change of detail.changes) {
      const row = rows.find((each) => each.id === change.row);
      if (!row || change.field.startsWith('_')) continue;
      if (change.to === null) delete row.cells[change.field];
      else row.cells[change.field] = change.to;
    }
    for (const { proposed, track } of detail.versions) {
      for (const version of this.#versionsOf(track)) if (version.review === 'approved') version.review = 'superseded';
      this.#version(proposed.id).review = 'approved';
      this.#track(track).approved = proposed.number;
    }
  }

  #decide(detail: ProposalDetail, status: string, reason: string | null): ProposalView {
    Object.assign(detail.proposal, {
      status,
      decided_by: this.#connection.account_name,
      decided_at: new Date(this.#options.now).toISOString(),
      decision_reason: reason,
    });
    Object.assign(detail, { may_decide: false, may_not_because: 'This is decided.' });
    this.#projectChanged(detail.proposal.project);
    return detail.proposal;
  }

  #signIn(address: string, name: string, email: string): ConnectionView {
    this.#connection = {
      state: 'connected',
      server: lookAt(address).address,
      account_name: name === '' ? email : name,
      account_id: id('acc', 1),
      credential: 'keyring',
      message: null,
      offline_since: null,
    };
    this.#syncChanged();
    return this.#connection;
  }

  #signOut(): ConnectionView {
    this.#connection = { ...this.#connection, state: 'signed_out', account_id: null, account_name: null, credential: null };
    this.#syncChanged();
    return this.#connection;
  }

  #song(versionId: string): MadeUpSong {
    const version = this.#version(versionId);
    const seed = Number.parseInt(version.fingerprint.slice(0, 6), 16);
    const level = Math.min(1, 0.5 + (22 + (version.loudness_lufs ?? -16)) * 0.045);
    return { seed, frames: version.frames, rate: version.sample_rate, level };
  }

  /** Versions go to the end of another track, oldest first. */
  #move(versions: string[], into: TrackView): TrackDetail {
    const moving = versions.map((version) => this.#version(version)).sort((a, b) => a.number - b.number);
    for (const version of moving) {
      const from = this.#track(version.track);
      version.number = Math.max(0, ...this.#versionsOf(into.id).map((each) => each.number)) + 1;
      version.track = into.id;
      for (const track of [from, into]) {
        const own = this.#versionsOf(track.id);
        Object.assign(track, { newest: own[0] ?? null, versions: own.length });
      }
    }
    this.#libraryChanged();
    return { track: into, versions: this.#versionsOf(into.id) };
  }

  #project(project: string): ProjectView {
    return this.#seed.projects.find((each) => each.id === project) ?? raise(notFound('project'));
  }

  #track(track: string): TrackView {
    return this.#seed.tracks.find((each) => each.id === track) ?? raise(notFound('track'));
  }

  #version(version: string): VersionView {
    return this.#seed.versions.find((each) => each.id === version) ?? raise(notFound('version'));
  }

  #detail(changeSet: string): ProposalDetail {
    return this.#changeSets.find((each) => each.proposal.id === changeSet) ?? raise(notFound('proposal'));
  }

  #versionsOf(track: string): VersionView[] {
    return this.#seed.versions.filter((version) => version.track === track).sort((a, b) => b.number - a.number);
  }

  #libraryChanged(): void {
    this.emit({ type: 'library', revision: ++this.#revision });
  }

  #syncChanged(): void {
    this.emit({ type: 'sync', revision: ++this.#revision });
  }

  #projectChanged(project: string): void {
    this.emit({ type: 'project', project, revision: ++this.#revision });
    this.#libraryChanged();
  }
}

function connection(options: StudioOptions): ConnectionView {
  const known = options.connection === 'connected' || options.connection === 'offline';
  return {
    state: options.connection,
    server: options.connection === 'none' ? null : 'https://studio.example.org',
    account_name: known ? 'Mara Lindqvist' : null,
    account_id: known ? id('acc', 1) : null,
    credential: known ? 'keyring' : null,
    message: options.connection === 'offline' ? 'The server did not answer. Your versions are saved on this computer.' : null,
    offline_since: options.connection === 'offline' ? new Date(options.now - 7_200_000).toISOString() : null,
  };
}

function lookAt(address: string) {
  const text = address.trim();
  if (text.includes('@'))
    throw problem(
      'bad_request',
      'The address holds a name or password, so it was not used.',
      'Type the address alone, like studio.example.org.',
    );
  if (!/^(https?:\/\/)?[^\s/]+(\/.*)?$/iu.test(text))
    throw problem('bad_request', 'This is not the address of a server.', 'Type it like studio.example.org.');
  if (text.includes('nowhere'))
    throw problem(
      'server_unreachable',
      'The server did not answer, so nothing was sent. Your versions are saved on this computer.',
      'Check the address and your connection.',
    );
  return { address: /^https?:/iu.test(text) ? text : `https://${text}`, registration: 'invite', version: '0.1.0', mail: false };
}

function problem(code: string, message: string, hint: string | null = null): ErrorView {
  return { code, message, hint };
}

function originalsOnly(): ErrorView {
  return problem(
    'not_here',
    'A preview is not the exact sound, so it cannot be compared this way.',
    'Get the original of both versions first.',
  );
}

function notFound(what: string): ErrorView {
  return problem('not_found', `This ${what} is not there, or not yours.`, 'Go back to the library.');
}

function raise(error: ErrorView): never {
  throw error;
}
