//! Everything of a project, or of every project one is in, as one zip of CSV and JSON files: for keeping, for spreadsheets, and for
//! checking the audit log against the catalogue offline. What a role may not read is not in its export.

use std::fs::File;
use std::io::{Seek, SeekFrom, Write};

use collabtrack_domain::audit::export::{ExportedCatalogue, LogLine};
use collabtrack_domain::catalogue::csv::{self, Delimiter, ExportOptions};
use collabtrack_domain::catalogue::row::Salt;
use collabtrack_domain::catalogue::schema::{Schema, Table};
use collabtrack_domain::change_set::redact::Reader;
use collabtrack_domain::change_set::revision::Revision;
use collabtrack_domain::hash::ObjectHash;
use collabtrack_domain::id::ProjectId;
use collabtrack_domain::role::{Action, Role};
use serde_json::json;
use sha2::{Digest, Sha256};
use sqlx::postgres::PgConnection;
use sqlx::{PgPool, Row};
use zip::ZipWriter;
use zip::write::SimpleFileOptions;

use crate::access;
use crate::audit::{self, Fact};
use crate::catalogue::rows::{self as states, Snapshot};
use crate::db::RowExt;
use crate::error::Error;
use crate::sessions::Session;

/// Entries and revisions read at a time.
const PAGE: i64 = 500;

/// One project as a zip, ready to be read from its start.
/// # Errors
/// `not_found` for whoever is not in the project.
pub async fn project(db: &PgPool, session: &Session, project: &ProjectId) -> Result<File, Error> {
    record(db, session, project).await?;
    let mut zip = Zip::new()?;
    zip = Box::pin(one(db, session, project, String::new(), zip)).await?;
    zip.finish().await
}

/// Every project the account is in, each in a folder of its own.
/// # Errors
/// When the database or the disk fails.
pub async fn everything(db: &PgPool, session: &Session) -> Result<File, Error> {
    let rows = sqlx::query(
        "select p.id, p.name, m.role from project p join member m on m.project = p.id where m.account = $1 and p.trashed_at is null order by p.name, p.id",
    )
    .bind(session.account.as_str())
    .fetch_all(db)
    .await?;
    let mut zip = Zip::new()?;
    let mut listed = Vec::new();
    for row in &rows {
        let (id, name): (ProjectId, String) = (row.text_as("id")?, row.try_get("name")?);
        let folder = folder(&name, &id);
        listed.push(vec![id.to_string(), name, row.try_get("role")?, folder.clone()]);
        record(db, session, &id).await?;
        zip = Box::pin(one(db, session, &id, format!("{folder}/"), zip)).await?;
    }
    zip = zip.put("projects.csv".into(), csv::plain(&["id", "name", "role", "folder"], listed)).await?;
    zip.finish().await
}

/// Members see in the log that somebody took everything with them.
async fn record(db: &PgPool, session: &Session, project: &ProjectId) -> Result<(), Error> {
    let mut tx = db.begin().await?;
    access::check(&mut tx, &session.account, project, Action::SeeProject).await?;
    let fact = Fact::by(&session.account, &session.tag, project.as_str(), "project.export", project.as_str());
    audit::append(&mut tx, fact).await?;
    Ok(tx.commit().await?)
}

/// A name that every file system takes.
fn folder(name: &str, id: &ProjectId) -> String {
    let plain = |character: char| if character.is_alphanumeric() || matches!(character, ' ' | '-' | '_') { character } else { '_' };
    let kept: String = name.chars().map(plain).take(60).collect();
    let id = id.as_str();
    format!("{} {}", kept.trim(), &id[id.len() - 6..]).trim().to_owned()
}

