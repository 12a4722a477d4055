//! The control loop: observe, plan, do. One loop at a time; what it does runs beside it and ends with it.

use std::collections::{BTreeSet, VecDeque};
use std::sync::Arc;

use collabtrack_domain::id::{ChangeSetId, ProjectId, VersionId};
use collabtrack_domain::role::Action;
use collabtrack_protocol::limits::PART_SIZE_BYTES;
use collabtrack_protocol::problem::ErrorCode;
use futures::StreamExt;
use futures::future::BoxFuture;
use futures::stream::FuturesUnordered;
use sqlx::SqliteConnection;

use super::http::{Api, HttpRemote};
use super::plan::{EditNode, InNode, Op, OutNode, Picture, ProjectNode, plan};
use super::remote::{Remote, RemoteError};
use super::retry::{Reaction, reaction};
use crate::error::{LibraryError, Result, chain};
use crate::library::Library;
use crate::store::{change_sets, comments, commit, edits, members, outbox, projects, shown, versions};
use crate::view::AppEvent;

/// Originals fetched at once.
const DOWN: usize = 2;
/// Failures after which a preview is given up, and a checksum refusal is for the user.
const ENOUGH: u32 = 3;

/// What one round of syncing did.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct SyncOutcome {
    /// Operations that succeeded.
    pub done: usize,
    /// Versions not confirmed by the server yet.
    pub waiting: i64,
    /// Versions whose preview or original is still to be fetched.
    pub fetching: i64,
    /// What went wrong, in words.
    pub problems: Vec<String>,
}

/// Whether a round waits for what failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Patience {
    /// Failed operations are tried again, a few times.
    Insist,
    /// Failed operations are left for a later round.
    Leave,
}

enum Done {
    Well,
    Failed(LibraryError),
}

type Flying<'f> = FuturesUnordered<BoxFuture<'f, (Op, Done)>>;

/// Does `work` while what is flying goes on: an operation that stood still in the middle of a transaction would hold the database for
/// everybody. What ends meanwhile is kept in `ended`.
async fn beside<T>(flying: &mut Flying<'_>, ended: &mut VecDeque<(Op, Done)>, work: impl Future<Output = T>) -> T {
    let mut work = std::pin::pin!(work);
    loop {
        tokio::select! {
            out = &mut work => return out,
            Some(done) = flying.next(), if !flying.is_empty() => ended.push_back(done),
        }
    }
}

impl Library {
    /// The server this library is connected to.
    /// # Errors
    /// `SignedOut`, or what the keyring said.
    pub(crate) async fn remote(&self) -> Result<Arc<dyn Remote>> {
        if let Some(remote) = &self.options().remote {
            return Ok(remote.clone());
        }
        Ok(Arc::new(HttpRemote(self.api().await?)))
    }

    /// The server's API with the session of the signed-in account.
    pub(crate) async fn api(&self) -> Result<Api> {
        let (server, token) = self.session().await?;
        let base = server.parse().map_err(|_| LibraryError::Address { address: server })?;
        Ok(Api::new(base, Some(token))?.within(self.sync_state().limits.clone()))
    }

    /// Sends and fetches until nothing is left that can be done.
    /// # Errors
    /// `SignedOut`, `InUse`, or that the server does not answer; what was done stays done.
    pub async fn sync_once(&self) -> Result<SyncOutcome> {
        self.work_alone().await?;
        self.sync_state().waits().clear();
        let remote = self.remote().await?;
        self.make_previews_now().await?;
        self.round_with_session(remote, Patience::Insist).await
    }

    /// As [`Library::round`]. The session's token is renewed when it is a day old; one that was refused is read from the keyring again,
    /// once, because another program may have renewed it.
    pub(crate) async fn round_with_session(&self, remote: Arc<dyn Remote>, patience: Patience) -> Result<SyncOutcome> {
        if self.options().remote.is_some() {
            return self.round(remote.as_ref(), patience).await;
        }
        let first = match self.renew_if_due().await {
            // With the new token, if there is one.
            Ok(()) => self.round(self.remote().await?.as_ref(), patience).await,
            Err(error) => Err(error),
        };
        match first {
            Err(error) if error.code() == ErrorCode::Unauthorized && self.has_other_token().await? => {
                self.round(self.remote().await?.as_ref(), patience).await
            }
            other => other,
        }
    }

