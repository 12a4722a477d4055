//! The command line.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};

/// Versions, listening, syncing and approval without a window.
///
/// A TRACK is its name or its id (trk_…). A VERSION is its id (ver_…) or TRACK:NUMBER, such as "Night Drive:2".
#[derive(Parser)]
#[command(name = "collabtrack-cli", version)]
pub(crate) struct Arguments {
    /// Folder of the library; by default the one the desktop app uses.
    #[arg(long, global = true, value_name = "DIR", env = "COLLABTRACK_LIBRARY")]
    pub(crate) library: Option<PathBuf>,
    /// Answers as one JSON document.
    #[arg(long, global = true)]
    pub(crate) json: bool,
    /// Keeps sessions in this file instead of the system's keyring, sealed with the passphrase of `COLLABTRACK_TOKEN_PASSPHRASE`. For
    /// machines without a keyring.
    #[arg(long, global = true, value_name = "FILE", env = "COLLABTRACK_TOKEN_FILE")]
    pub(crate) token_file: Option<PathBuf>,
    /// What to do.
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// What to do.
#[derive(Subcommand)]
pub(crate) enum Command {
    /// Make DIR a watched folder of a project of this library.
    Init {
        /// The folder exports go to.
        dir: PathBuf,
        /// Name of the project; by default the folder's.
        #[arg(long)]
        name: Option<String>,
    },
    /// Capture finished exports, until interrupted.
    Watch {
        /// Capture what is finished or finishes while being looked at, then stop.
        #[arg(long)]
        once: bool,
    },
    /// Propose tracks and versions for a folder that holds exports already; with --take or --plan, take it over.
    Import {
        /// The folder.
        dir: PathBuf,
        /// Take it over as proposed.
        #[arg(long, conflicts_with = "plan")]
        take: bool,
        /// Take it over as edited: the answer of `import DIR --json`, changed by hand.
        #[arg(long, value_name = "FILE")]
        plan: Option<PathBuf>,
        /// Into this project, by name or id; by default a new one named like the folder.
        #[arg(long)]
        project: Option<String>,
    },
    /// Correct where versions belong, and what things are called.
    #[command(subcommand)]
    Track(TrackCommand),
    /// What a project takes, leaves out and keeps on this computer.
    #[command(subcommand)]
    Project(ProjectCommand),
    /// Show or set how many bytes per second syncing may use.
    Limit {
        /// Sending; 0 for no limit.
        #[arg(long, value_name = "BYTES")]
        up: Option<u64>,
        /// Fetching; 0 for no limit.
        #[arg(long, value_name = "BYTES")]
        down: Option<u64>,
    },
    /// List versions, newest first, with numbers and fingerprints.
    Versions {
        /// Only this track.
        track: Option<String>,
    },
    /// Write the exact bytes of a version, fetching them if they are not here.
    Fetch {
        /// The version.
        version: String,
        /// Target file, or folder for a version of several files; must not exist.
        #[arg(short, long)]
        output: PathBuf,
    },
    /// Write what the player would play as a WAV file.
    Render(Render),
    /// Measure a file: loudness, true peak, rate, depth.
    Analyse(Analyse),
    /// Connect this library to a server.
    Connect {
        /// Address of the server.
        url: String,
    },
    /// Sign in. The password is taken from `COLLABTRACK_PASSWORD`, else from standard input.
    SignIn {
        /// E-mail address.
        email: String,
        /// Code of the second factor, or a recovery code.
        #[arg(long)]
        code: Option<String>,
    },
    /// Make an account and sign in. The password is taken from `COLLABTRACK_PASSWORD`, else from standard input.
    SignUp {
        /// E-mail address.
        email: String,
        /// Name shown to others.
        #[arg(long)]
        name: String,
        /// Invitation code, where the server registers by invitation.
        #[arg(long)]
        invitation: Option<String>,
    },
    /// Make the account that was asked for, with the code mailed to its address and the same password.
    Confirm {
        /// The code (ctv_…), or the whole link.
        code: String,
    },
    /// Have a code for a new password mailed to an address; `account reset` takes it.
    Forgot {
        /// E-mail address.
        email: String,
    },
    /// End the session on this computer.
    SignOut,
    /// Make an invitation code for a project.
    Invite {
        /// Project, by name or id.
        project: String,
        /// The role it grants.
        #[arg(long, default_value = "member")]
        role: String,
        /// Only the account with this address may accept.
        #[arg(long)]
        email: Option<String>,
        /// Days until it ends, 1 to 30.
        #[arg(long)]
        days: Option<u32>,
        /// Have the server mail it to that address.
        #[arg(long, requires = "email")]
        mail: bool,
    },
    /// Members and invitations of a project.
    #[command(subcommand)]
    Members(Members),
    /// The signed-in account: sessions, devices, password, second factor.
    #[command(subcommand)]
    Account(Account),
    /// For site admins: accounts of the server.
    #[command(subcommand)]
    Site(Site),
    /// Join a project with a code.
    Join {
        /// The code.
        code: String,
    },
    /// Put a project of this computer on the server.
    Publish {
        /// Project, by name or id.
        project: String,
    },
    /// Send and fetch until nothing is left, then go on waiting for news.
    Sync {
        /// Stop when nothing is left.
        #[arg(long)]
        once: bool,
    },
    /// The catalogue as CSV.
    #[command(subcommand)]
    Catalogue(Catalogue),
    /// Proposals.
    #[command(subcommand)]
    Changes(Changes),
    /// Propose a version as the approved one of its track.
    Propose {
        /// The version.
        version: String,
        /// Why.
        #[arg(long, default_value = "")]
        reason: String,
        /// Also approve it, where you are the only one who approves; the record says so.
        #[arg(long)]
        approve: bool,
    },
    /// Propose to retire a version: it stays playable, marked, and is never approved again.
    Retire {
        /// The version.
        version: String,
        /// Why.
        #[arg(long)]
        reason: String,
    },
    /// Comments at a point or a range of a version.
    #[command(subcommand)]
    Comment(Comment),
    /// Go back to a version: it becomes the newest one, nothing is rewritten.
    Restore {
        /// The version.
        version: String,
    },
    /// Addresses that fetch exactly the files of a version, for anybody, for at most a day.
    Link {
        /// The version.
        version: String,
    },
    /// The trash: what goes there comes back as it was within 35 days.
    #[command(subcommand)]
    Trash(TrashCommand),
    /// Which version a file is, if any, and whether it is the approved one.
    Identify {
        /// The file.
        file: PathBuf,
    },
    /// Check something offline.
    #[command(subcommand)]
    Verify(Verify),
    /// Check the set-up and say what is wrong.
    Doctor,
}

/// `render`.
#[derive(Args)]
pub(crate) struct Render {
    /// The version in slot A.
    pub(crate) version: String,
    /// Target WAV file.
    #[arg(short, long)]
    pub(crate) output: PathBuf,
    /// First second.
    #[arg(long)]
    pub(crate) from: Option<f64>,
    /// Last second.
    #[arg(long)]
    pub(crate) to: Option<f64>,
    /// A version in slot B: the render flips between both, level-matched, every --flip seconds.
    #[arg(long)]
    pub(crate) ab: Option<String>,
    /// Seconds between flips.
    #[arg(long, default_value_t = 2.0)]
    pub(crate) flip: f64,
}

/// `analyse`.
#[derive(Args)]
pub(crate) struct Analyse {
    /// The file.
    pub(crate) file: PathBuf,
    /// Also write its peaks as an audiowaveform `.dat` (version 2) file.
    #[arg(long, value_name = "OUT")]
    pub(crate) dat: Option<PathBuf>,
}

/// A table of the catalogue.
#[derive(Clone, Copy, ValueEnum)]
pub(crate) enum Table {
    /// Tracks.
    Tracks,
    /// Splits.
    Splits,
}

impl Table {
    /// Its word.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Tracks => "tracks",
            Self::Splits => "splits",
        }
    }
}

