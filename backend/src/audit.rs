//! The audit log: entries appended in the transaction of the effect they record, under the chain's row lock, and pages for readers.

use collabtrack_domain::audit::entry::{self, Entry, detail_commitment};
use collabtrack_domain::catalogue::row::Salt;
use collabtrack_domain::hash::ObjectHash;
use collabtrack_domain::id::{AccountId, ProjectId};
use collabtrack_domain::role::Action;
use collabtrack_protocol::approval::{AuditPage, AuditRecord};
use data_encoding::HEXLOWER;
use sqlx::postgres::{PgConnection, PgRow};
use sqlx::{PgPool, Row};

use crate::accounts::codes::SITE;
use crate::db::RowExt;
use crate::error::Error;
use crate::sessions::Session;
use crate::{access, random, site};

pub mod pending;

const PAGE: i64 = 500;

/// Something to record: who did what to what.
#[derive(Debug, Clone)]
pub struct Fact<'a> {
    chain: &'a str,
    actor: &'a str,
    session: &'a str,
    action: &'static str,
    target: &'a str,
    head_before: Option<ObjectHash>,
    head_after: Option<ObjectHash>,
    revision: Option<ObjectHash>,
    detail: Option<serde_json::Value>,
}

impl<'a> Fact<'a> {
    /// `actor` did `action` to `target` in a session.
    #[must_use]
    pub fn by(actor: &'a AccountId, session: &'a str, chain: &'a str, action: &'static str, target: &'a str) -> Self {
        Self { chain, actor: actor.as_str(), session, action, target, head_before: None, head_after: None, revision: None, detail: None }
    }

    /// Something done outside any session: by `operator`, whoever runs the server's program, or in the name of an account.
    #[must_use]
    pub fn by_word(actor: &'a str, chain: &'a str, action: &'static str, target: &'a str) -> Self {
        Self { chain, actor, session: "", action, target, head_before: None, head_after: None, revision: None, detail: None }
    }

    /// The first catalogue state.
    #[must_use]
    pub fn after(mut self, head: &ObjectHash) -> Self {
        self.head_after = Some(*head);
        self
    }

    /// The catalogue moved from one state to another.
    #[must_use]
    pub fn moved(mut self, before: &ObjectHash, after: &ObjectHash) -> Self {
        (self.head_before, self.head_after) = (Some(*before), Some(*after));
        self
    }

    /// Digest of the revision this is about.
    #[must_use]
    pub fn revision(mut self, digest: &ObjectHash) -> Self {
        self.revision = Some(*digest);
        self
    }

    /// Free text and personal data: kept beside the entry with a salt, so that it can be erased. Integers only, no other numbers.
    #[must_use]
    pub fn detail(mut self, detail: serde_json::Value) -> Self {
        self.detail = Some(detail);
        self
    }
}

/// Opens a chain: of a project or an account, when it is created.
/// # Errors
/// When the database fails.
pub async fn open_chain(db: &mut PgConnection, chain: &str) -> Result<(), Error> {
    sqlx::query("insert into audit_chain (chain, hash) values ($1, $2)").bind(chain).bind(&[0u8; 32][..]).execute(db).await?;
    Ok(())
}

/// Appends an entry: the next place is taken from the chain's locked row, so there is neither gap nor fork.
/// # Errors
/// When the database fails, or the fact has no canonical form.
pub async fn append(db: &mut PgConnection, fact: Fact<'_>) -> Result<(), Error> {
    let row = sqlx::query("select seq, hash, rfc3339(clock_timestamp()) as time from audit_chain where chain = $1 for update")
        .bind(fact.chain)
        .fetch_one(&mut *db)
        .await?;
    let (seq, prev): (i64, ObjectHash) = (row.try_get::<i64, _>("seq")? + 1, row.hash("hash")?);
    let salt = Salt(random::bytes());
    let damaged = || Error::Damaged { what: "audit entry" };
    let details = match &fact.detail {
        None => String::new(),
        Some(detail) => detail_commitment(salt, detail).map_err(|_| damaged())?.to_string(),
    };
    let hex = |hash: Option<ObjectHash>| hash.map(|hash| hash.to_string()).unwrap_or_default();
    let entry = Entry {
        action: fact.action.to_owned(),
        actor: fact.actor.to_string(),
        chain: fact.chain.to_owned(),
        details,
        head_after: hex(fact.head_after),
        head_before: hex(fact.head_before),
        prev: prev.to_string(),
        revision: hex(fact.revision),
        seq,
        session: fact.session.to_owned(),
        target: fact.target.to_owned(),
        time: row.try_get("time")?,
        v: 1,
    };
    let bytes = entry.bytes().map_err(|_| damaged())?;
    let hash = entry::hash(&bytes);
    insert(db, &entry, &bytes, &hash).await?;
    if let Some(detail) = &fact.detail {
        let text =
            collabtrack_domain::canonical::to_bytes(detail).ok().and_then(|bytes| String::from_utf8(bytes).ok()).ok_or_else(damaged)?;
        insert_detail(db, fact.chain, seq, salt, &text).await?;
    }
    sqlx::query("update audit_chain set seq = $2, hash = $3 where chain = $1")
        .bind(fact.chain)
        .bind(seq)
        .bind(&hash.as_bytes()[..])
        .execute(db)
        .await?;
    Ok(())
}

