//! Upload sessions and objects in the database.

use collabtrack_domain::hash::ObjectHash;
use collabtrack_domain::id::{AccountId, ProjectId, UploadId};
use collabtrack_protocol::uploads::{CreateUpload, ObjectFormat, UploadStatus};
use sqlx::postgres::{PgConnection, PgRow};
use sqlx::{AssertSqlSafe, Row};

use super::plan::PartPlan;
use crate::db::{RowExt, damaged};
use crate::error::Error;

/// State of a session as stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum State {
    Open,
    Completing,
    Verified,
    Gone,
}

impl State {
    fn as_str(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Completing => "completing",
            Self::Verified => "verified",
            Self::Gone => "gone",
        }
    }

    fn from_word(word: &str) -> Option<Self> {
        [Self::Open, Self::Completing, Self::Verified, Self::Gone].into_iter().find(|state| state.as_str() == word)
    }
}

impl From<State> for UploadStatus {
    fn from(state: State) -> Self {
        match state {
            State::Open => Self::Open,
            State::Completing => Self::Completing,
            State::Verified => Self::Verified,
            State::Gone => Self::Gone,
        }
    }
}

/// A session.
#[derive(Debug, Clone)]
pub(crate) struct Upload {
    pub(crate) id: UploadId,
    pub(crate) project: ProjectId,
    pub(crate) account: AccountId,
    pub(crate) object: String,
    pub(crate) format: ObjectFormat,
    pub(crate) multipart: Option<String>,
    pub(crate) plan: PartPlan,
    pub(crate) state: State,
}

impl Upload {
    /// Whether the request that opened the session said the same.
    pub(crate) fn is_of(&self, body: &CreateUpload) -> bool {
        self.format == body.format
            && self.plan.length == body.length
            && self.plan.part_size == body.part_size
            && self.plan.hashes == body.parts
    }
}

/// A session to be opened.
pub(super) struct NewUpload<'a> {
    pub(super) body: &'a CreateUpload,
    pub(super) plan: &'a PartPlan,
    pub(super) project: &'a ProjectId,
    pub(super) account: &'a AccountId,
    pub(super) object: &'a str,
    pub(super) multipart: Option<&'a str>,
}

/// Word of an object format in the database.
pub(crate) fn format_word(format: ObjectFormat) -> &'static str {
    match format {
        ObjectFormat::Plain => "plain",
        ObjectFormat::Packed => "packed",
        ObjectFormat::Preview => "preview",
        ObjectFormat::Tables => "tables",
        ObjectFormat::Temp => "temp",
        ObjectFormat::Unknown => "unknown",
    }
}

fn format_of(word: &str) -> ObjectFormat {
    use ObjectFormat as F;
    [F::Plain, F::Packed, F::Preview, F::Tables, F::Temp].into_iter().find(|format| format_word(*format) == word).unwrap_or(F::Unknown)
}

/// Inserts session and pending object; `false` when the id is taken.
pub(super) async fn insert(db: &mut PgConnection, new: &NewUpload<'_>) -> Result<bool, Error> {
    let NewUpload { body, plan, project, account, object, multipart } = new;
    let sha256 = if plan.is_single() { Some(plan.hashes[0]) } else { body.sha256 };
    sqlx::query("insert into object (key, project, format, length, composite, sha256, state) values ($1, $2, $3, $4, $5, $6, 'pending')")
        .bind(object)
        .bind(project.as_str())
        .bind(format_word(body.format))
        .bind(stored(plan.length)?)
        .bind(plan.checksum())
        .bind(sha256.map(|sha256| sha256.as_bytes().to_vec()))
        .execute(&mut *db)
        .await?;
    let hashes: Vec<u8> = plan.hashes.iter().flat_map(|hash| *hash.as_bytes()).collect();
    let inserted = sqlx::query(
        "insert into upload (id, project, account, object, multipart_id, part_size, part_hashes, state, expires_at)
         values ($1, $2, $3, $4, $5, $6, $7, 'open', now() + interval '7 days') on conflict (id) do nothing",
    )
    .bind(body.upload.as_str())
    .bind(project.as_str())
    .bind(account.as_str())
    .bind(object)
    .bind(multipart)
    .bind(stored(plan.part_size)?)
    .bind(hashes)
    .execute(db)
    .await?;
    Ok(inserted.rows_affected() == 1)
}

