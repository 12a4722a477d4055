//! Projects, and how far each has followed the server's feed.

use collabtrack_domain::id::ProjectId;
use collabtrack_domain::role::Role;
use sqlx::{FromRow, SqliteConnection};

use super::{StoreResult, parsed};

/// A project as this library knows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Project {
    /// Id.
    pub id: ProjectId,
    /// Name.
    pub name: String,
    /// Server it belongs to; none while it is only on this computer.
    pub server: Option<String>,
    /// Whether that server has confirmed it.
    pub on_server: bool,
    /// Own role there.
    pub role: Option<Role>,
    /// Whether the server does not name it to this account any more.
    pub away: bool,
    /// Place in the feed.
    pub feed: FeedPlace,
}

/// How far a project has followed its feed.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct FeedPlace {
    /// The server's epoch, once known.
    pub epoch: Option<String>,
    /// Sequence number of the last change applied.
    pub cursor: i64,
    /// Its id.
    pub last_change: Option<String>,
}

#[derive(FromRow)]
struct Row {
    id: String,
    name: String,
    server: Option<String>,
    on_server: i64,
    role: Option<String>,
    away: i64,
    epoch: Option<String>,
    cursor: i64,
    last_change: Option<String>,
}

impl Row {
    fn read(self) -> StoreResult<Project> {
        Ok(Project {
            id: parsed("a project id", &self.id)?,
            name: self.name,
            server: self.server,
            on_server: self.on_server == 1,
            role: self.role.as_deref().and_then(Role::from_word),
            away: self.away == 1,
            feed: FeedPlace { epoch: self.epoch, cursor: self.cursor, last_change: self.last_change },
        })
    }
}

/// Every project, oldest first.
pub async fn all(connection: &mut SqliteConnection) -> StoreResult<Vec<Project>> {
    let rows: Vec<Row> =
        sqlx::query_as("SELECT id, name, server, on_server, role, away, epoch, cursor, last_change FROM project ORDER BY created_at, id")
            .fetch_all(connection)
            .await?;
    rows.into_iter().map(Row::read).collect()
}

/// One project.
pub async fn get(connection: &mut SqliteConnection, id: &ProjectId) -> StoreResult<Option<Project>> {
    let row: Option<Row> =
        sqlx::query_as("SELECT id, name, server, on_server, role, away, epoch, cursor, last_change FROM project WHERE id = ?")
            .bind(id.as_str())
            .fetch_optional(connection)
            .await?;
    row.map(Row::read).transpose()
}

/// Records a project that is only on this computer; one that is known already stays as it is.
pub async fn insert(connection: &mut SqliteConnection, id: &ProjectId, name: &str, now: &str) -> StoreResult<()> {
    sqlx::query("INSERT INTO project (id, name, created_at) VALUES (?, ?, ?) ON CONFLICT (id) DO NOTHING")
        .bind(id.as_str())
        .bind(name)
        .bind(now)
        .execute(connection)
        .await?;
    Ok(())
}

/// Says that a project belongs to `server`; whether the server knows it already is said apart.
pub async fn connect(connection: &mut SqliteConnection, id: &ProjectId, server: &str) -> StoreResult<()> {
    sqlx::query("UPDATE project SET server = ? WHERE id = ?").bind(server).bind(id.as_str()).execute(connection).await?;
    Ok(())
}

/// Says that a project is only on this computer after all: the server refused it.
pub async fn disconnect(connection: &mut SqliteConnection, id: &ProjectId) -> StoreResult<()> {
    sqlx::query("UPDATE project SET server = NULL WHERE id = ? AND on_server = 0").bind(id.as_str()).execute(connection).await?;
    Ok(())
}

/// Takes over what the server says of a project.
pub async fn confirm(connection: &mut SqliteConnection, id: &ProjectId, name: &str, role: Role) -> StoreResult<()> {
    sqlx::query("UPDATE project SET on_server = 1, name = ?, role = ? WHERE id = ?")
        .bind(name)
        .bind(role.as_str())
        .bind(id.as_str())
        .execute(connection)
        .await?;
    Ok(())
}

/// Says whether the server names a project to this account.
pub async fn set_away(connection: &mut SqliteConnection, id: &ProjectId, away: bool) -> StoreResult<()> {
    sqlx::query("UPDATE project SET away = ? WHERE id = ?").bind(i64::from(away)).bind(id.as_str()).execute(connection).await?;
    Ok(())
}

/// Whether the server keeps whole files of a project.
pub async fn is_plain(connection: &mut SqliteConnection, id: &ProjectId) -> StoreResult<bool> {
    let plain: Option<i64> =
        sqlx::query_scalar("SELECT plain FROM project WHERE id = ?").bind(id.as_str()).fetch_optional(connection).await?;
    Ok(plain == Some(1))
}

/// Takes over whether the server keeps whole files of a project.
pub async fn set_plain(connection: &mut SqliteConnection, id: &ProjectId, plain: bool) -> StoreResult<()> {
    sqlx::query("UPDATE project SET plain = ? WHERE id = ?").bind(i64::from(plain)).bind(id.as_str()).execute(connection).await?;
    Ok(())
}

/// Names a project.
pub async fn rename(connection: &mut SqliteConnection, id: &ProjectId, name: &str) -> StoreResult<()> {
    sqlx::query("UPDATE project SET name = ? WHERE id = ?").bind(name).bind(id.as_str()).execute(connection).await?;
    Ok(())
}

/// Sets the own role.
pub async fn set_role(connection: &mut SqliteConnection, id: &ProjectId, role: Role) -> StoreResult<()> {
    sqlx::query("UPDATE project SET role = ? WHERE id = ?").bind(role.as_str()).bind(id.as_str()).execute(connection).await?;
    Ok(())
}

/// Sets the place in the feed.
pub async fn set_feed(connection: &mut SqliteConnection, id: &ProjectId, place: &FeedPlace) -> StoreResult<()> {
    sqlx::query("UPDATE project SET epoch = ?, cursor = ?, last_change = ? WHERE id = ?")
        .bind(place.epoch.as_deref())
        .bind(place.cursor)
        .bind(place.last_change.as_deref())
        .bind(id.as_str())
        .execute(connection)
        .await?;
    Ok(())
}

/// Follows every feed from its start again.
pub async fn forget_places(connection: &mut SqliteConnection) -> StoreResult<()> {
    sqlx::query("UPDATE project SET epoch = NULL, cursor = 0, last_change = NULL").execute(connection).await?;
    Ok(())
}

/// Sets the catalogue state last heard of.
pub async fn set_catalogue(connection: &mut SqliteConnection, id: &ProjectId, head: &str, number: i64) -> StoreResult<()> {
    sqlx::query("UPDATE project SET catalogue_head = ?, catalogue_number = ? WHERE id = ?")
        .bind(head)
        .bind(number)
        .bind(id.as_str())
        .execute(connection)
        .await?;
    Ok(())
}