/// What separates the cells of a CSV.
#[derive(Clone, Copy, ValueEnum)]
pub(crate) enum Delimiter {
    /// `,`
    Comma,
    /// `;`
    Semicolon,
}

impl From<Delimiter> for collabtrack_domain::catalogue::csv::Delimiter {
    fn from(delimiter: Delimiter) -> Self {
        match delimiter {
            Delimiter::Comma => Self::Comma,
            Delimiter::Semicolon => Self::Semicolon,
        }
    }
}

/// `catalogue …`.
#[derive(Subcommand)]
pub(crate) enum Catalogue {
    /// Write a table as CSV, or with --all everything as a zip.
    Export {
        /// Project, by name or id; with --all it may be left out, for every project.
        #[arg(required_unless_present = "all")]
        project: Option<String>,
        /// Target file.
        #[arg(short, long)]
        output: PathBuf,
        /// The table.
        #[arg(long, value_enum, default_value = "tracks")]
        table: Table,
        /// What separates the cells; semicolon for spreadsheets of countries with a decimal comma, such as Excel in German.
        #[arg(long, value_enum, default_value = "comma")]
        delimiter: Delimiter,
        /// Everything as one zip: both tables, columns, versions, proposals, the audit log, and a manifest.
        #[arg(long)]
        all: bool,
    },
    /// The columns as a JSON document.
    Schema {
        /// Project, by name or id.
        project: String,
        /// Say what the columns of this file would do, without proposing them.
        #[arg(long, value_name = "FILE", conflicts_with = "propose")]
        check: Option<PathBuf>,
        /// Propose the columns of this file instead of showing those there are.
        #[arg(long, value_name = "FILE")]
        propose: Option<PathBuf>,
        /// Why.
        #[arg(long, default_value = "")]
        reason: String,
    },
    /// Rows that say all words of a query.
    Search {
        /// The words.
        query: String,
        /// Only this project, by name or id.
        #[arg(long)]
        project: Option<String>,
    },
    /// Show what an edited CSV would change; nothing is proposed.
    Diff {
        /// Project, by name or id.
        project: String,
        /// The edited file.
        file: PathBuf,
        /// The table.
        #[arg(long, value_enum, default_value = "tracks")]
        table: Table,
    },
    /// Propose what an edited CSV would change.
    Propose {
        /// Project, by name or id.
        project: String,
        /// The edited file.
        file: PathBuf,
        /// The table.
        #[arg(long, value_enum, default_value = "tracks")]
        table: Table,
        /// Title of the proposal.
        #[arg(long)]
        title: Option<String>,
        /// Why.
        #[arg(long, default_value = "")]
        reason: String,
    },
}

