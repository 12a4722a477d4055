//! Answers kept for repeated requests: the same key and request give the same answer, the same key with another request is refused.

use collabtrack_domain::hash::ObjectHash;
use collabtrack_domain::id::AccountId;
use collabtrack_protocol::problem::ErrorCode;
use serde::Serialize;
use serde::de::DeserializeOwned;
use sqlx::Row;
use sqlx::postgres::PgConnection;

use crate::db::RowExt;
use crate::error::{Error, invalid, refuse};

const MAX_KEY_BYTES: usize = 200;

/// A request that may be repeated: its key, and a digest of what it asks.
#[derive(Debug, Clone)]
pub struct Repeatable {
    key: String,
    request: ObjectHash,
}

impl Repeatable {
    /// A request with that `Idempotency-Key`; `asks` is everything that makes it this request.
    /// # Errors
    /// When the key is empty or too long.
    pub fn new(key: &str, asks: &[&[u8]]) -> Result<Self, Error> {
        if key.is_empty() || key.len() > MAX_KEY_BYTES {
            return Err(invalid("Idempotency-Key", format!("An idempotency key has 1 to {MAX_KEY_BYTES} characters.")));
        }
        let joined: Vec<u8> =
            asks.iter().flat_map(|part| (part.len() as u64).to_be_bytes().into_iter().chain(part.iter().copied())).collect();
        Ok(Self { key: key.to_owned(), request: ObjectHash::of(&joined) })
    }
}

/// The answer given before, within 7 days.
async fn answer(db: &mut PgConnection, account: &AccountId, request: &Repeatable) -> Result<Option<serde_json::Value>, Error> {
    sqlx::query("delete from idempotent_answer where account = $1 and created_at < now() - interval '7 days'")
        .bind(account.as_str())
        .execute(&mut *db)
        .await?;
    let row = sqlx::query("select request, answer from idempotent_answer where account = $1 and key = $2")
        .bind(account.as_str())
        .bind(&request.key)
        .fetch_optional(db)
        .await?;
    match row {
        None => Ok(None),
        Some(row) if row.hash("request")? == request.request => Ok(Some(row.try_get("answer")?)),
        Some(_) => Err(refuse(
            ErrorCode::IdempotencyMismatch,
            "This idempotency key was used for another request before, so this one was not carried out. Use a new key for a new request.",
        )),
    }
}

/// The answer given before to a request that may be repeated, read back.
pub(super) async fn given<T: DeserializeOwned>(
    db: &mut PgConnection,
    account: &AccountId,
    request: Option<&Repeatable>,
) -> Result<Option<T>, Error> {
    let Some(request) = request else { return Ok(None) };
    let kept = answer(db, account, request).await?;
    kept.map(|kept| serde_json::from_value(kept).map_err(|_| Error::Damaged { what: "kept answer" })).transpose()
}

/// Keeps the answer to a request that may be repeated.
pub(super) async fn keep<T: Serialize + Sync>(
    db: &mut PgConnection,
    account: &AccountId,
    request: Option<&Repeatable>,
    answer: &T,
) -> Result<(), Error> {
    let Some(request) = request else { return Ok(()) };
    let answer = serde_json::to_value(answer).map_err(|_| Error::Damaged { what: "answer" })?;
    sqlx::query("insert into idempotent_answer (account, key, request, answer) values ($1, $2, $3, $4)")
        .bind(account.as_str())
        .bind(&request.key)
        .bind(&request.request.as_bytes()[..])
        .bind(answer)
        .execute(db)
        .await?;
    Ok(())
}