async fn one(db: &PgPool, session: &Session, project: &ProjectId, prefix: String, zip: Zip) -> Result<Zip, Error> {
    let mut tx = db.begin().await?;
    // All parts tell of one moment.
    sqlx::query("set transaction isolation level repeatable read").execute(&mut *tx).await?;
    let role = access::check(&mut tx, &session.account, project, Action::SeeProject).await?;
    let snapshot = states::load(&mut tx, project).await?;
    let mut part = Part { zip, prefix, files: Vec::new() };
    part = Box::pin(part.catalogue(&snapshot, role)).await?;
    part = part.put("versions.csv", versions(&mut tx, project).await?).await?;
    let mut log = json!(null);
    if role.allows(Action::ReadAuditLog) && role.allows(Action::ReadChangeSets) {
        part = part.put("change_sets.csv", change_sets(&mut tx, project).await?).await?;
        part = Box::pin(part.revisions(&mut tx, project, role, snapshot.catalogue.schema())).await?;
        let (with_log, tail) = Box::pin(part.log(&mut tx, project)).await?;
        (part, log) = (with_log, tail);
    }
    tx.commit().await?;
    let manifest = json!({
        "v": 1, "project": project, "role": role, "head": snapshot.head, "catalogue_number": snapshot.number, "log": log, "files": part.files,
    });
    let bytes = serde_json::to_vec_pretty(&manifest).map_err(|_| Error::Damaged { what: "manifest" })?;
    Ok(part.put("manifest.json", bytes).await?.zip)
}

/// The files of one project.
struct Part {
    zip: Zip,
    prefix: String,
    files: Vec<serde_json::Value>,
}

impl Part {
    async fn put(mut self, name: &str, bytes: Vec<u8>) -> Result<Self, Error> {
        self.files.push(json!({"name": name, "length": bytes.len(), "sha256": ObjectHash::of(&bytes)}));
        self.zip = self.zip.put(format!("{}{name}", self.prefix), bytes).await?;
        Ok(self)
    }

    async fn catalogue(mut self, snapshot: &Snapshot, role: Role) -> Result<Self, Error> {
        let catalogue = snapshot.catalogue.readable_by(role);
        let schema = catalogue.schema();
        let reads_everything = Table::ALL.iter().all(|table| schema.fields(*table).iter().all(|field| field.readable_by(role)));
        for table in Table::ALL {
            let bytes = csv::export(&catalogue, table, &ExportOptions { delimiter: Delimiter::Comma, role });
            self = self.put(&format!("{}.csv", table.as_str()), bytes).await?;
        }
        let document = serde_json::to_vec_pretty(&schema.to_value()).map_err(|_| Error::Damaged { what: "schema" })?;
        self = self.put("schema.json", document).await?;
        let rows = ExportedCatalogue::of(&snapshot.catalogue, snapshot.head, snapshot.number, reads_everything);
        let rows =
            serde_json::to_vec(&rows.ok_or(Error::Damaged { what: "catalogue" })?).map_err(|_| Error::Damaged { what: "catalogue" })?;
        self.put("catalogue.json", rows).await
    }

    /// The exact bytes of every revision that the role may read whole.
    async fn revisions(mut self, db: &mut PgConnection, project: &ProjectId, role: Role, current: &Schema) -> Result<Self, Error> {
        let mut after = (String::new(), 0_i64);
        loop {
            let page = sqlx::query(
                "select r.change_set, r.revision, r.bytes from change_set_revision r join change_set c on c.id = r.change_set
                 where c.project = $1 and c.status <> 'draft' and (r.change_set, r.revision) > ($2, $3)
                 order by r.change_set, r.revision limit $4",
            )
            .bind(project.as_str())
            .bind(&after.0)
            .bind(after.1)
            .bind(PAGE / 10)
            .fetch_all(&mut *db)
            .await?;
            let Some(last) = page.last() else { return Ok(self) };
            after = (last.try_get("change_set")?, last.try_get("revision")?);
            for row in &page {
                let bytes: Vec<u8> = row.try_get("bytes")?;
                let said: Revision = serde_json::from_slice(&bytes).map_err(|_| Error::Damaged { what: "revision" })?;
                let written = states::schema_by_hash(db, project, &said.schema).await?;
                let reader = Reader::new(role, [Some(current), written.as_ref()].into_iter().flatten());
                if reader.may_read_all(&said.ops) {
                    self = self.put(&format!("change_sets/{}-{}.json", said.change_set, said.revision), bytes).await?;
                }
            }
        }
    }