/// `changes …`.
#[derive(Subcommand)]
pub(crate) enum Changes {
    /// What waits, what is yours, what is decided.
    List,
    /// What a proposal would change now.
    Show {
        /// Id of the change set (chg_…).
        change_set: String,
    },
    /// Approve exactly what was shown. On a terminal it is shown and asked about; elsewhere name what `show` showed with --seen.
    Approve {
        /// Id of the change set (chg_…).
        change_set: String,
        /// The fingerprint that `show` ended with: the proposal is approved only while it is exactly that.
        #[arg(long, value_name = "FINGERPRINT")]
        seen: Option<String>,
    },
    /// Correct your own proposal: it waits for review again, as its next revision.
    Revise {
        /// Id of the change set (chg_…).
        change_set: String,
        /// Another text for a cell, as ROW:FIELD=TEXT, with row and field as `show --json` names them; empty text clears it.
        #[arg(long = "set", value_name = "ROW:FIELD=TEXT")]
        cells: Vec<String>,
        /// Numbers of the changes to leave out, as `show` numbers them.
        #[arg(long, value_delimiter = ',', value_name = "N")]
        drop: Vec<u32>,
        /// An edited CSV whose changes take the place of everything the proposal says.
        #[arg(long, conflicts_with_all = ["cells", "drop"])]
        csv: Option<PathBuf>,
        /// The table of the CSV.
        #[arg(long, value_enum, default_value = "tracks", requires = "csv")]
        table: Table,
        /// What was corrected and why; without it the reason stays.
        #[arg(long, default_value = "")]
        reason: String,
    },
    /// Reject, with a reason.
    Reject {
        /// Id of the change set (chg_…).
        change_set: String,
        /// Why.
        #[arg(long)]
        reason: String,
    },
    /// Ask the author for changes, with a reason.
    Ask {
        /// Id of the change set (chg_…).
        change_set: String,
        /// What is to change.
        #[arg(long)]
        reason: String,
    },
    /// Take back your own proposal.
    Withdraw {
        /// Id of the change set (chg_…).
        change_set: String,
    },
    /// Put up for review your own draft, or a proposal that was sent back to you.
    Submit {
        /// Id of the change set (chg_…).
        change_set: String,
    },
    /// Divide a proposal in two; each then is decided by itself.
    Split {
        /// Id of the change set (chg_…).
        change_set: String,
        /// Numbers of the changes to keep together, as `show` numbers them; the others become a second proposal.
        #[arg(long, required = true, value_delimiter = ',', value_name = "N")]
        keep: Vec<u32>,
    },
    /// Settle every conflict of a proposal.
    Resolve {
        /// Id of the change set (chg_…).
        change_set: String,
        /// What stands at the end: ROW:FIELD=proposed, ROW:FIELD=current, or ROW:FIELD=typed:TEXT; one per conflict.
        #[arg(required = true, value_name = "CHOICE")]
        choices: Vec<String>,
    },
    /// Propose to take back what an approved proposal did.
    Revert {
        /// Id of the change set (chg_…).
        change_set: String,
        /// Why.
        #[arg(long, default_value = "")]
        reason: String,
        /// Keep it as a draft instead of putting it up for review.
        #[arg(long)]
        draft: bool,
    },
}

