//! Proposing: a new change set, a further revision of one's own, putting it up for review, taking it back.

use collabtrack_domain::catalogue::row::Salt;
use collabtrack_domain::catalogue::schema::{Schema, Table};
use collabtrack_domain::change_set::merge::check_bases;
use collabtrack_domain::change_set::op::{Op, OpsError, check_fields, parse_ops};
use collabtrack_domain::change_set::revision::{MAX_TITLE_CHARS, Revision, RevisionError, SealedRevision};
use collabtrack_domain::change_set::status::{Status, TransitionRefused, Verb};
use collabtrack_domain::hash::ObjectHash;
use collabtrack_domain::id::{ChangeSetId, ProjectId, TrackId};
use collabtrack_domain::role::{Action, Role};
use collabtrack_protocol::approval::{ChangeSetSummary, Propose};
use collabtrack_protocol::problem::ErrorCode;
use sqlx::PgPool;
use sqlx::postgres::PgConnection;

use super::review::{self, Basis, base_mismatch, parse_head};
use super::rows::{self, ChangeSet, NewChangeSet, Origin};
use super::versions::{self, Demand};
use crate::audit::{self, Fact};
use crate::catalogue::rows as states;
use crate::error::{Error, id_taken, invalid, not_found, refuse};
use crate::sessions::Session;
use crate::{access, random};

/// Proposes a change set. The same id and body again give the same answer.
/// # Errors
/// When the operations make no change set, do not fit the state they name, or the role may not propose them.
pub async fn propose(db: &PgPool, session: &Session, project: &ProjectId, body: &Propose) -> Result<ChangeSetSummary, Error> {
    let mut tx = db.begin().await?;
    let role = access::lock(&mut tx, &session.account, project, Action::Propose).await?;
    let summary = open(&mut tx, session, project, role, body, Origin::Proposed).await?;
    tx.commit().await?;
    Ok(summary)
}

/// Opens a change set inside a transaction that holds the project's lock.
pub(super) async fn open(
    tx: &mut PgConnection,
    session: &Session,
    project: &ProjectId,
    role: Role,
    body: &Propose,
    origin: Origin<'_>,
) -> Result<ChangeSetSummary, Error> {
    let request = request_digest(body)?;
    if let Some(known) = rows::find(tx, &body.change_set).await? {
        let same = known.project == *project && known.created_by == session.account && known.request_digest == request;
        if !same {
            return Err(id_taken());
        }
        return rows::summary(tx, &body.change_set).await;
    }
    let sealed = seal(tx, session, project, role, body, 1).await?;
    let status = if body.submit { Status::Open } else { Status::Draft };
    let title = &sealed.revision().title;
    let new = NewChangeSet {
        id: &body.change_set,
        project,
        title,
        status,
        author: &session.account,
        request_digest: &request,
        origin,
        rows_without_base: body.csv.as_ref().map_or(0, |source| source.rows_without_base),
    };
    rows::insert(tx, &new).await?;
    rows::insert_revision(tx, &sealed, None).await?;
    if body.submit {
        record(tx, session, project, &body.change_set, "change_set.propose", &sealed).await?;
        rows::tell(tx, project, &body.change_set, status, 1).await?;
    }
    imported(tx, session, project, body, &sealed).await?;
    rows::summary(tx, &body.change_set).await
}

/// Tells the log that the operations came from a CSV file, and from which.
async fn imported(
    tx: &mut PgConnection,
    session: &Session,
    project: &ProjectId,
    body: &Propose,
    sealed: &SealedRevision,
) -> Result<(), Error> {
    let Some(source) = &body.csv else { return Ok(()) };
    if Table::from_word(&source.table).is_none() || source.file_name.chars().count() > MAX_TITLE_CHARS {
        return Err(invalid("/csv", format!("The table is tracks or splits, and a file name has at most {MAX_TITLE_CHARS} characters.")));
    }
    let detail = serde_json::json!({
        "table": source.table, "file_name": source.file_name, "sha256": source.sha256, "operations": sealed.revision().ops.len(),
        "rows_without_base": source.rows_without_base,
    });
    let fact = Fact::by(&session.account, &session.tag, project.as_str(), "catalogue.import", body.change_set.as_str());
    audit::append(tx, fact.revision(&sealed.digest()).detail(detail)).await
}

