//! A new version of somebody who does not approve puts itself up for review: in a change set of its own, or as a further revision of
//! the one that still waits. Approval never carries over to it; it is asked for anew.

use collabtrack_domain::catalogue::cells::CellValue;
use collabtrack_domain::catalogue::row::{RowId, Salt};
use collabtrack_domain::catalogue::schema::Table;
use collabtrack_domain::change_set::op::{Op, VersionRef, check_fields};
use collabtrack_domain::change_set::revision::{MAX_TITLE_CHARS, Revision};
use collabtrack_domain::change_set::status::Status;
use collabtrack_domain::hash::ObjectHash;
use collabtrack_domain::id::{ChangeSetId, ProjectId, TrackId};
use collabtrack_domain::kind::Kind;
use collabtrack_domain::role::{Action, Role};
use collabtrack_protocol::versions::Version;
use sqlx::Row;
use sqlx::postgres::PgConnection;

use super::propose::record;
use super::rows::{self, NewChangeSet, Origin};
use crate::catalogue::rows as states;
use crate::db::RowExt;
use crate::error::Error;
use crate::random;
use crate::sessions::Session;

/// Kinds that are material for a version and not one to be released: nobody is asked to approve them.
const NOT_PROPOSED: [Kind; 3] = [Kind::Stem, Kind::Multitrack, Kind::Take];

/// Puts `version`, just recorded by `session`, up for review where the project wants that. The project's row is locked.
pub(crate) async fn review(
    db: &mut PgConnection,
    session: &Session,
    project: &ProjectId,
    role: Role,
    version: &Version,
) -> Result<(), Error> {
    let wanted: bool =
        sqlx::query_scalar("select review_new_versions from project where id = $1").bind(project.as_str()).fetch_one(&mut *db).await?;
    if !wanted || role.allows(Action::Decide) || !role.allows(Action::Propose) || NOT_PROPOSED.contains(&version.kind) {
        return Ok(());
    }
    let row_id = RowId::from(version.track.clone());
    // Only the row itself is needed: rows that came later than the newest state there is are none.
    let snapshot = states::load_some(db, project, std::slice::from_ref(&row_id), i64::MAX).await?;
    let schema = snapshot.catalogue.schema();
    let row = snapshot.catalogue.row(&row_id);
    let mut ops = Vec::new();
    if row.is_none() {
        let writable = |name: &str| schema.field(Table::Tracks, name).is_some_and(|field| field.writable_by(role));
        let mut cells = schema.defaults(Table::Tracks).filtered(writable);
        if writable("title") {
            cells.set("title", Some(CellValue::text(&version.track_name)));
        }
        ops.push(Op::TrackAdd { row: version.track.clone(), cells });
    }
    ops.push(Op::VersionApprove {
        track: version.track.clone(),
        rev: row.map(collabtrack_domain::catalogue::row::Row::rev),
        version: version.id.clone(),
        number: version.number,
        sha256: version.content_id,
        duration_ms: duration_ms(&version.summary),
        from: row.and_then(|row| row.approved()).map(VersionRef::from),
    });
    if check_fields(&ops, schema, role).is_err() {
        return Ok(());
    }
    let waiting = waiting(db, session, &version.track).await?;
    let (change_set, number) = waiting.unwrap_or_else(|| (ChangeSetId::from_random(random::bytes()), 0));
    let revision = Revision {
        author: session.account.clone(),
        base_head: snapshot.head,
        change_set,
        nonce: Salt(random::bytes()),
        ops,
        project: project.clone(),
        reason: String::new(),
        revision: number + 1,
        schema: schema.hash(),
        title: title(version.number, &version.track_name),
        v: 1,
    };
    let sealed = match revision.seal() {
        Ok(sealed) => sealed,
        Err(error) => {
            // The version itself matters more: it stays recorded, and somebody proposes it by hand.
            tracing::warn!(version.id = %version.id, %error, "a new version could not be put up for review");
            return Ok(());
        }
    };
    let said = sealed.revision();
    if said.revision == 1 {
        let new = NewChangeSet {
            id: &said.change_set,
            project,
            title: &said.title,
            status: Status::Open,
            author: &session.account,
            request_digest: &ObjectHash::of(sealed.bytes()),
            origin: Origin::ReviewOf(&version.track),
            rows_without_base: 0,
        };
        rows::insert(db, &new).await?;
        rows::insert_revision(db, &sealed, None).await?;
        record(db, session, project, &said.change_set, "change_set.propose", &sealed).await?;
    } else {
        rows::insert_revision(db, &sealed, None).await?;
        rows::set_revision(db, &said.change_set, said.revision, &said.title).await?;
        rows::set_status(db, &said.change_set, Status::Open).await?;
        record(db, session, project, &said.change_set, "change_set.revise", &sealed).await?;
    }
    rows::tell(db, project, &said.change_set, Status::Open, said.revision).await
}

/// The author's own automatic set for this track that is not decided yet, and its newest revision.
async fn waiting(db: &mut PgConnection, session: &Session, track: &TrackId) -> Result<Option<(ChangeSetId, i64)>, Error> {
    let row = sqlx::query(
        "select id, revision from change_set where review_of = $1 and created_by = $2 and status in ('open', 'changes_requested')
         order by created_at desc, id limit 1",
    )
    .bind(track.as_str())
    .bind(session.account.as_str())
    .fetch_optional(db)
    .await?;
    row.map(|row| Ok((row.text_as("id")?, row.try_get("revision")?))).transpose()
}

/// Length in milliseconds by the facts of the file, where they are known.
fn duration_ms(summary: &serde_json::Value) -> Option<i64> {
    let number = |name: &str| summary.get(name).and_then(serde_json::Value::as_i64).filter(|number| *number > 0);
    Some(number("frames")?.saturating_mul(1_000) / number("sample_rate")?)
}

fn title(number: i64, track: &str) -> String {
    let track = track.replace(char::is_control, " ");
    format!("Approve version {number} of {}", track.trim()).chars().take(MAX_TITLE_CHARS).collect::<String>().trim().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn titles_fit_whatever_the_track_is_called() {
        assert_eq!(title(12, "Night\nDrive"), "Approve version 12 of Night Drive");
        assert_eq!(title(1, &"é".repeat(500)).chars().count(), MAX_TITLE_CHARS);
    }

    #[test]
    fn the_length_follows_from_frames_and_rate_or_is_not_known() {
        assert_eq!(duration_ms(&serde_json::json!({"frames": 96_000, "sample_rate": 48_000})), Some(2_000));
        for unknown in [serde_json::json!({"frames": 96_000}), serde_json::json!({"frames": 1, "sample_rate": 0}), serde_json::json!(null)]
        {
            assert_eq!(duration_ms(&unknown), None);
        }
    }
}