/// `comment …`.
#[derive(Subcommand)]
pub(crate) enum Comment {
    /// The comments on every version of a track.
    List {
        /// The track.
        track: String,
    },
    /// Write a comment; it is sent with the next sync.
    Add {
        /// The version.
        version: String,
        /// What it says.
        text: String,
        /// Where it is about, such as 1:04 or 64.5.
        #[arg(long, default_value = "0")]
        at: String,
        /// Where the range ends; without it the comment is about a point.
        #[arg(long)]
        to: Option<String>,
        /// Id of the comment it answers (cmt_…).
        #[arg(long)]
        reply_to: Option<String>,
    },
    /// Settle a comment.
    Resolve {
        /// Id of the comment (cmt_…).
        comment: String,
    },
    /// Open a settled comment again.
    Reopen {
        /// Id of the comment (cmt_…).
        comment: String,
    },
}

/// `track …`.
#[derive(Subcommand)]
pub(crate) enum TrackCommand {
    /// Name a track.
    Rename {
        /// The track.
        track: String,
        /// Its name.
        name: String,
    },
    /// Make two tracks one; files of its name belong to the other from now on.
    Merge {
        /// The track that goes.
        from: String,
        /// The track that stays.
        into: String,
    },
    /// Split versions off into a new track.
    Split {
        /// The versions.
        #[arg(required = true)]
        versions: Vec<String>,
        /// Name of the new track.
        #[arg(long)]
        name: String,
    },
    /// Move versions to another track.
    Move {
        /// The versions.
        #[arg(required = true)]
        versions: Vec<String>,
        /// The track they go to.
        #[arg(long)]
        to: String,
    },
    /// Write the note of a version.
    Note {
        /// The version.
        version: String,
        /// The note.
        note: String,
    },
    /// Say what kind of version it is: demo, rough, mix, alternate, master, stem, multitrack, take.
    Kind {
        /// The version.
        version: String,
        /// The kind.
        kind: String,
    },
}

/// `project …`.
#[derive(Subcommand)]
pub(crate) enum ProjectCommand {
    /// Show or set what a project takes and leaves out.
    Rules {
        /// Project, by name or id.
        project: String,
        /// Leave out a name, or a path with `*` and `?`; replaces the list, and may be given several times.
        #[arg(long = "leave-out", value_name = "PATTERN")]
        leave_out: Vec<String>,
        /// Leave out nothing any more.
        #[arg(long, conflicts_with = "leave_out")]
        leave_out_nothing: bool,
        /// Whether DAW sessions become versions.
        #[arg(long, value_name = "true|false")]
        sessions: Option<bool>,
    },
    /// Show or set which originals stay on this computer: all, latest:N or `on_demand`.
    Keep {
        /// Project, by name or id.
        project: String,
        /// The rule.
        originals: Option<String>,
        /// Room for all originals in bytes; 0 for no limit.
        #[arg(long, value_name = "BYTES")]
        budget: Option<u64>,
    },
    /// Keep the original of a version here whatever the rule says.
    Pin {
        /// The version.
        version: String,
        /// No longer.
        #[arg(long)]
        off: bool,
    },
}

/// `trash …`.
#[derive(Subcommand)]
pub(crate) enum TrashCommand {
    /// What is in the trash, and until when it is kept.
    List {
        /// Only this project, by name or id.
        project: Option<String>,
    },
    /// Put versions into the trash; they keep their numbers.
    Put {
        /// The versions.
        #[arg(required = true)]
        versions: Vec<String>,
    },
    /// Put every version of a track into the trash.
    Track {
        /// The track.
        track: String,
    },
    /// Bring versions back.
    Back {
        /// Ids of the versions (ver_…), as `trash list` names them.
        #[arg(required = true)]
        versions: Vec<String>,
    },
    /// Put a whole project into the trash of the server; only its owners may.
    Project {
        /// Project, by name or id.
        project: String,
    },
    /// Bring a whole project back; `trash list` names its id.
    ProjectBack {
        /// Id of the project (prj_…).
        project: String,
    },
}

