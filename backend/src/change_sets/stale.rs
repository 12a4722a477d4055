//! Which waiting change sets somebody else's changes stand in the way of: a look at the rows they meet, without the whole catalogue.

use collabtrack_domain::change_set::merge::OpResult;
use collabtrack_domain::change_set::revision::SealedRevision;
use collabtrack_domain::id::{ChangeSetId, ProjectId};
use sqlx::Row;
use sqlx::postgres::PgConnection;

use super::review::Basis;
use crate::db::RowExt;
use crate::error::Error;

/// Sets looked at for one list, newest first.
const MAX_SETS: i64 = 100;
/// Operations above which a set is only judged when it is opened.
const MAX_OPS_LOOKED_AT: i64 = 5_000;

/// The open sets of a project that would be in conflict if they were approved now.
pub(super) async fn in_conflict(db: &mut PgConnection, project: &ProjectId) -> Result<Vec<ChangeSetId>, Error> {
    let head = sqlx::query("select catalogue_head from project where id = $1").bind(project.as_str()).fetch_one(&mut *db).await?;
    let head = head.hash("catalogue_head")?;
    let open = sqlx::query(
        "select c.id, r.bytes from change_set c join change_set_revision r on r.change_set = c.id and r.revision = c.revision
         where c.project = $1 and c.status = 'open' and r.op_count <= $2 order by c.created_at desc, c.id limit $3",
    )
    .bind(project.as_str())
    .bind(MAX_OPS_LOOKED_AT)
    .bind(MAX_SETS)
    .fetch_all(&mut *db)
    .await?;
    let mut found = Vec::new();
    for row in open {
        let sealed = SealedRevision::parse(row.try_get("bytes")?).map_err(|_| Error::Damaged { what: "revision" })?;
        // What was written on the current state meets nobody else's changes.
        if sealed.revision().base_head == head {
            continue;
        }
        let outcome = Basis::load_met(db, project, sealed.revision()).await?.merge(sealed.revision())?;
        if outcome.results.iter().any(|result| matches!(result, OpResult::Conflict | OpResult::SchemaConflict)) {
            found.push(row.text_as("id")?);
        }
    }
    Ok(found)
}
