//! The versions a change set names, checked against what the store has confirmed: approval is bound to bytes.

use std::collections::HashMap;

use collabtrack_domain::change_set::op::Op;
use collabtrack_domain::hash::ObjectHash;
use collabtrack_domain::id::{ProjectId, TrackId, VersionId};
use collabtrack_protocol::problem::ErrorCode;
use sqlx::Row;
use sqlx::postgres::PgConnection;

use crate::db::RowExt;
use crate::error::{Error, refuse};

/// How far the named versions must have come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Demand {
    /// They are versions of their tracks with these bytes.
    Exist,
    /// Besides, the store has confirmed every byte of those to be approved.
    Complete,
}

struct Stored {
    track: TrackId,
    number: i64,
    content: ObjectHash,
    state: String,
}

/// Checks every version that the operations name.
/// # Errors
/// `version_mismatch`, or `version_incomplete` for one whose bytes the store has not confirmed.
pub(super) async fn check(db: &mut PgConnection, project: &ProjectId, ops: &[Op], demand: Demand) -> Result<(), Error> {
    let named: Vec<&str> = ops
        .iter()
        .filter_map(|op| match op {
            Op::VersionApprove { version, .. } | Op::VersionRetire { version, .. } => Some(version.as_str()),
            _ => None,
        })
        .collect();
    if named.is_empty() {
        return Ok(());
    }
    let stored = load(db, project, &named).await?;
    for op in ops {
        match op {
            Op::VersionApprove { track, version, number, sha256, .. } => {
                let found = same(&stored, track, version, sha256)?;
                if found.number != *number {
                    return Err(mismatch(version));
                }
                if demand == Demand::Complete && found.state != "complete" {
                    return Err(incomplete(found.number));
                }
            }
            Op::VersionRetire { track, version, sha256, .. } => {
                same(&stored, track, version, sha256)?;
            }
            _ => {}
        }
    }
    Ok(())
}

async fn load(db: &mut PgConnection, project: &ProjectId, ids: &[&str]) -> Result<HashMap<VersionId, Stored>, Error> {
    // Held until the transaction ends, so that nothing happens to them between check and approval.
    let rows =
        sqlx::query("select id, track, number, content_id, state from version where project = $1 and id = any($2) order by id for share")
            .bind(project.as_str())
            .bind(ids)
            .fetch_all(db)
            .await?;
    rows.iter()
        .map(|row| {
            let stored = Stored {
                track: row.text_as("track")?,
                number: row.try_get("number")?,
                content: row.hash("content_id")?,
                state: row.try_get("state")?,
            };
            Ok((row.text_as("id")?, stored))
        })
        .collect()
}

fn same<'a>(
    stored: &'a HashMap<VersionId, Stored>,
    track: &TrackId,
    version: &VersionId,
    sha256: &ObjectHash,
) -> Result<&'a Stored, Error> {
    stored
        .get(version)
        .filter(|found| found.track == *track && found.content == *sha256 && !matches!(found.state.as_str(), "trashed" | "purged"))
        .ok_or_else(|| mismatch(version))
}

fn mismatch(version: &VersionId) -> Error {
    refuse(
        ErrorCode::VersionMismatch,
        "The proposal names a version that is not one of this track, or other bytes than the version has. Nothing was changed; choose the version again.",
    )
    .with_facts(serde_json::json!({"version": version}))
}

fn incomplete(number: i64) -> Error {
    refuse(
        ErrorCode::VersionIncomplete,
        format!(
            "The original of version {number} is not complete on the server yet, so it cannot be approved: approval is bound to its exact bytes. It is still on the computer of whoever made it; approve it when it has arrived."
        ),
    )
}