    /// The log twice: for spreadsheets, and as the exact bytes that `verify audit` checks.
    async fn log(mut self, db: &mut PgConnection, project: &ProjectId) -> Result<(Self, serde_json::Value), Error> {
        let mut table = Vec::new();
        let mut hasher = Sha256::new();
        let (mut since, mut length) = (0_i64, 0_usize);
        let mut tail = json!({"entries": 0, "last": ObjectHash::from_bytes([0; 32])});
        self.zip = self.zip.start(format!("{}audit.jsonl", self.prefix)).await?;
        loop {
            let page = sqlx::query(
                "select e.seq, e.entry, e.hash, coalesce(a.name, '') as actor_name, d.salt, d.detail
                 from audit_entry e left join account a on a.id = e.actor left join audit_detail d on d.chain = e.chain and d.seq = e.seq
                 where e.chain = $1 and e.seq > $2 order by e.seq limit $3",
            )
            .bind(project.as_str())
            .bind(since)
            .bind(PAGE)
            .fetch_all(&mut *db)
            .await?;
            let Some(last) = page.last() else { break };
            since = last.try_get("seq")?;
            tail = json!({"entries": since, "last": last.hash("hash")?});
            let mut lines = Vec::new();
            for row in &page {
                let damaged = || Error::Damaged { what: "audit entry" };
                let detail: Option<&str> = row.try_get("detail")?;
                let salt: Option<&[u8]> = row.try_get("salt")?;
                let line = LogLine {
                    entry: String::from_utf8(row.try_get("entry")?).map_err(|_| damaged())?,
                    detail: detail.map(serde_json::from_str).transpose().map_err(|_| damaged())?,
                    salt: salt.map(|salt| salt.try_into().map(Salt)).transpose().map_err(|_| damaged())?,
                };
                table.push(log_row(row.try_get("actor_name")?, &line, detail));
                lines.extend(serde_json::to_vec(&line).map_err(|_| damaged())?);
                lines.push(b'\n');
            }
            hasher.update(&lines);
            length += lines.len();
            self.zip = self.zip.write(lines).await?;
        }
        let digest: [u8; 32] = hasher.finalize().into();
        self.files.push(json!({"name": "audit.jsonl", "length": length, "sha256": ObjectHash::from_bytes(digest)}));
        let headings = ["seq", "time", "actor", "action", "target", "details", "head_before", "head_after", "revision"];
        Ok((self.put("audit.csv", csv::plain(&headings, table)).await?, tail))
    }
}

fn log_row(actor: String, line: &LogLine, detail: Option<&str>) -> Vec<String> {
    let entry: serde_json::Value = serde_json::from_str(&line.entry).unwrap_or_default();
    let text = |name: &str| match &entry[name] {
        serde_json::Value::String(text) => text.clone(),
        other => other.to_string(),
    };
    let detail = detail.unwrap_or_default().to_owned();
    vec![
        text("seq"),
        text("time"),
        actor,
        text("action"),
        text("target"),
        detail,
        text("head_before"),
        text("head_after"),
        text("revision"),
    ]
}

async fn versions(db: &mut PgConnection, project: &ProjectId) -> Result<Vec<u8>, Error> {
    let rows = sqlx::query(
        "select t.name as track, v.track as track_id, v.number, v.id, v.kind, v.state, f.path, f.length, v.content_id, a.name as author, v.captured_at,
                rfc3339(v.created_at) as created, v.note
         from version v join track t on t.id = v.track join account a on a.id = v.author join version_file f on f.version = v.id
         where v.project = $1 order by t.name, v.track, v.number, f.idx",
    )
    .bind(project.as_str())
    .fetch_all(db)
    .await?;
    let mut table = Vec::with_capacity(rows.len());
    for row in &rows {
        let path: String = row.try_get("path")?;
        let format = path.rsplit_once('.').map(|(_, ending)| ending.to_ascii_lowercase()).unwrap_or_default();
        table.push(vec![
            row.try_get("track")?,
            row.try_get("track_id")?,
            row.try_get::<i64, _>("number")?.to_string(),
            row.try_get("id")?,
            row.try_get("kind")?,
            row.try_get("state")?,
            path,
            row.try_get::<i64, _>("length")?.to_string(),
            format,
            row.hash("content_id")?.to_string(),
            row.try_get("author")?,
            row.try_get("captured_at")?,
            row.try_get("created")?,
            row.try_get("note")?,
        ]);
    }
    let headings = [
        "track",
        "track_id",
        "number",
        "version",
        "kind",
        "state",
        "file_name",
        "size_bytes",
        "format",
        "sha256",
        "author",
        "captured_at",
        "recorded_at",
        "note",
    ];
    Ok(csv::plain(&headings, table))
}

