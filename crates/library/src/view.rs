//! Read models: what the screens and the companion show, and nothing they would have to compute.
//!
//! Ids cross as text, times as RFC 3339 in UTC, paths only as text to show. The TypeScript twins of these types stand in
//! `ui/src/lib/ipc/generated` and are compared with this file by a test.

pub mod catalogue;
pub mod columns;
pub mod imports;
pub mod review;
pub mod trash;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use ts_rs::TS;

pub mod accounts;

/// Connection to a server.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "snake_case")]
pub enum ConnectionState {
    /// No server was ever named.
    None,
    /// A server is known, nobody is signed in.
    SignedOut,
    /// Signed in, and the server answered the last call.
    Connected,
    /// Signed in; the server does not answer.
    Offline,
    /// Something only the user can mend, such as an ended session.
    NeedsYou,
}

/// Where the session token is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "snake_case")]
pub enum CredentialPlace {
    /// In the system's keyring.
    Keyring,
    /// In memory only: asked again at each start.
    Memory,
    /// In a file sealed with a passphrase, where the user chose so.
    File,
}

/// The server this computer works with.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct ConnectionView {
    /// State.
    pub state: ConnectionState,
    /// Address of the server, if one is known.
    pub server: Option<String>,
    /// Name of the signed-in account.
    pub account_name: Option<String>,
    /// Id of the signed-in account.
    pub account_id: Option<String>,
    /// Where the session is kept.
    pub credential: Option<CredentialPlace>,
    /// What is wrong and what to do, when something is.
    pub message: Option<String>,
    /// Since when the server does not answer.
    pub offline_since: Option<String>,
}

/// What the syncing is doing as a whole.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct SyncView {
    /// Versions not confirmed by the server yet.
    #[ts(type = "number")]
    pub waiting: i64,
    /// Versions whose preview or original is still to be fetched.
    #[ts(type = "number")]
    pub fetching: i64,
    /// Paused by the user.
    pub paused: bool,
    /// One sentence, such as "Everything is safe on the server".
    pub sentence: String,
}

/// The top of every screen.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct StatusView {
    /// Version of the program.
    pub app_version: String,
    /// The server.
    pub connection: ConnectionView,
    /// The syncing.
    pub sync: SyncView,
    /// Change sets waiting for a decision of this account.
    #[ts(type = "number")]
    pub inbox: i64,
    /// Rises with every change of the library.
    #[ts(type = "number")]
    pub revision: i64,
    /// Address of a server offered by the program that started the app, such as the studio of `./dev run`.
    pub suggested_server: Option<String>,
}

/// A watched folder.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct RootView {
    /// The folder, as text to show.
    pub path: String,
    /// How it is watched.
    pub state: RootState,
}

/// How a folder is watched.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "snake_case")]
pub enum RootState {
    /// The system tells of changes.
    Watching,
    /// Looked through every 30 seconds, because the system does not tell of changes here.
    Polling,
    /// Not there, or without its marker: paused, nothing is deleted.
    Missing,
}

/// A project in the dashboard.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct ProjectView {
    /// Id.
    pub id: String,
    /// Name.
    pub name: String,
    /// Own role on the server: `listener`, `member`, `admin`, `owner`; none while the project is only on this computer.
    pub role: Option<String>,
    /// Whether it is connected to the server.
    pub on_server: bool,
    /// Whether the server does not name it to this account any more: in the trash there, or somebody else's alone. It stays here.
    pub away: bool,
    /// Watched folders on this computer.
    pub roots: Vec<RootView>,
    /// Number of tracks.
    #[ts(type = "number")]
    pub tracks: i64,
    /// Number of versions.
    #[ts(type = "number")]
    pub versions: i64,
    /// When the newest version came.
    pub newest_at: Option<String>,
    /// Change sets waiting for a decision.
    #[ts(type = "number")]
    pub waiting: i64,
    /// Names of the people who made its versions, most first.
    pub contributors: Vec<String>,
    /// What this account may do, by the server's words of actions; empty while the project is only on this computer.
    pub may: Vec<String>,
}

