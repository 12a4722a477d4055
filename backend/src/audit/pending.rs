//! What is written to the audit log as one entry with a count, so that nobody floods it: failed sign-ins and refused acts, by ten minutes.

use sqlx::postgres::{PgConnection, PgRow};
use sqlx::{PgPool, Row};

use super::{Fact, append};
use crate::error::{Denied, Error};

/// Counts one event of a chain.
/// # Errors
/// When the database fails.
pub async fn note(db: &PgPool, chain: &str, actor: &str, action: &'static str) -> Result<(), Error> {
    sqlx::query(
        "insert into audit_pending (chain, actor, action) values ($1, $2, $3)
         on conflict (chain, actor, action) do update set count = audit_pending.count + 1",
    )
    .bind(chain)
    .bind(actor)
    .bind(action)
    .execute(db)
    .await?;
    Ok(())
}

/// Counts a denied access. The same statement runs for what is not there, which has no log.
/// # Errors
/// When the database fails.
pub async fn note_denied(db: &PgPool, denied: &Denied) -> Result<(), Error> {
    sqlx::query(
        "insert into audit_pending (chain, actor, action) select chain, $2, 'access.denied' from audit_chain where chain = $1
         on conflict (chain, actor, action) do update set count = audit_pending.count + 1",
    )
    .bind(&denied.chain)
    .bind(denied.actor.as_str())
    .execute(db)
    .await?;
    Ok(())
}

/// Writes what was counted on one chain, before something else is written there.
/// # Errors
/// When the database fails.
pub async fn flush(db: &mut PgConnection, chain: &str) -> Result<(), Error> {
    let rows = sqlx::query("delete from audit_pending where chain = $1 returning chain, actor, action, count, rfc3339(since) as since")
        .bind(chain)
        .fetch_all(&mut *db)
        .await?;
    write(db, &rows).await
}

/// Writes what was counted more than ten minutes ago, on every chain.
/// # Errors
/// When the database fails.
pub async fn sweep(db: &PgPool) -> Result<(), Error> {
    let mut tx = db.begin().await?;
    let rows = sqlx::query(
        "delete from audit_pending where since < now() - interval '10 minutes'
         returning chain, actor, action, count, rfc3339(since) as since",
    )
    .fetch_all(&mut *tx)
    .await?;
    // Every writer that locks several chains locks them in this order.
    let mut rows = rows;
    rows.sort_by_key(|row| row.try_get::<String, _>("chain").unwrap_or_default());
    write(&mut tx, &rows).await?;
    tx.commit().await?;
    Ok(())
}

async fn write(db: &mut PgConnection, rows: &[PgRow]) -> Result<(), Error> {
    for row in rows {
        let (chain, actor): (String, String) = (row.try_get("chain")?, row.try_get("actor")?);
        let action = match row.try_get("action")? {
            "sign_in.failed" => "sign_in.failed",
            "step_up.failed" => "step_up.failed",
            "access.denied" => "access.denied",
            _ => return Err(Error::Damaged { what: "pending entry" }),
        };
        let detail = serde_json::json!({"count": row.try_get::<i64, _>("count")?, "since": row.try_get::<String, _>("since")?});
        append(db, Fact::by_word(&actor, &chain, action, &chain).detail(detail)).await?;
    }
    Ok(())
}
