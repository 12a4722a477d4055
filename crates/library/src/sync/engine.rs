//! The control loop: observe, plan, do. One loop at a time; what it does runs beside it and ends with it.

use std::collections::{BTreeSet, VecDeque};
use std::sync::Arc;

use collabtrack_protocol::problem::ErrorCode;
use futures::StreamExt;
use futures::future::BoxFuture;
use futures::stream::FuturesUnordered;

use super::http::{Api, HttpRemote};
use super::plan::{Op, plan};
use super::remote::Remote;
use crate::error::{LibraryError, Result, chain};
use crate::library::Library;
use crate::store::{comments, commit, edits, outbox, shown};

/// Originals fetched at once.
const DOWN: usize = 2;
/// Failures after which a preview is given up, and a checksum refusal is for the user.
pub(super) const ENOUGH: u32 = 3;

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
}