/// `verify …`.
#[derive(Subcommand)]
pub(crate) enum Verify {
    /// The audit log in a zip of `catalogue export --all`, against itself and against the exported catalogue.
    Audit {
        /// The zip.
        file: PathBuf,
    },
}

/// `members …`.
#[derive(Subcommand)]
pub(crate) enum Members {
    /// Who is in a project.
    List {
        /// Project, by name or id.
        project: String,
    },
    /// Give somebody another role.
    Role {
        /// Project, by name or id.
        project: String,
        /// Account id (acc_…).
        account: String,
        /// listener, member, admin or owner.
        role: String,
    },
    /// Remove somebody; their versions stay.
    Remove {
        /// Project, by name or id.
        project: String,
        /// Account id (acc_…).
        account: String,
    },
    /// Leave a project; what is on this computer stays.
    Leave {
        /// Project, by name or id.
        project: String,
    },
    /// Hand a project to another member.
    Transfer {
        /// Project, by name or id.
        project: String,
        /// Account id (acc_…) of the new owner.
        account: String,
    },
    /// The open invitations of a project.
    Invitations {
        /// Project, by name or id.
        project: String,
    },
    /// Take an invitation back.
    Uninvite {
        /// Project, by name or id.
        project: String,
        /// Id of the invitation (inv_…).
        invitation: String,
    },
}

/// `account …`. Passwords are taken from `COLLABTRACK_PASSWORD` and `COLLABTRACK_NEW_PASSWORD`, else from lines of standard input.
#[derive(Subcommand)]
pub(crate) enum Account {
    /// The account as the server knows it.
    Show,
    /// Give the password again, for what needs it: holds for ten minutes.
    StepUp {
        /// Code of the second factor, or a recovery code.
        #[arg(long)]
        code: Option<String>,
    },
    /// Set a new password; every other session ends.
    Password {
        /// Code of the second factor, or a recovery code.
        #[arg(long)]
        code: Option<String>,
    },
    /// Give the account another address, or have the one it has confirmed by mail.
    Address {
        /// E-mail address.
        email: String,
    },
    /// Confirm the address with the code mailed to it.
    ConfirmAddress {
        /// The code (ctv_…), or the whole link.
        code: String,
    },
    /// Delete the account on the server. What is on this computer stays; versions on the server stay, by a former member.
    Delete {
        /// The address of the account, so that nobody deletes it by accident.
        email: String,
    },
    /// Set a new password with a code of a site admin or of a mail.
    Reset {
        /// The code (ctr_…), or the whole link.
        reset_code: String,
    },
    /// The sessions of the account.
    Sessions,
    /// End a session.
    EndSession {
        /// Its id.
        id: String,
    },
    /// End every other session.
    EndOthers,
    /// The devices the account knows.
    Devices,
    /// The keys that computers of the account sign with, by fingerprint.
    Keys,
    /// Make a key on this computer and give the account its public half.
    MakeKey,
    /// Revoke a key: it signs nothing that counts from now on.
    RevokeKey {
        /// Its fingerprint.
        id: String,
    },
    /// Begin setting up a second factor: prints the secret for an authenticator app.
    TotpBegin,
    /// Switch the second factor on with a code of the app; prints the recovery codes.
    TotpConfirm {
        /// The code.
        code: String,
    },
    /// Switch the second factor off.
    TotpOff,
}

/// `site …`.
#[derive(Subcommand)]
pub(crate) enum Site {
    /// Become the first site admin, with the code of `collabtrack-server setup-code`.
    Claim {
        /// The code (ctu_…).
        code: String,
    },
    /// List accounts.
    Accounts {
        /// Part of the address or name.
        #[arg(default_value = "")]
        query: String,
    },
    /// Disable an account; its sessions end at once.
    Disable {
        /// Account id (acc_…).
        account: String,
    },
    /// Enable an account again.
    Enable {
        /// Account id (acc_…).
        account: String,
    },
    /// Make a code with which an account sets a new password.
    ResetCode {
        /// Account id (acc_…).
        account: String,
    },
    /// Make an account a site admin.
    Appoint {
        /// Account id (acc_…).
        account: String,
    },
    /// Make a site admin an ordinary account.
    Demote {
        /// Account id (acc_…).
        account: String,
    },
}