/// Syncing of one version.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "snake_case", tag = "state")]
pub enum VersionSync {
    /// The project has no server.
    OnlyHere,
    /// In the queue.
    Waiting {
        /// Why, after several failures.
        because: Option<String>,
    },
    /// On its way to the server.
    Sending {
        /// 0 to 99; 100 only comes as `Synced`.
        percent: u8,
    },
    /// Every byte confirmed by the store.
    Synced,
    /// The number and preview are known; the original is still on its author's computer.
    Announced,
    /// Stopped by the user.
    Paused,
    /// The server does not answer.
    Offline,
    /// Something only the user can mend.
    NeedsYou {
        /// What.
        because: String,
    },
}

/// What of a version is on this computer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "snake_case")]
pub enum Here {
    /// The exact bytes.
    Original,
    /// Only the preview.
    Preview,
    /// Neither yet.
    Nothing,
}

/// Review state of a version.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "snake_case")]
pub enum ReviewState {
    /// Not proposed.
    Draft,
    /// Waiting for review.
    Waiting,
    /// Changes asked.
    ChangesAsked,
    /// The approved version of its track.
    Approved,
    /// Was approved; a later one took its place.
    Superseded,
    /// Rejected.
    Rejected,
}

/// A version.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, TS)]
pub struct VersionView {
    /// Id.
    pub id: String,
    /// Track.
    pub track: String,
    /// Number; final when `is_final`.
    #[ts(type = "number")]
    pub number: i64,
    /// Whether the number came from the server, or the project has none.
    pub is_final: bool,
    /// Kind: demo, rough, mix, alternate, master, stem, multitrack, take.
    pub kind: String,
    /// Note of the author.
    pub note: String,
    /// File name as exported.
    pub file_name: String,
    /// Size of the original in bytes.
    #[ts(type = "number")]
    pub size_bytes: u64,
    /// Container or codec, such as "WAV".
    pub format: String,
    /// Frames per second; 0 when not known.
    pub sample_rate: u32,
    /// Bits per sample, where the format has that.
    pub bit_depth: Option<u16>,
    /// Channels; 0 when not known.
    pub channels: u16,
    /// Length in frames at the sample rate; 0 when not known.
    #[ts(type = "number")]
    pub frames: u64,
    /// Length in ms.
    #[ts(type = "number")]
    pub duration_ms: u64,
    /// Integrated loudness in LUFS.
    pub loudness_lufs: Option<f64>,
    /// True peak in dBTP.
    pub true_peak_db: Option<f64>,
    /// Who made it.
    pub author: String,
    /// When it was captured.
    pub captured_at: String,
    /// SHA-256 of the original: its fingerprint.
    pub fingerprint: String,
    /// Number of the older version with the same bytes.
    #[ts(type = "number | null")]
    pub same_as: Option<i64>,
    /// Syncing.
    pub sync: VersionSync,
    /// What is on this computer.
    pub here: Here,
    /// Whether the original stays on this computer whatever the project says.
    pub is_pinned: bool,
    /// Review.
    pub review: ReviewState,
    /// Damage or oddities of the audio in words, empty when there are none.
    pub flags: Vec<String>,
}

/// A track in a list.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, TS)]
pub struct TrackView {
    /// Id.
    pub id: String,
    /// Project.
    pub project: String,
    /// Name of the project.
    pub project_name: String,
    /// Name.
    pub name: String,
    /// Whether grouping was unsure and a look is wanted.
    pub please_check: bool,
    /// Newest version.
    pub newest: Option<VersionView>,
    /// Number of versions.
    #[ts(type = "number")]
    pub versions: i64,
    /// Number of the approved version.
    #[ts(type = "number | null")]
    pub approved: Option<i64>,
    /// Whether the track is a row of the catalogue.
    pub in_catalogue: bool,
    /// Whether everything of it is in the trash.
    pub in_trash: bool,
}

/// A file of a version for somebody without the app. Its address is as good as the file, so nothing prints it by accident.
#[derive(Clone, Serialize, Deserialize, TS)]
pub struct PlainFileView {
    /// Its path in the version.
    pub path: String,
    /// SHA-256 of exactly these bytes.
    pub sha256: String,
    /// The address that fetches it.
    pub url: String,
    /// For how many seconds.
    #[ts(type = "number")]
    pub valid_s: u64,
}