pub(crate) fn stored(number: u64) -> Result<i64, Error> {
    i64::try_from(number).map_err(|_| Error::Damaged { what: "length" })
}

const COLUMNS: &str = "select u.id, u.project, u.account, u.object, u.multipart_id, u.part_size, u.part_hashes, u.state, o.format, o.length
         from upload u join object o on o.key = u.object";

/// The session of that id.
pub(crate) async fn find(db: &mut PgConnection, id: &UploadId) -> Result<Option<Upload>, Error> {
    let row = sqlx::query(AssertSqlSafe(format!("{COLUMNS} where u.id = $1"))).bind(id.as_str()).fetch_optional(db).await?;
    row.as_ref().map(of_row).transpose()
}

/// The sessions of these objects that nobody has completed yet, as far as they are packed ones of that project.
pub(crate) async fn open_packed(db: &mut PgConnection, project: &ProjectId, objects: &[&str]) -> Result<Vec<Upload>, Error> {
    let wanted = "where u.project = $1 and u.object = any($2) and u.state in ('open', 'completing') and o.format = 'packed'";
    let rows = sqlx::query(AssertSqlSafe(format!("{COLUMNS} {wanted}"))).bind(project.as_str()).bind(objects).fetch_all(db).await?;
    rows.iter().map(of_row).collect()
}

fn of_row(row: &PgRow) -> Result<Upload, Error> {
    let hashes = row.try_get::<&[u8], _>("part_hashes")?.as_chunks::<32>().0.iter().map(|hash| ObjectHash::from_bytes(*hash)).collect();
    Ok(Upload {
        id: row.text_as("id")?,
        project: row.text_as("project")?,
        account: row.text_as("account")?,
        object: row.try_get("object")?,
        format: format_of(row.try_get("format")?),
        multipart: row.try_get("multipart_id")?,
        plan: PartPlan { length: row.unsigned("length")?, part_size: row.unsigned("part_size")?, hashes },
        state: State::from_word(row.try_get("state")?).ok_or_else(|| damaged("state"))?,
    })
}

/// Lets an open session live seven more days.
pub(super) async fn keep_open(db: &mut PgConnection, id: &UploadId) -> Result<(), Error> {
    sqlx::query("update upload set expires_at = now() + interval '7 days' where id = $1 and state in ('open', 'completing')")
        .bind(id.as_str())
        .execute(db)
        .await?;
    Ok(())
}

/// Moves a session to another state, unless it has reached an end already.
pub(super) async fn set_state(db: &mut PgConnection, id: &UploadId, state: State) -> Result<(), Error> {
    sqlx::query("update upload set state = $2 where id = $1 and state in ('open', 'completing')")
        .bind(id.as_str())
        .bind(state.as_str())
        .execute(db)
        .await?;
    Ok(())
}

/// The store confirmed the object.
pub(super) async fn set_verified(db: &mut PgConnection, upload: &Upload) -> Result<(), Error> {
    sqlx::query("update object set state = 'verified' where key = $1 and state = 'pending'").bind(&upload.object).execute(&mut *db).await?;
    set_state(db, &upload.id, State::Verified).await
}

/// The store holds something else: the object is given up.
pub(super) async fn set_failed(db: &mut PgConnection, upload: &Upload) -> Result<(), Error> {
    sqlx::query("update object set state = 'condemned' where key = $1 and state = 'pending'")
        .bind(&upload.object)
        .execute(&mut *db)
        .await?;
    set_state(db, &upload.id, State::Gone).await
}
