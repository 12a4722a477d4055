//! What becomes of an operation that failed: tried again, given up, or held for the user.

use collabtrack_protocol::limits::PART_SIZE_BYTES;

use super::engine::{ENOUGH, SyncOutcome};
use super::plan::Op;
use super::remote::RemoteError;
use super::retry::{Reaction, reaction};
use crate::error::{LibraryError, Result, chain};
use crate::library::Library;
use crate::store::{commit, edits, outbox, projects, versions};
use crate::view::AppEvent;

impl Library {
    /// What a failure means for the operation, and for everything.
    pub(super) async fn failed(&self, op: &Op, error: LibraryError, outcome: &mut SyncOutcome) -> Result<()> {
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