/// A track with its whole history, newest first.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, TS)]
pub struct TrackDetail {
    /// The track.
    pub track: TrackView,
    /// Its versions, newest first.
    pub versions: Vec<VersionView>,
}

/// A file that is not a version (yet).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct CandidateView {
    /// Id for `take_now`.
    pub id: String,
    /// Project.
    pub project: String,
    /// The file, relative to its folder, as text to show.
    pub path: String,
    /// State.
    pub state: CandidateState,
    /// What is going on and what to do.
    pub message: String,
}

/// Why a file is not a version (yet).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "snake_case")]
pub enum CandidateState {
    /// Another program is writing it.
    StillBeingWritten,
    /// It does not settle; "Take a version now anyway" is offered.
    Unsettled,
    /// Not audio this program can read, or not readable at all.
    NotReadable,
    /// Being copied and measured.
    Capturing,
    /// The disk is too full.
    NoSpace,
}

/// One of the two comparison slots.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "snake_case")]
pub enum Slot {
    /// Slot A.
    A,
    /// Slot B.
    B,
}

/// What a slot holds.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, TS)]
pub struct LaneView {
    /// The slot.
    pub slot: Slot,
    /// The version.
    pub version: String,
    /// Its number.
    #[ts(type = "number")]
    pub number: i64,
    /// Its track's name.
    pub track_name: String,
    /// Id of its track.
    pub track: String,
    /// Gain applied by level matching, in dB; 0 or less.
    pub gain_db: f64,
    /// Whether the preview plays because the original is not here.
    pub is_preview: bool,
    /// The gain rests on the preview's own loudness, because the original's is not here yet.
    pub approximate: bool,
    /// Length in seconds.
    pub duration_s: f64,
}

/// What a blind test asks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "snake_case")]
pub enum BlindKind {
    /// Which of two hidden versions is better: X or Y.
    Compare,
    /// Whether X is A or B, over several trials.
    Abx,
}

/// A button of a blind test.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "snake_case")]
pub enum BlindButton {
    /// The first reference of an ABX test.
    A,
    /// The second one.
    B,
    /// The hidden version; of a comparison the first one.
    X,
    /// The second hidden version of a comparison.
    Y,
}

/// What a blind test came to.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, TS)]
pub struct BlindResult {
    /// Number of the version behind X, of a comparison.
    #[ts(type = "number | null")]
    pub x: Option<i64>,
    /// Number of the version behind Y, of a comparison.
    #[ts(type = "number | null")]
    pub y: Option<i64>,
    /// Trials answered, of an ABX test.
    pub trials: u32,
    /// Right answers.
    pub correct: u32,
    /// Chance of at least so many right answers by guessing.
    pub p_value: f64,
}

/// A blind test under way. While it has no result, nothing in the player tells which version is heard.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, TS)]
pub struct BlindView {
    /// What it asks.
    pub kind: BlindKind,
    /// The button that is heard.
    pub heard: BlindButton,
    /// The present trial, from 1.
    pub trial: u32,
    /// All trials; 1 of a comparison.
    pub trials: u32,
    /// The result, once it is revealed.
    pub result: Option<BlindResult>,
}

/// The player, sent on each change and four times a second while playing.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, TS)]
pub struct PlayerView {
    /// Whether sound is running.
    pub playing: bool,
    /// Musical position in seconds; the web view extrapolates while playing.
    pub position_s: f64,
    /// Length of the longer lane in seconds.
    pub duration_s: f64,
    /// The slots that hold something.
    pub lanes: Vec<LaneView>,
    /// The slot that is heard.
    pub active: Slot,
    /// Whether level matching is on.
    pub level_match: bool,
    /// Loop from, to in seconds.
    pub loop_s: Option<(f64, f64)>,
    /// Volume, 0 to 1.
    pub volume: f64,
    /// Name of the device; none when there is none to play on.
    pub device: Option<String>,
    /// A note such as "Your headphones were unplugged. Playback is paused at 1:04."
    pub note: Option<String>,
    /// What is heard is the difference of the two slots.
    pub difference: bool,
    /// A side is silent or too short, so that levels cannot be matched.
    pub nothing_to_match: bool,
    /// The blind test under way.
    pub blind: Option<BlindView>,
}

