//! Approvals between the click and the sending: they can be undone for a few seconds. They are written down at once, so that closing the
//! window in between neither loses the decision nor takes it twice.

use std::time::Duration;

use collabtrack_domain::id::ChangeSetId;
use sqlx::{Sqlite, Transaction};

use crate::clock;
use crate::error::{LibraryError, Result};
use crate::library::Library;
use crate::store::commit;
use crate::store::settings::{self, Setting};
use crate::sync::remote::RemoteError;
use crate::view::review::HeldApproval;

/// Most decisions that wait at once; more are a mistake.
const MOST_HELD: usize = 100;
/// How long closing waits for the server to take them.
const CLOSING: Duration = Duration::from_secs(4);

impl Library {
    /// Writes down an approval that is to be sent soon.
    /// # Errors
    /// `Invalid` when too many wait already.
    pub async fn hold_approval(&self, mut held: HeldApproval) -> Result<()> {
        ChangeSetId::parse(&held.change_set)?;
        held.held_at = clock::text(self.clock().now());
        let mut transaction = self.store().write().await?;
        let mut list = read(settings::get(&mut transaction, Setting::HeldApprovals).await?);
        list.retain(|each| each.change_set != held.change_set);
        if list.len() >= MOST_HELD {
            return Err(LibraryError::Invalid { what: "Too many approvals wait to be sent. Nothing more was approved.".into() });
        }
        list.push(held);
        write(transaction, &list).await
    }

    /// Takes back an approval that was not sent yet; answers whether there was one.
    /// # Errors
    /// `Store`.
    pub async fn release_approval(&self, id: &ChangeSetId) -> Result<bool> {
        let mut transaction = self.store().write().await?;
        let mut list = read(settings::get(&mut transaction, Setting::HeldApprovals).await?);
        let before = list.len();
        list.retain(|each| each.change_set != id.as_str());
        if list.len() == before {
            return Ok(false);
        }
        write(transaction, &list).await?;
        Ok(true)
    }

    /// Approvals not sent yet, oldest first: after a restart these are still to be sent.
    /// # Errors
    /// `Store`.
    pub async fn held_approvals(&self) -> Result<Vec<HeldApproval>> {
        Ok(read(settings::get(&mut *self.store().read().await?, Setting::HeldApprovals).await?))
    }

    /// Sends what waits, when the app closes. What the server does not answer in time stays written down; sending it again later gets the
    /// same answer.
    pub async fn send_held_approvals(&self) {
        let sending = async {
            for held in self.held_approvals().await? {
                let id = ChangeSetId::parse(&held.change_set)?;
                match self.send_approval(&id, &held.revision_digest, &held.expected_head, &held.effect_digest).await {
                    Ok(_) => self.release_approval(&id).await?,
                    // A refusal is an answer: the proposal waits again and says why.
                    Err(LibraryError::Remote(RemoteError::Refused(_))) => self.release_approval(&id).await?,
                    Err(error) => return Err(error),
                };
            }
            Ok(())
        };
        match tokio::time::timeout(CLOSING, sending).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => tracing::warn!(%error, "an approval stays written down for the next start"),
            Err(_) => tracing::warn!("the server did not take an approval in time; it stays written down for the next start"),
        }
    }
}

fn read(kept: Option<String>) -> Vec<HeldApproval> {
    kept.and_then(|text| serde_json::from_str(&text).ok()).unwrap_or_default()
}

async fn write(mut transaction: Transaction<'static, Sqlite>, list: &[HeldApproval]) -> Result<()> {
    let text = serde_json::to_string(list).map_err(|_| LibraryError::Invalid { what: "The approval cannot be written down.".into() })?;
    settings::set(&mut transaction, Setting::HeldApprovals, (!list.is_empty()).then_some(text.as_str())).await?;
    commit(transaction).await?;
    Ok(())
}
