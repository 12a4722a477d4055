//! Deciding without applying: rejecting, and asking for changes, both with a reason.

use collabtrack_domain::change_set::status::Verb;
use collabtrack_domain::id::ChangeSetId;
use collabtrack_protocol::approval::{ChangeSetSummary, DecideWithReason};
use collabtrack_protocol::limits::MAX_NOTE_BYTES;
use sqlx::PgPool;

use super::begin::{Begun, Deciding, begin};
use super::idempotency::{self, Repeatable};
use super::rows;
use crate::audit::{self, Fact};
use crate::error::{Error, invalid};
use crate::sessions::Session;

/// Refuses a proposal.
/// # Errors
/// 409 when it was edited or decided meanwhile, 422 without a reason.
pub async fn reject(
    db: &PgPool,
    session: &Session,
    id: &ChangeSetId,
    body: &DecideWithReason,
    repeatable: Option<&Repeatable>,
) -> Result<ChangeSetSummary, Error> {
    decide(db, session, id, body, Verb::Reject, repeatable).await
}

/// Sends a proposal back to its author.
/// # Errors
/// As [`reject`].
pub async fn ask(
    db: &PgPool,
    session: &Session,
    id: &ChangeSetId,
    body: &DecideWithReason,
    repeatable: Option<&Repeatable>,
) -> Result<ChangeSetSummary, Error> {
    decide(db, session, id, body, Verb::Ask, repeatable).await
}

async fn decide(
    db: &PgPool,
    session: &Session,
    id: &ChangeSetId,
    body: &DecideWithReason,
    verb: Verb,
    repeatable: Option<&Repeatable>,
) -> Result<ChangeSetSummary, Error> {
    let reason = body.reason.trim();
    if reason.chars().count() < 3 || reason.len() > MAX_NOTE_BYTES {
        return Err(invalid(
            "/reason",
            format!("A reason has at least 3 characters and at most {MAX_NOTE_BYTES} bytes; the author reads it."),
        ));
    }
    let mut tx = db.begin().await?;
    let Deciding { set, sealed, status, .. } = match begin(&mut tx, session, id, verb, &body.revision_digest, repeatable).await? {
        Begun::Before(answer) => return Ok(answer),
        Begun::Now(deciding) => *deciding,
    };
    rows::decide(&mut tx, id, status, &session.account, Some(reason), None).await?;
    rows::tell(&mut tx, &set.project, id, status, set.revision).await?;
    let action = if verb == Verb::Reject { "change_set.reject" } else { "change_set.ask" };
    let fact = Fact::by(&session.account, &session.tag, set.project.as_str(), action, id.as_str());
    audit::append(&mut tx, fact.revision(&sealed.digest()).detail(serde_json::json!({"reason": reason}))).await?;
    let summary = rows::summary(&mut tx, id).await?;
    idempotency::keep(&mut tx, &session.account, repeatable, &summary).await?;
    tx.commit().await?;
    Ok(summary)
}