/// What a server says of itself before anybody signs in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct ServerView {
    /// Its address in the form it will be kept.
    pub address: String,
    /// `invite`, `open` or `closed`.
    pub registration: String,
    /// Version of its program.
    pub version: String,
    /// Whether it sends mail: codes for a new account and a new password.
    pub mail: bool,
}

/// What an invitation is for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct InvitationView {
    /// Name of the project.
    pub project_name: String,
    /// Id of the project.
    pub project: String,
    /// Role it grants.
    pub role: String,
    /// Who invited.
    pub inviter: String,
    /// When it ends.
    pub expires_at: String,
}

/// A new invitation: the code is shown this once.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct NewInvitationView {
    /// Id, for taking it back.
    pub id: String,
    /// The code to copy and send.
    pub code: String,
    /// The same as a link.
    pub link: String,
    /// Role it grants.
    pub role: String,
    /// When it ends.
    pub expires_at: String,
    /// Whether it was mailed to the address it is for.
    pub mailed: bool,
}

/// A member of a project.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct MemberView {
    /// Account id.
    pub id: String,
    /// Name.
    pub name: String,
    /// Role.
    pub role: String,
    /// Since when.
    pub since: String,
    /// Whether this is the signed-in account.
    pub is_you: bool,
}

/// A column of the catalogue.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct ColumnView {
    /// Field name.
    pub name: String,
    /// Label to show.
    pub label: String,
    /// Type word of the schema.
    #[serde(rename = "type")]
    pub kind: String,
    /// Allowed words of a choice.
    pub choices: Vec<String>,
    /// Whether nobody edits it.
    pub read_only: bool,
    /// Whether this account may edit it.
    pub may_edit: bool,
    /// When it must be filled: `never`, `release`, `always`.
    pub required: String,
    /// A sentence of help.
    pub help: Option<String>,
}

/// A row of the catalogue, as text.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct CatalogueRowView {
    /// Row id.
    pub id: String,
    /// Token of this state of the row.
    pub rev: String,
    /// Text of each filled cell by field name.
    pub cells: BTreeMap<String, String>,
    /// Number of the approved version, for tracks.
    #[ts(type = "number | null")]
    pub approved: Option<i64>,
}

/// A table of the catalogue.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct CatalogueView {
    /// Project.
    pub project: String,
    /// `tracks` or `splits`.
    pub table: String,
    /// Id of the state.
    pub head: String,
    /// Number of the state.
    #[ts(type = "number")]
    pub number: i64,
    /// Columns this account may read.
    pub columns: Vec<ColumnView>,
    /// Rows.
    pub rows: Vec<CatalogueRowView>,
    /// Tracks not in the catalogue yet: id, name.
    pub outside: Vec<(String, String)>,
}

/// How a cell or row changes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "snake_case")]
pub enum ChangeWord {
    /// Was empty, or a new row.
    Added,
    /// Another value.
    Changed,
    /// Becomes empty.
    Cleared,
    /// The row goes.
    Deleted,
}

/// One changed cell (or row, or approved version).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct CellChangeView {
    /// Row id.
    pub row: String,
    /// What people call the row: the track's title.
    pub row_label: String,
    /// Field name; `_row`, `_approved`, `_retired`, `_schema` for whole things.
    pub field: String,
    /// Label of the field.
    pub field_label: String,
    /// Text before, none when empty.
    pub from: Option<String>,
    /// Text after, none when empty.
    pub to: Option<String>,
    /// How it changes.
    pub change: ChangeWord,
}

/// A row found by what it says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct CatalogueHit {
    /// Project.
    pub project: String,
    /// Its name.
    pub project_name: String,
    /// `tracks` or `splits`.
    pub table: String,
    /// Row id.
    pub row: String,
    /// What people call the row.
    pub row_label: String,
    /// Field that says it.
    pub field: String,
    /// Its label.
    pub field_label: String,
    /// What it says.
    pub text: String,
}