    /// Tries the server now, in the background.
    /// # Errors
    /// What the database said.
    pub async fn sync_now(&self) -> Result<()> {
        let mut transaction = self.store().write().await?;
        outbox::release(&mut transaction).await?;
        comments::release(&mut transaction).await?;
        edits::release(&mut transaction).await?;
        commit(transaction).await?;
        self.sync_state().waits().clear();
        self.wake_sync();
        Ok(())
    }

    /// One round: the feeds, then everything that can be sent or fetched.
    ///
    /// In a box: it holds everything that is on its way, and whoever waits for it need not be as large.
    pub(crate) fn round<'r>(&'r self, remote: &'r dyn Remote, patience: Patience) -> BoxFuture<'r, Result<SyncOutcome>> {
        Box::pin(self.one_round(remote, patience))
    }

    async fn one_round(&self, remote: &dyn Remote, patience: Patience) -> Result<SyncOutcome> {
        let _one_at_a_time = self.sync_state().running.lock().await;
        let mut outcome = SyncOutcome::default();
        // What was said until now is read here.
        self.sync_state().take_news();
        self.pull_all(remote).await?;
        self.run(remote, patience, &mut outcome).await?;
        // After the versions they are about have their numbers.
        if !self.connection().paused && self.send_comments(remote).await? {
            outcome.done += 1;
        }
        // Numbers of others and confirmations may have come where something was sent.
        self.pull_changed(remote).await?;
        self.run(remote, patience, &mut outcome).await?;
        self.make_room().await?;
        let mut connection = self.store().read().await?;
        outcome.waiting = shown::waiting(&mut connection).await?;
        outcome.fetching = self.fetching(&mut connection).await?;
        drop(connection);
        self.sync_changed();
        Ok(outcome)
    }

    /// Learns of projects joined elsewhere, follows every feed, and reads the change sets that moved.
    async fn pull_all(&self, remote: &dyn Remote) -> Result<()> {
        let now = crate::clock::text(self.clock().now());
        let server = self.connection().server.clone().unwrap_or_default();
        let told = match self.tell_generation(remote).await? {
            Some(told) => told,
            None => self.heard(remote.projects().await)?,
        };
        self.sync_state().waits().server_back();
        let mut transaction = self.store().write().await?;
        for project in &told {
            projects::insert(&mut transaction, &project.id, &project.name, &now).await?;
            projects::connect(&mut transaction, &project.id, &server).await?;
            projects::confirm(&mut transaction, &project.id, &project.name, project.role).await?;
            projects::set_plain(&mut transaction, &project.id, project.plain).await?;
        }
        commit(transaction).await?;
        self.note_named(&server, &told.iter().map(|project| project.id.clone()).collect()).await?;
        for project in &told {
            let known = projects::get(&mut *self.store().read().await?, &project.id).await?;
            let place = known.map(|known| known.feed).unwrap_or_default();
            if place.cursor != project.head_seq || place.epoch.as_ref() != Some(&project.epoch) {
                self.follow(remote, &project.id).await?;
            }
        }
        self.read_change_sets(remote).await
    }

    /// Follows the feeds of projects that were changed from here.
    async fn pull_changed(&self, remote: &dyn Remote) -> Result<()> {
        let changed = self.sync_state().answered().take_changed();
        for project in &changed {
            let known = projects::get(&mut *self.store().read().await?, project).await?;
            if known.is_some_and(|known| known.on_server) {
                self.follow(remote, project).await?;
            }
        }
        if changed.is_empty() { Ok(()) } else { self.read_change_sets(remote).await }
    }

    async fn follow(&self, remote: &dyn Remote, project: &ProjectId) -> Result<()> {
        if self.pull(remote, project).await?.of_members {
            self.read_members(remote, project).await?;
        }
        Ok(())
    }

    pub(crate) async fn read_members(&self, remote: &dyn Remote, id: &ProjectId) -> Result<()> {
        let project = self.heard(remote.project(id).await)?;
        let mut transaction = self.store().write().await?;
        members::replace(&mut transaction, id, &project.members).await?;
        Ok(commit(transaction).await?)
    }

