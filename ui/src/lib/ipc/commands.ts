// The commands of the desktop: name → arguments, result. One list for the Tauri, fake and bridge backends; a Rust test compares the
// names with the commands the app really registers. Bytes come back as ArrayBuffer.
import type { ImportAnswers } from '../catalogue/answers';
import type { AccountView } from './generated/AccountView';
import type { ActivityView } from './generated/ActivityView';
import type { BlindButton } from './generated/BlindButton';
import type { BlindKind } from './generated/BlindKind';
import type { CandidateView } from './generated/CandidateView';
import type { CaptureRulesView } from './generated/CaptureRulesView';
import type { CatalogueHit } from './generated/CatalogueHit';
import type { CatalogueView } from './generated/CatalogueView';
import type { CommentView } from './generated/CommentView';
import type { ConflictChoice } from './generated/ConflictChoice';
import type { CellCheckView } from './generated/CellCheckView';
import type { ConnectionView } from './generated/ConnectionView';
import type { HeardView } from './generated/HeardView';
import type { FolderProposal } from './generated/FolderProposal';
import type { HeldApproval } from './generated/HeldApproval';
import type { Identified } from './generated/Identified';
import type { CredentialsView } from './generated/CredentialsView';
import type { DeviceView } from './generated/DeviceView';
import type { ImportView } from './generated/ImportView';
import type { InboxView } from './generated/InboxView';
import type { InvitationView } from './generated/InvitationView';
import type { KeepingView } from './generated/KeepingView';
import type { LimitsView } from './generated/LimitsView';
import type { MemberView } from './generated/MemberView';
import type { NewInvitationView } from './generated/NewInvitationView';
import type { OpenInvitationView } from './generated/OpenInvitationView';
import type { PlayerView } from './generated/PlayerView';
import type { PoliciesView } from './generated/PoliciesView';
import type { ProjectView } from './generated/ProjectView';
import type { ProposalDetail } from './generated/ProposalDetail';
import type { ProposalView } from './generated/ProposalView';
import type { RevertView } from './generated/RevertView';
import type { ProposedTrack } from './generated/ProposedTrack';
import type { ServerView } from './generated/ServerView';
import type { SessionView } from './generated/SessionView';
import type { Slot } from './generated/Slot';
import type { SplitView } from './generated/SplitView';
import type { StatusView } from './generated/StatusView';
import type { TotpSecretView } from './generated/TotpSecretView';
import type { TrackDetail } from './generated/TrackDetail';
import type { TrackView } from './generated/TrackView';
import type { VersionView } from './generated/VersionView';

type Nothing = Record<string, never>;