/// A change set in the inbox.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct ProposalView {
    /// Id.
    pub id: String,
    /// Project.
    pub project: String,
    /// Name of the project.
    pub project_name: String,
    /// Title.
    pub title: String,
    /// Who proposed.
    pub author: String,
    /// Whether that is the signed-in account.
    pub is_yours: bool,
    /// `draft`, `open`, `changes_requested`, `approved`, `rejected`, `withdrawn`, `split`.
    pub status: String,
    /// When it was proposed.
    pub created_at: String,
    /// Operations in it.
    #[ts(type = "number")]
    pub op_count: i64,
    /// Who decided.
    pub decided_by: Option<String>,
    /// When.
    pub decided_at: Option<String>,
    /// The reason given.
    pub decision_reason: Option<String>,
}

/// The inbox.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct InboxView {
    /// Waiting for this account's decision.
    pub to_review: Vec<ProposalView>,
    /// Own proposals not decided yet.
    pub mine: Vec<ProposalView>,
    /// Decided.
    pub closed: Vec<ProposalView>,
    /// Ids of waiting proposals that somebody else's changes stand in the way of.
    pub in_conflict: Vec<String>,
    /// Ids of projects where this account may approve its own proposals, as the only approver there is.
    pub may_approve_own: Vec<String>,
}

/// The version part of a proposal: what is heard.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, TS)]
pub struct ProposedVersionView {
    /// Track.
    pub track: String,
    /// Its name.
    pub track_name: String,
    /// The proposed version.
    pub proposed: VersionView,
    /// The version approved now.
    pub approved: Option<VersionView>,
    /// Which parts of the proposed version were heard on this computer; it informs, and never stands in the way.
    pub heard: HeardView,
    /// Open comments on the track's versions.
    pub open_comments: Vec<CommentView>,
}

/// Which parts of a version were heard on this computer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct HeardView {
    /// Version.
    pub version: String,
    /// Its length in ms; 0 when it is not known.
    #[ts(type = "number")]
    pub duration_ms: i64,
    /// How much of it was heard, in ms.
    #[ts(type = "number")]
    pub heard_ms: i64,
    /// How much of that only as a preview, in ms.
    #[ts(type = "number")]
    pub preview_ms: i64,
    /// The parts, in order, without overlap.
    pub ranges: Vec<HeardRange>,
}

/// A part that was heard.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct HeardRange {
    /// Where it starts, in ms.
    #[ts(type = "number")]
    pub from_ms: i64,
    /// Where it ends, in ms.
    #[ts(type = "number")]
    pub to_ms: i64,
    /// Whether only the preview was heard there.
    pub is_preview: bool,
}

/// A comment at a point or a range of a version.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct CommentView {
    /// Id.
    pub id: String,
    /// Track.
    pub track: String,
    /// Version it was written on.
    pub version: String,
    /// Number of that version.
    #[ts(type = "number")]
    pub version_number: i64,
    /// Where it is about, in ms from the start.
    #[ts(type = "number")]
    pub from_ms: i64,
    /// Where the range ends, in ms; none for a point.
    #[ts(type = "number | null")]
    pub to_ms: Option<i64>,
    /// What it says.
    pub text: String,
    /// Id of the comment it answers.
    pub reply_to: Option<String>,
    /// Who wrote it.
    pub author: String,
    /// Whether that is this account.
    pub is_yours: bool,
    /// When it was written.
    pub made_at: String,
    /// Whether it is settled.
    pub resolved: bool,
    /// Who settled it.
    pub resolved_by: Option<String>,
    /// Whether the server knows all of it; until then others do not see it.
    pub is_sent: bool,
    /// Why the server refused it, when it did.
    pub problem: Option<String>,
}