    async fn read_change_sets(&self, remote: &dyn Remote) -> Result<()> {
        let stale = change_sets::stale(&mut *self.store().read().await?).await?;
        for (id, project) in stale {
            let role = projects::get(&mut *self.store().read().await?, &project).await?.and_then(|project| project.role);
            if !role.is_some_and(|role| role.allows(Action::ReadChangeSets)) {
                continue;
            }
            match self.heard(remote.change_set(&id).await) {
                Ok(detail) => self.note_change_set(&id, &detail).await?,
                Err(RemoteError::Refused(problem)) => {
                    tracing::info!(change_set.id = %id, code = ?problem.code, "a change set could not be read");
                    let mut transaction = self.store().write().await?;
                    change_sets::refresh(&mut transaction, &id, &[], None).await?;
                    commit(transaction).await?;
                }
                Err(error) => return Err(error.into()),
            }
            self.project_changed(&project);
            self.changed();
        }
        Ok(())
    }

    /// Remembers which versions a change set would approve.
    pub(crate) async fn note_change_set(&self, id: &ChangeSetId, detail: &collabtrack_protocol::approval::ChangeSetDetail) -> Result<()> {
        let named: Vec<String> = detail
            .ops
            .iter()
            .filter(|op| op.get("op").and_then(serde_json::Value::as_str) == Some("version.approve"))
            .filter_map(|op| op.get("version").and_then(serde_json::Value::as_str).map(str::to_owned))
            .collect();
        let summary = serde_json::to_string(&detail.summary).ok();
        let mut transaction = self.store().write().await?;
        change_sets::refresh(&mut transaction, id, &named, summary.as_deref()).await?;
        Ok(commit(transaction).await?)
    }

    /// Does what the plan says until nothing is left that may be tried.
    async fn run(&self, remote: &dyn Remote, patience: Patience, outcome: &mut SyncOutcome) -> Result<()> {
        let mut flying: Flying<'_> = FuturesUnordered::new();
        let mut in_flight: BTreeSet<Op> = BTreeSet::new();
        let mut ended: VecDeque<(Op, Done)> = VecDeque::new();
        loop {
            if !flying.is_empty() && self.sync_state().take_news() {
                // Originals may take long; a preview of somebody else's is not to wait for them.
                if let Err(error) = beside(&mut flying, &mut ended, self.pull_all(remote)).await {
                    tracing::info!(error = %chain(&error), "news could not be read; they are with the next round");
                }
            }
            if !self.connection().paused {
                for op in beside(&mut flying, &mut ended, self.startable(&in_flight)).await? {
                    in_flight.insert(op.clone());
                    flying.push(Box::pin(self.perform(remote, op)));
                }
            }
            if flying.is_empty() && ended.is_empty() {
                match self.worth_waiting_for(patience).await? {
                    // In short steps: the library's clock need not be that of the system.
                    Some(pause) => tokio::time::sleep(pause.min(std::time::Duration::from_millis(100))).await,
                    None => return Ok(()),
                }
                continue;
            }
            if ended.is_empty() {
                tokio::select! {
                    Some(done) = flying.next() => ended.push_back(done),
                    () = self.sync_wanted() => {}
                }
            }
            while let Some((op, done)) = ended.pop_front() {
                in_flight.remove(&op);
                match done {
                    Done::Well => {
                        outcome.done += 1;
                        self.sync_state().waits().succeeded(&op);
                    }
                    Done::Failed(error) => beside(&mut flying, &mut ended, self.failed(&op, error, outcome)).await?,
                }
            }
        }
    }

    /// How long a patient round waits for something that failed and is worth another try.
    async fn worth_waiting_for(&self, patience: Patience) -> Result<Option<std::time::Duration>> {
        if patience == Patience::Leave || self.connection().paused {
            return Ok(None);
        }
        let now = self.clock().elapsed();
        let picture = self.picture(BTreeSet::new()).await?;
        let waits = self.sync_state().waits();
        if !waits.server_answers(now) {
            return Ok(None);
        }
        let next = plan(&picture).iter().filter(|op| waits.attempts(op) <= ENOUGH).filter_map(|op| waits.until(op)).min();
        Ok(next.map(|until| until.saturating_sub(now).max(std::time::Duration::from_millis(10))))
    }