export interface Commands {
  // library
  status: { args: Nothing; result: StatusView };
  projects: { args: Nothing; result: ProjectView[] };
  tracks: { args: { project: string | null }; result: TrackView[] };
  track: { args: { track: string }; result: TrackDetail };
  candidates: { args: Nothing; result: CandidateView[] };
  choose_folder: { args: { project: string | null }; result: ProjectView | null };
  create_project: { args: { name: string }; result: ProjectView };
  rescan: { args: { project: string }; result: null };
  take_now: { args: { candidate: string }; result: null };
  set_note: { args: { version: string; note: string }; result: VersionView };
  rename_track: { args: { track: string; name: string }; result: TrackView };
  restore_version: { args: { version: string }; result: VersionView };
  get_original: { args: { version: string }; result: null };
  set_kind: { args: { version: string; kind: string }; result: VersionView };
  move_versions: { args: { versions: string[]; track: string }; result: TrackDetail };
  split_track: { args: { versions: string[]; name: string }; result: TrackDetail };
  merge_tracks: { args: { from: string; into: string }; result: TrackDetail };
  propose_folder: { args: Nothing; result: FolderProposal | null };
  take_over: { args: { proposal: string; project: string | null; tracks: ProposedTrack[] }; result: ProjectView };
  capture_rules: { args: { project: string }; result: CaptureRulesView };
  set_capture_rules: { args: { project: string; rules: CaptureRulesView }; result: CaptureRulesView };
  keeping: { args: { project: string }; result: KeepingView };
  set_keeping: { args: { project: string; originals: string; budgetBytes: number | null }; result: KeepingView };
  pin: { args: { version: string; pinned: boolean }; result: null };
  limits: { args: Nothing; result: LimitsView };
  set_limits: { args: { limits: LimitsView }; result: LimitsView };
  // sound
  waveform: { args: { version: string; fromFrame: number; toFrame: number; width: number }; result: ArrayBuffer };
  overview: { args: { version: string }; result: ArrayBuffer };
  player: { args: Nothing; result: PlayerView };
  player_load: { args: { slot: Slot; version: string }; result: PlayerView };
  player_unload: { args: { slot: Slot }; result: PlayerView };
  player_play: { args: Nothing; result: PlayerView };
  player_pause: { args: Nothing; result: PlayerView };
  player_seek: { args: { seconds: number }; result: PlayerView };
  player_flip: { args: { slot: Slot }; result: PlayerView };
  player_level_match: { args: { on: boolean }; result: PlayerView };
  player_loop: { args: { range: [number, number] | null }; result: PlayerView };
  player_volume: { args: { volume: number }; result: PlayerView };
  player_difference: { args: { on: boolean }; result: PlayerView };
  blind_start: { args: { kind: BlindKind; trials: number }; result: PlayerView };
  blind_hear: { args: { button: BlindButton }; result: PlayerView };
  blind_answer: { args: { slot: Slot }; result: PlayerView };
  blind_reveal: { args: Nothing; result: PlayerView };
  blind_end: { args: Nothing; result: PlayerView };
  devices: { args: Nothing; result: string[] };
  choose_device: { args: { device: string | null }; result: PlayerView };
  // other programs
  copy_file: { args: { version: string }; result: null };
  reveal_file: { args: { version: string }; result: null };
  export_version: { args: { version: string }; result: string | null };
  drag_out: { args: { version: string }; result: null };
  // server
  look_at_server: { args: { address: string }; result: ServerView };
  register: { args: { address: string; name: string; email: string; password: string; invitation: string | null }; result: ConnectionView };
  sign_in: { args: { address: string; email: string; password: string; code?: string | null }; result: ConnectionView };
  sign_out: { args: Nothing; result: ConnectionView };
  look_at_invitation: { args: { code: string }; result: InvitationView };
  join: { args: { code: string }; result: ProjectView };
  put_on_server: { args: { project: string }; result: ProjectView };
  sync_now: { args: Nothing; result: null };
  pause_sync: { args: { paused: boolean }; result: StatusView };
  // members and invitations
  members: { args: { project: string }; result: MemberView[] };
  change_role: { args: { project: string; account: string; role: string }; result: MemberView[] };
  remove_member: { args: { project: string; account: string }; result: MemberView[] };
  leave_project: { args: { project: string }; result: null };
  transfer_ownership: { args: { project: string; account: string }; result: MemberView[] };
  invite: { args: { project: string; role: string; email?: string | null; days?: number | null }; result: NewInvitationView };
  invitations: { args: { project: string }; result: OpenInvitationView[] };
  revoke_invitation: { args: { project: string; invitation: string }; result: null };
  renew_invitation: { args: { project: string; invitation: string }; result: NewInvitationView };
  policies: { args: { project: string }; result: PoliciesView };
  set_policies: { args: { project: string; policies: PoliciesView }; result: PoliciesView };
  // account
  account: { args: Nothing; result: AccountView };
  step_up: { args: { password: string; code?: string | null }; result: null };
  change_password: { args: { current: string; new: string; code?: string | null }; result: null };
  reset_password: { args: { address: string; code: string; new: string }; result: null };
  sessions: { args: Nothing; result: SessionView[] };
  end_session: { args: { session: string }; result: null };
  end_other_sessions: { args: Nothing; result: null };
  known_devices: { args: Nothing; result: DeviceView[] };
  forget_device: { args: { id: string }; result: null };
  totp_begin: { args: Nothing; result: TotpSecretView };
  totp_confirm: { args: { code: string }; result: string[] };
  totp_off: { args: Nothing; result: null };
  new_recovery_codes: { args: Nothing; result: string[] };
  credentials: { args: Nothing; result: CredentialsView };
  keep_sessions_in_file: { args: { passphrase: string }; result: CredentialsView };
  ask_at_each_launch: { args: Nothing; result: CredentialsView };
  // catalogue and approval
  catalogue: { args: { project: string; table: string }; result: CatalogueView };
  export_catalogue: { args: { project: string; table: string }; result: string | null };
  import_catalogue: { args: { project: string; table: string }; result: ImportView | null };
  import_answer: { args: { import: string; answers: ImportAnswers }; result: ImportView };
  import_problems: { args: { import: string }; result: string | null };
  import_propose: { args: { import: string; title: string; reason: string }; result: ProposalView };
  schema: { args: { project: string }; result: string };
  propose_schema: { args: { project: string; document: string; title: string; reason: string }; result: ProposalView };
  search_catalogue: { args: { project: string | null; query: string }; result: CatalogueHit[] };
  check_cells: {
    args: { project: string; table: string; edits: { row: string; field: string; to: string }[] };
    result: CellCheckView[];
  };
  propose_cells: {
    args: { project: string; table: string; title: string; reason: string; edits: { row: string; field: string; to: string }[] };
    result: ProposalView;
  };
  propose_version: { args: { version: string; reason: string }; result: ProposalView };
  inbox: { args: Nothing; result: InboxView };
  proposal: { args: { changeSet: string }; result: ProposalDetail };
  approve: { args: { changeSet: string; revisionDigest: string; expectedHead: string; effectDigest: string }; result: ProposalView };
  hold_approval: { args: { held: HeldApproval }; result: null };
  release_approval: { args: { changeSet: string }; result: boolean };
  held_approvals: { args: Nothing; result: HeldApproval[] };
  check_file: { args: Nothing; result: Identified | null };
  reject: { args: { changeSet: string; revisionDigest: string; reason: string }; result: ProposalView };
  ask_for_changes: { args: { changeSet: string; revisionDigest: string; reason: string }; result: ProposalView };
  withdraw: { args: { changeSet: string }; result: ProposalView };
  submit: { args: { changeSet: string }; result: ProposalView };
  propose_and_approve: { args: { version: string; reason: string }; result: ProposalView };
  split: { args: { changeSet: string; revisionDigest: string; keep: number[] }; result: SplitView };
  resolve: {
    args: { changeSet: string; revisionDigest: string; expectedHead: string; choices: ConflictChoice[] };
    result: ProposalView;
  };
  revert: { args: { changeSet: string; reason: string; submit: boolean }; result: RevertView };
  comments: { args: { track: string }; result: CommentView[] };
  add_comment: {
    args: { version: string; fromMs: number; toMs: number | null; text: string; replyTo: string | null };
    result: CommentView;
  };
  settle_comment: { args: { comment: string; resolved: boolean }; result: CommentView };
  heard: { args: { version: string }; result: HeardView };
  activity: { args: { project: string }; result: ActivityView[] };
}

export type CommandName = keyof Commands;