async fn insert(db: &mut PgConnection, entry: &Entry, bytes: &[u8], hash: &ObjectHash) -> Result<(), Error> {
    sqlx::query("insert into audit_entry (chain, seq, entry, hash, actor) values ($1, $2, $3, $4, $5)")
        .bind(&entry.chain)
        .bind(entry.seq)
        .bind(bytes)
        .bind(&hash.as_bytes()[..])
        .bind(&entry.actor)
        .execute(db)
        .await?;
    Ok(())
}

async fn insert_detail(db: &mut PgConnection, chain: &str, seq: i64, salt: Salt, text: &str) -> Result<(), Error> {
    sqlx::query("insert into audit_detail (chain, seq, salt, detail) values ($1, $2, $3, $4)")
        .bind(chain)
        .bind(seq)
        .bind(&salt.0[..])
        .bind(text)
        .execute(db)
        .await?;
    Ok(())
}

/// The entries of a project after place `since`.
/// # Errors
/// `not_found` or `forbidden` for whoever may not read the log.
pub async fn page(db: &PgPool, session: &Session, project: &ProjectId, since: i64) -> Result<AuditPage, Error> {
    let mut tx = db.begin().await?;
    access::check(&mut tx, &session.account, project, Action::ReadAuditLog).await?;
    entries(&mut tx, project.as_str(), since).await
}

/// The entries of the session's own account after place `since`.
/// # Errors
/// When the database fails.
pub async fn own_page(db: &PgPool, session: &Session, since: i64) -> Result<AuditPage, Error> {
    entries(&mut *db.acquire().await?, session.account.as_str(), since).await
}

/// The entries of the site after place `since`.
/// # Errors
/// `not_found` for whoever is no site admin.
pub async fn site_page(db: &PgPool, session: &Session, since: i64) -> Result<AuditPage, Error> {
    let mut tx = db.begin().await?;
    site::check_log(&mut tx, session).await?;
    entries(&mut tx, SITE, since).await
}

async fn entries(db: &mut PgConnection, chain: &str, since: i64) -> Result<AuditPage, Error> {
    let rows = sqlx::query(
        "select e.seq, e.entry, e.hash, coalesce(a.name, '') as actor_name, d.salt, d.detail
         from audit_entry e left join account a on a.id = e.actor left join audit_detail d on d.chain = e.chain and d.seq = e.seq
         where e.chain = $1 and e.seq > $2 order by e.seq limit $3",
    )
    .bind(chain)
    .bind(since)
    .bind(PAGE + 1)
    .fetch_all(db)
    .await?;
    let more = rows.len() > usize::try_from(PAGE).unwrap_or(usize::MAX);
    let entries = rows.iter().take(usize::try_from(PAGE).unwrap_or(usize::MAX)).map(record).collect::<Result<_, _>>()?;
    Ok(AuditPage { entries, more })
}

fn record(row: &PgRow) -> Result<AuditRecord, Error> {
    let damaged = || Error::Damaged { what: "audit entry" };
    let detail: Option<&str> = row.try_get("detail")?;
    Ok(AuditRecord {
        seq: row.try_get("seq")?,
        entry: String::from_utf8(row.try_get("entry")?).map_err(|_| damaged())?,
        hash: row.hash("hash")?,
        actor_name: row.try_get("actor_name")?,
        detail: detail.map(serde_json::from_str).transpose().map_err(|_| damaged())?,
        salt: row.try_get::<Option<&[u8]>, _>("salt")?.map(|salt| HEXLOWER.encode(salt)),
    })
}