    /// What can be started beside what is running: one thing that is urgent, one original up, two originals down. While a preview waits
    /// or goes out, no original starts going up.
    async fn startable(&self, in_flight: &BTreeSet<Op>) -> Result<Vec<Op>> {
        let picture = self.picture(in_flight.clone()).await?;
        let planned = plan(&picture);
        let now = self.clock().elapsed();
        let waits = self.sync_state().waits();
        let is_preview = |op: &Op| matches!(op, Op::SendPreview(_));
        let preview_first = in_flight.iter().any(is_preview) || planned.iter().any(|op| is_preview(op) && waits.may(op, now));
        self.sync_state().limits.precedence.preview_goes_first(preview_first);
        let mut urgent = in_flight.iter().filter(|op| !op.is_bulk()).count();
        let mut up = in_flight.iter().filter(|op| matches!(op, Op::SendOriginal(_))).count();
        let mut down = in_flight.iter().filter(|op| matches!(op, Op::FetchOriginal(_))).count();
        let mut start = Vec::new();
        for op in planned.into_iter().filter(|op| waits.may(op, now)) {
            let (count, most) = match &op {
                Op::SendOriginal(_) => (&mut up, usize::from(!preview_first)),
                Op::FetchOriginal(_) => (&mut down, DOWN),
                _ => (&mut urgent, 1),
            };
            if *count < most {
                *count += 1;
                start.push(op);
            }
        }
        Ok(start)
    }

    async fn perform(&self, remote: &dyn Remote, op: Op) -> (Op, Done) {
        let result = match &op {
            Op::CreateProject(id) => self.create_on_server(remote, id).await,
            Op::SendPreview(id) => self.send_preview(remote, id).await,
            Op::Announce(id) => self.announce(remote, id).await,
            Op::SendOriginal(id) => self.send_original(remote, id).await,
            Op::SendEdit(id) => self.send_edit(remote, *id).await,
            Op::FetchPreview(id) => self.fetch_preview(remote, id).await,
            Op::SendTables(id) => self.send_tables(remote, id).await,
            Op::FetchTables(id) => self.fetch_tables(remote, id).await,
            Op::FetchOriginal(id) => self.fetch_original(remote, id).await,
        };
        let done = match result {
            Ok(()) => Done::Well,
            Err(error) => Done::Failed(error),
        };
        (op, done)
    }

    /// What a failure means for the operation, and for everything.
    async fn failed(&self, op: &Op, error: LibraryError, outcome: &mut SyncOutcome) -> Result<()> {
        let now = self.clock().elapsed();
        let chance = crate::chance::fraction();
        if let Op::SendOriginal(id) = op {
            self.sync_state().done_sending(id);
        }
        let what = match &error {
            LibraryError::Remote(remote) => reaction(remote),
            LibraryError::DamagedCopy { .. } => Reaction::Hold(error.view().message),
            LibraryError::Store(_) => return Err(error),
            _ => Reaction::Again,
        };
        tracing::info!(?op, error = %chain(&error), reaction = ?what, "a step of syncing failed");
        match what {
            Reaction::ServerAway { at_least } => {
                self.sync_state().waits().server_away(now, at_least, chance);
                // Somebody answered, but cannot do this: it waits longer each time by itself, because the next question about something
                // else may well be answered, and what waits for it is told why.
                if matches!(error, LibraryError::Remote(RemoteError::Unavailable { .. } | RemoteError::Refused(_))) {
                    self.sync_state().waits().failed(op, now, chance);
                    self.count(op, &error).await?;
                    self.changed();
                }
                return Err(error);
            }
            Reaction::SignedOut => return Err(error),
            Reaction::Hold(why) => {
                if let Op::SendTables(id) = op {
                    return self.skip_tables(id).await;
                }
                outcome.problems.push(why.clone());
                let attempts = self.sync_state().waits().failed(op, now, chance);
                if !self.hold(op, &why).await? && attempts == 1 {
                    // It is no version on its way, where the words would stand.
                    self.tell(AppEvent::Notice { message: why });
                }
            }
            Reaction::CheckCopy => {
                let attempts = self.sync_state().waits().failed(op, now, chance);
                self.check_copies(op, attempts, &error, outcome).await?;
            }
            Reaction::ReadAgain | Reaction::Again => {
                let attempts = self.sync_state().waits().failed(op, now, chance);
                if attempts >= ENOUGH {
                    outcome.problems.push(error.view().message);
                }
                self.count(op, &error).await?;
                self.give_up_small(op, attempts, &error).await?;
                if attempts >= ENOUGH && (matches!(op, Op::SendEdit(_)) || is_the_stores_last_word(&error)) {
                    self.hold(op, &error.view().message).await?;
                }
            }
        }
        self.changed();
        Ok(())
    }