async fn change_sets(db: &mut PgConnection, project: &ProjectId) -> Result<Vec<u8>, Error> {
    let rows = sqlx::query(
        "select c.id, c.title, c.status, c.revision, r.digest, a.name as author, rfc3339(c.created_at) as created, coalesce(d.name, '') as decider,
                coalesce(rfc3339(c.decided_at), '') as decided, coalesce(c.decision_reason, '') as reason, c.applied_number
         from change_set c join change_set_revision r on r.change_set = c.id and r.revision = c.revision join account a on a.id = r.author
              left join account d on d.id = c.decided_by
         where c.project = $1 and c.status <> 'draft' order by c.created_at, c.id",
    )
    .bind(project.as_str())
    .fetch_all(db)
    .await?;
    let mut table = Vec::with_capacity(rows.len());
    for row in &rows {
        table.push(vec![
            row.try_get("id")?,
            row.try_get("title")?,
            row.try_get("status")?,
            row.try_get::<i64, _>("revision")?.to_string(),
            row.hash("digest")?.to_string(),
            row.try_get("author")?,
            row.try_get("created")?,
            row.try_get("decider")?,
            row.try_get("decided")?,
            row.try_get("reason")?,
            row.try_get::<Option<i64>, _>("applied_number")?.map(|number| number.to_string()).unwrap_or_default(),
        ]);
    }
    let headings =
        ["change_set", "title", "status", "revision", "digest", "author", "proposed_at", "decided_by", "decided_at", "reason", "catalogue"];
    Ok(csv::plain(&headings, table))
}

/// The zip being written, in a file that nobody else sees and that goes with its handle. Compressing leaves the runtime's threads alone.
struct Zip(Box<ZipWriter<File>>);

impl Zip {
    fn new() -> Result<Self, Error> {
        Ok(Self(Box::new(ZipWriter::new(tempfile::tempfile().map_err(disk)?))))
    }

    async fn with(mut self, work: impl FnOnce(&mut ZipWriter<File>) -> zip::result::ZipResult<()> + Send + 'static) -> Result<Self, Error> {
        let done = tokio::task::spawn_blocking(move || work(&mut self.0).map(|()| self)).await;
        done.map_err(|_| Error::Damaged { what: "export" })?.map_err(|error| disk(error.into()))
    }

    async fn start(self, name: String) -> Result<Self, Error> {
        self.with(move |zip| zip.start_file(name, SimpleFileOptions::default().large_file(true))).await
    }

    async fn write(self, bytes: Vec<u8>) -> Result<Self, Error> {
        self.with(move |zip| Ok(zip.write_all(&bytes)?)).await
    }

    async fn put(self, name: String, bytes: Vec<u8>) -> Result<Self, Error> {
        self.start(name).await?.write(bytes).await
    }

    async fn finish(self) -> Result<File, Error> {
        let finished = tokio::task::spawn_blocking(move || {
            let mut file = self.0.finish()?;
            file.seek(SeekFrom::Start(0))?;
            Ok::<_, zip::result::ZipError>(file)
        });
        finished.await.map_err(|_| Error::Damaged { what: "export" })?.map_err(|error| disk(error.into()))
    }
}

fn disk(error: std::io::Error) -> Error {
    tracing::error!(%error, "an export could not be written to the server's temporary folder");
    Error::Damaged { what: "export" }
}

#[cfg(test)]
mod tests {
    use std::io::Read;

    use super::*;
    use crate::random;

    #[test]
    fn folders_have_names_that_every_file_system_takes_and_stay_apart() {
        let id = ProjectId::from_random(random::bytes());
        let end = &id.as_str()[id.as_str().len() - 6..];
        assert_eq!(folder("Night/Drive: EP?", &id), format!("Night_Drive_ EP_ {end}"));
        assert_eq!(folder("../..", &id), format!("_____ {end}"));
        assert!(folder(&"é".repeat(500), &id).chars().count() < 70);
    }

    #[tokio::test]
    async fn what_goes_into_the_zip_comes_out() {
        let zip = Zip::new().expect("a file").put("a/b.txt".into(), b"hello".to_vec()).await.expect("written");
        let mut archive = zip::ZipArchive::new(zip.finish().await.expect("finished")).expect("a zip");
        let mut text = String::new();
        archive.by_name("a/b.txt").expect("the file").read_to_string(&mut text).expect("text");
        assert_eq!(text, "hello");
    }
}