/// A change set as reviewed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, TS)]
pub struct ProposalDetail {
    /// The inbox entry.
    pub proposal: ProposalView,
    /// Why.
    pub reason: String,
    /// What was shown; sent back with the decision.
    pub revision_digest: String,
    /// What was shown; sent back with the decision.
    pub expected_head: String,
    /// What was shown; sent back with the decision. None when it cannot be approved.
    pub effect_digest: Option<String>,
    /// Number of the catalogue state it would apply to.
    #[ts(type = "number")]
    pub catalogue_number: i64,
    /// `clean`, `stale_clean`, `conflict`, `invalid_after_merge`, `schema_moved`.
    pub mergeability: String,
    /// Changed cells.
    pub changes: Vec<CellChangeView>,
    /// Versions it would approve.
    pub versions: Vec<ProposedVersionView>,
    /// Cells somebody else changed meanwhile, and rules the result would break.
    pub problems: Vec<String>,
    /// Whether this account may decide it now.
    pub may_decide: bool,
    /// If not, why.
    pub may_not_because: Option<String>,
    /// Number of the revision shown.
    #[ts(type = "number")]
    pub revision: i64,
    /// Whether this computer checked the exact bytes of the revision against its fingerprint; not where a column in them is hidden.
    pub verified: bool,
    /// Whether approving it would be approving one's own, as the only approver there is.
    pub self_approval: bool,
    /// Its operations, in order: what a split divides.
    pub ops: Vec<ProposedOpView>,
    /// What two people changed differently; each needs a choice before it can be approved.
    pub conflicts: Vec<ConflictView>,
    /// What must have been looked at before approving, most serious first.
    pub risks: Vec<RiskView>,
    /// Id of the proposal it was split off.
    pub split_from: Option<String>,
    /// Ids of the proposals it was split into.
    pub split_into: Vec<String>,
    /// Id of the proposal it takes back.
    pub reverts: Option<String>,
}

/// One operation of a proposal.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct ProposedOpView {
    /// Its place, from 0; a split names these.
    pub index: u32,
    /// Row id; empty for the columns themselves.
    pub row: String,
    /// Field name, or `_row`, `_approved`, `_retired`, `_schema`: together with the row the change it makes.
    pub field: String,
    /// Operations of one group are kept together in a split.
    pub group: u32,
}

/// Something two people changed differently, in three values.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct ConflictView {
    /// Place of the operation, from 0.
    pub op: u32,
    /// `cell`, `deleted_but_edited`, `edited_but_deleted`, `duplicate`, `schema`.
    pub kind: String,
    /// Row id.
    pub row: String,
    /// What people call the row.
    pub row_label: String,
    /// Field name, or `_row`, `_approved`, `_schema`.
    pub field: String,
    /// Label of the field.
    pub field_label: String,
    /// What the author saw, none for nothing.
    pub was: Option<String>,
    /// What is proposed, none for nothing.
    pub proposed: Option<String>,
    /// What stands there now, none for nothing.
    pub now: Option<String>,
    /// Whether a third value may be typed; else only one of the two can stand.
    pub may_type: bool,
    /// Whether the proposed value can stand at all; not where its column is gone.
    pub may_take: bool,
    /// Who proposed what stands there now.
    pub changed_by: Option<String>,
    /// When that was approved.
    pub changed_at: Option<String>,
    /// Title of the proposal that did it.
    pub changed_in: Option<String>,
}

/// What stands at the end of a conflict.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct ConflictChoice {
    /// Row id of the conflict.
    pub row: String,
    /// Its field.
    pub field: String,
    /// Which value.
    pub choice: ChoiceWord,
    /// The typed text, for `typed`; empty clears the cell.
    pub value: Option<String>,
}

/// Which of the values of a conflict.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "snake_case")]
pub enum ChoiceWord {
    /// The proposed one.
    Proposed,
    /// The one that stands there now.
    Current,
    /// A typed one.
    Typed,
}

/// Changes that are looked at on their own.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct RiskView {
    /// `schema`, `deletions`, `replaced_approval`, `retired`, `shares`, `identifiers`, `cleared`, `hidden_characters`,
    /// `no_base`.
    pub risk: String,
    /// Places of the changes, from 0.
    pub changes: Vec<u32>,
}

/// The two proposals that took the place of one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct SplitView {
    /// The one with what was kept.
    pub kept: ProposalView,
    /// The one with the rest.
    pub rest: ProposalView,
}

/// A proposal that takes an approved one back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct RevertView {
    /// The new proposal.
    pub proposal: ProposalView,
    /// What it leaves as it is, in words.
    pub left: Vec<String>,
}