    async fn count(&self, op: &Op, error: &LibraryError) -> Result<()> {
        let (Op::SendPreview(id) | Op::Announce(id) | Op::SendOriginal(id)) = op else { return Ok(()) };
        let mut transaction = self.store().write().await?;
        outbox::fail(&mut transaction, id, &error.view().message).await?;
        Ok(commit(transaction).await?)
    }

    /// Stops an operation until the user does something. Whether that is shown where it belongs.
    async fn hold(&self, op: &Op, why: &str) -> Result<bool> {
        if let Op::SendEdit(id) = op {
            self.take_back_edit(*id, why).await?;
            return Ok(true);
        }
        let (Op::SendPreview(id) | Op::Announce(id) | Op::SendOriginal(id)) = op else { return Ok(false) };
        let mut transaction = self.store().write().await?;
        outbox::hold(&mut transaction, id, why).await?;
        commit(transaction).await?;
        Ok(true)
    }

    /// The server will not have an edit: what it says holds here again, and the user is told.
    async fn take_back_edit(&self, id: i64, why: &str) -> Result<()> {
        let entry = edits::all(&mut *self.store().read().await?).await?.into_iter().find(|entry| entry.id == id);
        let Some(entry) = entry else { return Ok(()) };
        let mut transaction = self.store().write().await?;
        edits::done(&mut transaction, id).await?;
        projects::set_feed(&mut transaction, &entry.project, &projects::FeedPlace::default()).await?;
        commit(transaction).await?;
        self.tell(AppEvent::Notice { message: format!("A change could not be made on the server and was taken back here. {why}") });
        Ok(())
    }

    /// A preview or table that fails again and again blocks nothing: the version goes on without.
    async fn give_up_small(&self, op: &Op, attempts: u32, error: &LibraryError) -> Result<()> {
        match op {
            Op::SendPreview(id) if attempts >= ENOUGH => {
                self.skip_preview(id, &format!("The preview could not be sent: {}", chain(error))).await
            }
            Op::SendTables(id) if attempts >= ENOUGH => self.skip_tables(id).await,
            _ => Ok(()),
        }
    }

    /// The store found other bytes than announced: the copy here is read again; a sound one is sent again, a bad one is for the user.
    async fn check_copies(&self, op: &Op, attempts: u32, error: &LibraryError, outcome: &mut SyncOutcome) -> Result<()> {
        if let Op::SendTables(id) = op {
            return self.skip_tables(id).await;
        }
        let (Op::SendPreview(id) | Op::SendOriginal(id)) = op else { return self.count(op, error).await };
        let (preview, files) = {
            let mut connection = self.store().read().await?;
            let preview = versions::get(&mut connection, id).await?.and_then(|version| version.preview).map(|(hash, _)| hash);
            (preview, versions::files(&mut connection, id).await?)
        };
        let is_preview = matches!(op, Op::SendPreview(_));
        let copies: Vec<_> = if is_preview { preview.into_iter().collect() } else { files.iter().map(|file| file.sha256).collect() };
        if !is_preview {
            // What was packed of a sound copy is packed again.
            self.forget_packed(id).await?;
        }
        for copy in copies {
            match self.rehash(copy, PART_SIZE_BYTES).await {
                Ok(_) => {}
                Err(LibraryError::DamagedCopy { .. }) if is_preview => {
                    return self.skip_preview(id, "Its preview was damaged on its author's computer.").await;
                }
                Err(damaged) => {
                    outcome.problems.push(damaged.view().message.clone());
                    self.hold(op, &damaged.view().message).await?;
                    return Ok(());
                }
            }
        }
        self.count(op, error).await?;
        if attempts >= ENOUGH {
            let why =
                "The store refuses these bytes although the copy on this computer is sound. The network or the store damages what passes.";
            outcome.problems.push(why.to_owned());
            if is_preview {
                return self.skip_preview(id, why).await;
            }
            self.hold(op, why).await?;
        }
        Ok(())
    }

