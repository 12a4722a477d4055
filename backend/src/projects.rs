//! Projects: creating them, and what a member sees of them.

use collabtrack_domain::catalogue::row::{Catalogue, no_parent};
use collabtrack_domain::catalogue::schema::default_schema;
use collabtrack_domain::hash::ObjectHash;
use collabtrack_domain::id::{AccountId, ProjectId};
use collabtrack_domain::role::{Action, Role};
use collabtrack_protocol::accounts::Person;
use collabtrack_protocol::changes::{ChangeKind, ProjectMoved};
use collabtrack_protocol::projects::{CreateProject, Member, Project};
use sqlx::postgres::{PgConnection, PgRow};
use sqlx::{PgPool, Row};

use crate::accounts::parse_name;
use crate::audit::{self, Fact};
use crate::db::RowExt;
use crate::error::{Error, id_taken};
use crate::sessions::Session;
use crate::{access, catalogue, feed, random};

pub mod trash;

/// Creates a project with its first, empty catalogue; the creator owns it.
/// # Errors
/// When the name is not acceptable or the id stands for something else.
pub async fn create(db: &PgPool, session: &Session, body: &CreateProject) -> Result<Project, Error> {
    let name = parse_name("/name", &body.name)?;
    let mut tx = db.begin().await?;
    let empty = Catalogue::empty(default_schema().clone());
    let head = empty.head(&no_parent()).ok_or(Error::Damaged { what: "catalogue" })?;
    if !insert(&mut tx, &body.id, name, &session.account, &empty, &head).await? {
        tx.rollback().await?;
        return again(db, session, &body.id, name).await;
    }
    catalogue::begin(&mut tx, &body.id, &empty, &head).await?;
    add_member(&mut tx, &body.id, &session.account, Role::Owner).await?;
    let moved = ProjectMoved { name: name.to_owned() };
    feed::append(&mut tx, &body.id, ChangeKind::Project, &moved).await?;
    let owner = member(&mut tx, &body.id, &session.account).await?;
    feed::append(&mut tx, &body.id, ChangeKind::Member, &owner).await?;
    let chain = body.id.as_str();
    audit::open_chain(&mut tx, chain).await?;
    let fact =
        Fact::by(&session.account, &session.tag, chain, "project.create", chain).after(&head).detail(serde_json::json!({"name": name}));
    audit::append(&mut tx, fact).await?;
    tx.commit().await?;
    view(db, session, &body.id).await
}

/// Inserts the row of a project with its empty catalogue; `false` when the id is taken.
pub(crate) async fn insert(
    db: &mut PgConnection,
    id: &ProjectId,
    name: &str,
    owner: &AccountId,
    empty: &Catalogue,
    head: &ObjectHash,
) -> Result<bool, Error> {
    let inserted = sqlx::query(
        "insert into project (id, name, created_by, epoch, catalogue_head, catalogue_schema) values ($1, $2, $3, $4, $5, $6)
         on conflict (id) do nothing",
    )
    .bind(id.as_str())
    .bind(name)
    .bind(owner.as_str())
    .bind(random::hex128())
    .bind(&head.as_bytes()[..])
    .bind(&empty.schema().hash().as_bytes()[..])
    .execute(db)
    .await?;
    Ok(inserted.rows_affected() == 1)
}

/// The same id and name again give the same answer.
async fn again(db: &PgPool, session: &Session, id: &ProjectId, name: &str) -> Result<Project, Error> {
    let created: Option<bool> = sqlx::query_scalar("select name = $2 from project where id = $1 and created_by = $3")
        .bind(id.as_str())
        .bind(name)
        .bind(session.account.as_str())
        .fetch_optional(db)
        .await?;
    if created != Some(true) {
        return Err(id_taken());
    }
    view(db, session, id).await
}

/// One project, with its members.
/// # Errors
/// `not_found` for whoever is not in it.
pub async fn view(db: &PgPool, session: &Session, id: &ProjectId) -> Result<Project, Error> {
    let mut tx = db.begin().await?;
    access::check(&mut tx, &session.account, id, Action::SeeProject).await?;
    let row = sqlx::query(
        "select p.id, p.name, m.role, p.epoch, p.head_seq, p.catalogue_head, p.catalogue_number, p.plain, rfc3339(p.created_at) as created_at,
                (select count(*) from change_set c where c.project = p.id and c.status = 'open') as waiting
         from project p join member m on m.project = p.id and m.account = $2 where p.id = $1",
    )
    .bind(id.as_str())
    .bind(session.account.as_str())
    .fetch_one(&mut *tx)
    .await?;
    let mut project = of_row(&row)?;
    project.members = members(&mut tx, id).await?;
    tx.commit().await?;
    Ok(project)
}

/// Every project the account is in, newest first, without their members.
/// # Errors
/// When the database fails.
pub async fn list(db: &PgPool, session: &Session) -> Result<Vec<Project>, Error> {
    let rows = sqlx::query(
        "select p.id, p.name, m.role, p.epoch, p.head_seq, p.catalogue_head, p.catalogue_number, p.plain, rfc3339(p.created_at) as created_at,
                (select count(*) from change_set c where c.project = p.id and c.status = 'open') as waiting
         from project p join member m on m.project = p.id where m.account = $1 and p.trashed_at is null
         order by p.created_at desc, p.id",
    )
    .bind(session.account.as_str())
    .fetch_all(db)
    .await?;
    rows.iter().map(of_row).collect()
}

fn of_row(row: &PgRow) -> Result<Project, Error> {
    Ok(Project {
        id: row.text_as("id")?,
        name: row.try_get("name")?,
        role: row.role("role")?,
        epoch: row.try_get("epoch")?,
        head_seq: row.try_get("head_seq")?,
        catalogue_head: row.hash("catalogue_head")?.to_string(),
        catalogue_number: row.try_get("catalogue_number")?,
        waiting: row.try_get("waiting")?,
        plain: row.try_get("plain")?,
        created_at: row.try_get("created_at")?,
        members: Vec::new(),
    })
}

async fn members(db: &mut PgConnection, project: &ProjectId) -> Result<Vec<Member>, Error> {
    let rows = sqlx::query(
        "select a.id, a.name, m.role, rfc3339(m.since) as since from member m join account a on a.id = m.account
         where m.project = $1 order by m.since, a.id",
    )
    .bind(project.as_str())
    .fetch_all(db)
    .await?;
    rows.iter().map(member_of_row).collect()
}

/// One member.
pub(crate) async fn member(db: &mut PgConnection, project: &ProjectId, account: &AccountId) -> Result<Member, Error> {
    let row = sqlx::query(
        "select a.id, a.name, m.role, rfc3339(m.since) as since from member m join account a on a.id = m.account
         where m.project = $1 and m.account = $2",
    )
    .bind(project.as_str())
    .bind(account.as_str())
    .fetch_one(db)
    .await?;
    member_of_row(&row)
}

fn member_of_row(row: &PgRow) -> Result<Member, Error> {
    let person = Person { id: row.text_as("id")?, name: row.try_get("name")? };
    Ok(Member { person, role: row.role("role")?, since: row.try_get("since")? })
}

/// Adds a member; somebody who is one already gives `already_member`.
pub(crate) async fn add_member(db: &mut PgConnection, project: &ProjectId, account: &AccountId, role: Role) -> Result<(), Error> {
    sqlx::query("insert into member (project, account, role) values ($1, $2, $3)")
        .bind(project.as_str())
        .bind(account.as_str())
        .bind(role.as_str())
        .execute(db)
        .await?;
    Ok(())
}