/// Writes a further revision of one's own change set, and with `submit` puts it up for review.
/// # Errors
/// As [`propose`]; `already_decided` once it is closed.
pub async fn revise(db: &PgPool, session: &Session, id: &ChangeSetId, body: &Propose) -> Result<ChangeSetSummary, Error> {
    if body.change_set != *id {
        return Err(invalid("/change_set", "The body names another change set than the address."));
    }
    let mut tx = db.begin().await?;
    let (set, role) = own(&mut tx, session, id).await?;
    let mut status = set.status.after(Verb::Revise).map_err(refused)?;
    if body.submit && status != Status::Open {
        status = status.after(Verb::Submit).map_err(refused)?;
    }
    let revision = set.revision + 1;
    let sealed = seal(&mut tx, session, &set.project, role, body, revision).await?;
    rows::insert_revision(&mut tx, &sealed, None).await?;
    rows::set_revision(&mut tx, id, revision, &sealed.revision().title).await?;
    rows::set_status(&mut tx, id, status).await?;
    if let Some(source) = &body.csv {
        // A correction by hand keeps what the file before it left open; another file answers for itself.
        rows::set_rows_without_base(&mut tx, id, source.rows_without_base).await?;
    }
    imported(&mut tx, session, &set.project, body, &sealed).await?;
    if status != Status::Draft {
        record(&mut tx, session, &set.project, id, "change_set.revise", &sealed).await?;
        rows::tell(&mut tx, &set.project, id, status, revision).await?;
    }
    let summary = rows::summary(&mut tx, id).await?;
    tx.commit().await?;
    Ok(summary)
}

/// Puts one's own change set up for review; one that was sent back gets a further revision.
/// # Errors
/// `already_decided` once it is closed; `not_found` for other people's.
pub async fn submit(db: &PgPool, session: &Session, id: &ChangeSetId) -> Result<ChangeSetSummary, Error> {
    move_own(db, session, id, Verb::Submit, "change_set.propose").await
}

/// Takes one's own change set back.
/// # Errors
/// `already_decided` once it is closed; `not_found` or `forbidden` for other people's.
pub async fn withdraw(db: &PgPool, session: &Session, id: &ChangeSetId) -> Result<ChangeSetSummary, Error> {
    move_own(db, session, id, Verb::Withdraw, "change_set.withdraw").await
}

async fn move_own(db: &PgPool, session: &Session, id: &ChangeSetId, verb: Verb, action: &'static str) -> Result<ChangeSetSummary, Error> {
    let mut tx = db.begin().await?;
    let (set, _) = own(&mut tx, session, id).await?;
    if verb == Verb::Submit && set.status == Status::Open {
        return rows::summary(&mut tx, id).await;
    }
    let status = set.status.after(verb).map_err(refused)?;
    let mut sealed = rows::newest(&mut tx, &set).await?;
    let mut revision = set.revision;
    if verb == Verb::Submit && set.status == Status::ChangesRequested {
        // What was sent back is not what waits again, even where its author leaves it as it was: it gets a fingerprint of its own.
        revision += 1;
        let again = Revision { author: session.account.clone(), nonce: Salt(random::bytes()), revision, ..sealed.revision().clone() };
        sealed = again.seal().map_err(|error| revision_refused(&error))?;
        rows::insert_revision(&mut tx, &sealed, None).await?;
        rows::set_revision(&mut tx, id, revision, &sealed.revision().title).await?;
    }
    if status == Status::Withdrawn {
        rows::decide(&mut tx, id, status, &session.account, None, None).await?;
    } else {
        rows::set_status(&mut tx, id, status).await?;
    }
    // A draft nobody saw leaves no trace when it is taken back.
    if set.status != Status::Draft || status == Status::Open {
        record(&mut tx, session, &set.project, id, action, &sealed).await?;
        rows::tell(&mut tx, &set.project, id, status, revision).await?;
    }
    let summary = rows::summary(&mut tx, id).await?;
    tx.commit().await?;
    Ok(summary)
}

/// The account's own set, with its project locked and the role of this moment.
async fn own(db: &mut PgConnection, session: &Session, id: &ChangeSetId) -> Result<(ChangeSet, Role), Error> {
    let (set, _) = review::open(db, &session.account, id).await?;
    let role = access::lock(db, &session.account, &set.project, Action::Propose).await?;
    let set = rows::find(db, id).await?.ok_or_else(not_found)?;
    if set.created_by != session.account {
        return Err(refuse(
            ErrorCode::Forbidden,
            "Only its author edits, proposes or withdraws a proposal. An admin may ask for changes or reject it.",
        ));
    }
    Ok((set, role))
}

pub(super) fn refused(refused: TransitionRefused) -> Error {
    refuse(ErrorCode::AlreadyDecided, format!("Nothing was changed: {refused}."))
}