    /// Whether a preview could go out now.
    pub(crate) async fn preview_waits(&self) -> Result<bool> {
        let picture = self.picture(BTreeSet::new()).await?;
        let now = self.clock().elapsed();
        let waits = self.sync_state().waits();
        Ok(plan(&picture).iter().any(|op| matches!(op, Op::SendPreview(_)) && waits.may(op, now)))
    }

    /// Everything the plan depends on, as the database has it.
    async fn picture(&self, in_flight: BTreeSet<Op>) -> Result<Picture> {
        let mut connection = self.store().read().await?;
        let server = self.connection().server.clone();
        let projects = projects::all(&mut connection)
            .await?
            .into_iter()
            .filter(|project| project.server.is_some() && project.server == server && !project.away)
            .map(|project| ProjectNode {
                may_fetch: project.role.is_some_and(|role| role.allows(Action::FetchOriginals)),
                may_add: project.role.is_none_or(|role| role.allows(Action::AddVersions)),
                on_server: project.on_server,
                id: project.id,
            })
            .collect();
        let out = outbox::all(&mut connection).await?.into_iter();
        // What is in the trash is announced, so that its number stays its own, and no more.
        let out = out.filter(|entry| entry.has_server && !(entry.trashed && entry.step >= outbox::Step::Announced));
        let out = out
            .map(|entry| OutNode {
                held: entry.held.is_some(),
                version: entry.version,
                project: entry.project,
                track: entry.track,
                order: entry.order,
                step: entry.step,
                wants_tables: !entry.tables_done,
            })
            .collect();
        let edits = edits::all(&mut connection).await?.into_iter();
        let edits = edits.map(|entry| EditNode { id: entry.id, project: entry.project, held: entry.held.is_some() }).collect();
        let incoming = incoming(&mut connection).await?;
        drop(connection);
        let incoming = self.wanted_here(incoming).await?;
        Ok(Picture { projects, out, edits, incoming, in_flight })
    }

    /// Leaves out the originals that the policies of their projects or the budget of the disk do not want here.
    async fn wanted_here(&self, mut nodes: Vec<InNode>) -> Result<Vec<InNode>> {
        if nodes.iter().any(|node| node.wants_original) {
            let wanted = self.decide_keeping().await?.wanted;
            nodes.iter_mut().for_each(|node| node.wants_original &= wanted.contains(&node.version));
        }
        Ok(nodes)
    }

    /// Versions of which something is still to be fetched.
    pub(crate) async fn fetching(&self, connection: &mut SqliteConnection) -> Result<i64> {
        let roles: std::collections::HashMap<ProjectId, bool> = projects::all(connection)
            .await?
            .into_iter()
            .map(|project| (project.id, project.role.is_some_and(|role| role.allows(Action::FetchOriginals))))
            .collect();
        let nodes = self.wanted_here(incoming(connection).await?).await?;
        let open = nodes
            .iter()
            .filter(|node| node.wants_preview || node.wants_tables || (node.wants_original && roles.get(&node.project) == Some(&true)));
        Ok(i64::try_from(open.count()).unwrap_or(i64::MAX))
    }
}

/// Whether the store said to the same bytes that it will not have them; what it says of time and rights may change by itself.
fn is_the_stores_last_word(error: &LibraryError) -> bool {
    match error {
        LibraryError::Remote(RemoteError::StoreRefused { status }) => {
            (400..500).contains(status) && !matches!(status, 403 | 404 | 408 | 410 | 429)
        }
        _ => false,
    }
}

async fn incoming(connection: &mut SqliteConnection) -> Result<Vec<InNode>> {
    let mut nodes = Vec::new();
    for row in shown::incomplete(connection).await? {
        nodes.push(InNode {
            version: VersionId::parse(&row.id)?,
            project: ProjectId::parse(&row.project)?,
            track: row.track,
            number: row.number,
            wants_preview: row.wants_preview == 1,
            wants_tables: row.has_tables == 1 && row.wants_original == 1,
            wants_original: row.wants_original == 1 && row.state == "complete",
        });
    }
    Ok(nodes)
}
