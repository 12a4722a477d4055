//! Damage: a reader found other bytes than the recipe says, or none. The store is asked, or a second reader; then every version that needs
//! the object is wanted again from whoever has its bytes.

use std::collections::BTreeSet;

use collabtrack_domain::id::{ProjectId, VersionId};
use collabtrack_domain::role::Action;
use collabtrack_protocol::changes::ChangeKind;
use collabtrack_protocol::versions::{Version, VersionState};
use sqlx::postgres::PgConnection;
use sqlx::{PgPool, Row};

use super::rows;
use crate::access::{self, Thing};
use crate::audit::{self, Fact};
use crate::blobs::Blobs;
use crate::db::RowExt;
use crate::error::{Error, not_found};
use crate::feed;
use crate::sessions::Session;

/// Readers that must agree where the store still vouches for its bytes.
const READERS: i64 = 2;

/// Takes the word of a reader that a complete version does not rebuild; the version in its state after that.
/// # Errors
/// When database or store fail, or the role may not fetch originals.
pub async fn report(db: &PgPool, blobs: &Blobs, session: &Session, id: &VersionId) -> Result<Version, Error> {
    let thing = Thing::Version(id.as_str());
    let (project, _) = access::check_by(&mut *db.acquire().await?, &session.account, thing, Action::FetchOriginals).await?;
    let mut connection = db.acquire().await?;
    let id = rows::resolve(&mut connection, &project, id).await?.ok_or_else(not_found)?;
    let version = rows::load(&mut connection, &id).await?;
    if version.state != VersionState::Complete {
        return Ok(version);
    }
    let objects = sqlx::query(
        "select distinct o.key, o.length, o.composite from extents_needed($1) as needed(id) join extent e on e.id = needed.id
         join object o on o.key = e.object order by o.key",
    )
    .bind(id.as_str())
    .fetch_all(&mut *connection)
    .await?;
    let mut lost = BTreeSet::new();
    for row in &objects {
        let (key, composite): (String, String) = (row.try_get("key")?, row.try_get("composite")?);
        let head = blobs.head(&key).await?;
        let sound = head.is_some_and(|head| {
            Ok(head.length) == row.unsigned("length").map_err(drop) && head.checksum.as_ref().is_none_or(|checksum| *checksum == composite)
        });
        if !sound || agreed(&mut connection, session, &key).await? {
            lost.insert(key);
        }
    }
    drop(connection);
    if !lost.is_empty() {
        give_up(db, session, &project, &lost).await?;
    }
    rows::load(&mut *db.acquire().await?, &id).await
}

/// Remembers the report; whether as many readers as needed say the same.
async fn agreed(db: &mut PgConnection, session: &Session, object: &str) -> Result<bool, Error> {
    sqlx::query("insert into damage_report (object, session, account) values ($1, $2, $3) on conflict do nothing")
        .bind(object)
        .bind(&session.tag)
        .bind(session.account.as_str())
        .execute(&mut *db)
        .await?;
    let readers: i64 = sqlx::query_scalar("select count(*) from damage_report where object = $1").bind(object).fetch_one(db).await?;
    Ok(readers >= READERS)
}

/// Takes the objects out of use and marks every complete version that needs one of them.
async fn give_up(db: &PgPool, session: &Session, project: &ProjectId, objects: &BTreeSet<String>) -> Result<(), Error> {
    let keys: Vec<&str> = objects.iter().map(String::as_str).collect();
    let mut tx = db.begin().await?;
    access::lock(&mut tx, &session.account, project, Action::FetchOriginals).await?;
    sqlx::query("update object set state = 'condemned', condemned_at = now() where key = any($1) and project = $2 and state = 'verified'")
        .bind(&keys)
        .bind(project.as_str())
        .execute(&mut *tx)
        .await?;
    let versions = sqlx::query(
        "with recursive needed as (
             select e.id from extent e where e.object = any($1)
             union
             select b.extent from extent_base b join needed n on n.id = b.base
         )
         select distinct v.id, v.number from version v join version_file f on f.version = v.id join span s on s.file = f.id
         join needed n on n.id = s.extent where v.project = $2 and v.state = 'complete' order by v.number, v.id",
    )
    .bind(&keys)
    .bind(project.as_str())
    .fetch_all(&mut *tx)
    .await?;
    for row in &versions {
        let id: VersionId = row.text_as("id")?;
        let seq = feed::next_seq(&mut tx, project).await?;
        rows::set_state(&mut tx, &id, VersionState::Damaged, seq).await?;
        let version = rows::load_known(&mut tx, &id).await?;
        feed::append_at(&mut tx, project, seq, ChangeKind::Version, &version).await?;
        let fact = Fact::by(&session.account, &session.tag, project.as_str(), "version.damaged", id.as_str());
        audit::append(&mut tx, fact.detail(serde_json::json!({"content_id": version.content_id}))).await?;
    }
    tx.commit().await?;
    Ok(())
}