fn request_digest(body: &Propose) -> Result<ObjectHash, Error> {
    let bytes = serde_json::to_vec(body).map_err(|_| Error::Damaged { what: "request" })?;
    Ok(ObjectHash::of(&bytes))
}

/// Checks a proposal against the current state and fixes its bytes.
async fn seal(
    db: &mut PgConnection,
    session: &Session,
    project: &ProjectId,
    role: Role,
    body: &Propose,
    number: i64,
) -> Result<SealedRevision, Error> {
    let ops = parse_ops(&body.ops).map_err(|error| ops_refused(&error))?;
    let base_head = parse_head(&body.base_head)?;
    let (_, schema) = states::head_facts(db, project, &base_head).await?.ok_or_else(|| {
        base_mismatch("the catalogue of this project never had the state named as its base; read it again and propose anew")
    })?;
    let revision = Revision {
        author: session.account.clone(),
        base_head,
        change_set: body.change_set.clone(),
        nonce: Salt(random::bytes()),
        ops,
        project: project.clone(),
        reason: body.reason.trim().to_owned(),
        revision: number,
        schema,
        title: body.title.trim().to_owned(),
        v: 1,
    };
    // Nothing is merged yet, so the rows it names are enough.
    let basis = Basis::load_met(db, project, &revision).await?;
    let current = basis.snapshot.catalogue.schema();
    check_fields(&revision.ops, current, role)
        .map_err(|error| refuse(ErrorCode::FieldForbidden, format!("Nothing was proposed: {error}.")))?;
    check_bases(&basis.input(&revision)).map_err(|mismatch| base_mismatch(&mismatch.to_string()))?;
    for op in &revision.ops {
        if let Op::SchemaChange { to, .. } = op {
            Schema::from_value(to).map_err(|error| refuse(ErrorCode::SchemaInvalid, format!("Nothing was proposed: {error}.")))?;
        }
    }
    check_new_tracks(db, project, &revision.ops).await?;
    versions::check(db, project, &revision.ops, Demand::Exist).await?;
    revision.seal().map_err(|error| revision_refused(&error))
}

/// A new row has the id of a track of this project, or one nobody has.
async fn check_new_tracks(db: &mut PgConnection, project: &ProjectId, ops: &[Op]) -> Result<(), Error> {
    let added: Vec<&TrackId> = ops.iter().filter_map(|op| if let Op::TrackAdd { row, .. } = op { Some(row) } else { None }).collect();
    let ids: Vec<&str> = added.iter().map(|id| id.as_str()).collect();
    let taken: bool = sqlx::query_scalar(
        "select exists (select from track where id = any($1) and project <> $2) or exists (select from track_alias where id = any($1))",
    )
    .bind(ids)
    .bind(project.as_str())
    .fetch_one(db)
    .await?;
    if taken { Err(id_taken()) } else { Ok(()) }
}

pub(super) fn ops_refused(error: &OpsError) -> Error {
    let code = match error {
        OpsError::Empty => ErrorCode::EmptyChangeSet,
        OpsError::TooMany { .. } => ErrorCode::TooManyOperations,
        OpsError::Duplicate { .. } => ErrorCode::DuplicateOp,
        OpsError::SchemaNotAlone => ErrorCode::SchemaInvalid,
        OpsError::Malformed { .. } => ErrorCode::BadRequest,
        OpsError::Implausible { .. } => ErrorCode::Invalid,
    };
    refuse(code, format!("Nothing was proposed: {error}."))
}

pub(super) fn revision_refused(error: &RevisionError) -> Error {
    match error {
        RevisionError::Ops(error) => ops_refused(error),
        RevisionError::TooLarge { .. } => refuse(ErrorCode::TooLarge, format!("Nothing was proposed: {error}.")),
        RevisionError::Words => invalid("/title", error.to_string()),
        other => refuse(ErrorCode::BadRequest, format!("Nothing was proposed: {other}.")),
    }
}

pub(super) async fn record(
    db: &mut PgConnection,
    session: &Session,
    project: &ProjectId,
    id: &ChangeSetId,
    action: &'static str,
    sealed: &SealedRevision,
) -> Result<(), Error> {
    let detail =
        serde_json::json!({"title": sealed.revision().title, "reason": sealed.revision().reason, "revision": sealed.revision().revision});
    let fact = Fact::by(&session.account, &session.tag, project.as_str(), action, id.as_str()).revision(&sealed.digest()).detail(detail);
    audit::append(db, fact).await
}