/// What checking an exported audit log found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct LogCheckView {
    /// Project.
    pub project: String,
    /// `ok`, or what does not fit: `malformed`, `seq_gap`, `prev_mismatch`, `state_mismatch`, `catalogue_mismatch`, `truncated`,
    /// `inconsistent`.
    pub verdict: String,
    /// Entries that were checked.
    #[ts(type = "number")]
    pub entries: i64,
    /// Fingerprint of the last one.
    pub last: String,
    /// The entry that does not fit.
    #[ts(type = "number | null")]
    pub entry: Option<i64>,
    /// What is wrong with it.
    pub why: Option<String>,
    /// Whether the exported catalogue was compared with the log too.
    pub catalogue_checked: bool,
    /// What is no failure, and worth knowing.
    pub notices: Vec<String>,
}

/// One audit entry.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct ActivityView {
    /// Place in the chain.
    #[ts(type = "number")]
    pub seq: i64,
    /// When.
    pub time: String,
    /// Who.
    pub actor: String,
    /// What, in words.
    pub sentence: String,
    /// Hash of the entry.
    pub fingerprint: String,
}

/// What happened in the library: screens fetch again what they show.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, TS)]
#[serde(rename_all = "snake_case", tag = "type")]
pub enum AppEvent {
    /// Projects, tracks, versions or candidates changed.
    Library {
        /// The new revision.
        #[ts(type = "number")]
        revision: i64,
    },
    /// Connection or syncing changed.
    Sync {
        /// The new revision.
        #[ts(type = "number")]
        revision: i64,
    },
    /// Catalogue, change sets or members of a project changed.
    Project {
        /// The project.
        project: String,
        /// The new revision.
        #[ts(type = "number")]
        revision: i64,
    },
    /// The player changed.
    Player {
        /// Its state.
        player: PlayerView,
    },
    /// Something to tell the user once.
    Notice {
        /// What.
        message: String,
    },
}

/// An error as the web view gets it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct ErrorView {
    /// Stable code; see the protocol's error codes.
    pub code: String,
    /// What happened and what it means for the music.
    pub message: String,
    /// What to do.
    pub hint: Option<String>,
}

/// Which originals of a project stay on this computer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct KeepingView {
    /// `all`, `latest:N` for those of the newest N versions of each track, or `on_demand`.
    pub originals: String,
    /// Room for all originals of this library in bytes; no limit without it.
    #[ts(type = "number | null")]
    pub budget_bytes: Option<u64>,
    /// Bytes that all originals of this library take now.
    #[ts(type = "number")]
    pub used_bytes: u64,
}

/// What a folder that holds exports already would become; edited by a person before it is taken over.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct FolderProposal {
    /// Id for `take_over`.
    pub id: String,
    /// The folder, as text to show.
    pub folder: String,
    /// Its tracks, in order of their oldest file.
    pub tracks: Vec<ProposedTrack>,
}

/// A track of a proposal.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct ProposedTrack {
    /// Name.
    pub name: String,
    /// Whether the folder had to name the track.
    pub please_check: bool,
    /// Name of the track it may be the same as: they differ in a number only.
    pub merge_with: Option<String>,
    /// Versions, oldest first.
    pub versions: Vec<ProposedVersion>,
}

/// A version of a proposal.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct ProposedVersion {
    /// Files inside the folder: one, or the stems of a set.
    pub files: Vec<String>,
    /// Further names of the same bytes; they are no versions of their own.
    pub also: Vec<String>,
    /// Kind.
    pub kind: String,
    /// Time of the file.
    pub modified_at: String,
    /// Bytes of all its files.
    #[ts(type = "number")]
    pub size_bytes: u64,
}

/// What a project takes and leaves out on this computer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct CaptureRulesView {
    /// Names, or paths inside a folder, with `*` and `?`, that are passed over.
    pub left_out: Vec<String>,
    /// Whether DAW sessions become versions.
    pub sessions: bool,
}

/// Most bytes per second that syncing uses.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct LimitsView {
    /// Sending; no limit without it.
    #[ts(type = "number | null")]
    pub up_bytes_per_s: Option<u64>,
    /// Fetching; no limit without it.
    #[ts(type = "number | null")]
    pub down_bytes_per_s: Option<u64>,
}
