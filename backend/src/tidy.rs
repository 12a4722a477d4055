//! What is done now and then: counted events written to the audit log, and what is over forgotten. Any number of instances may do it at once.

use std::time::Duration;

use sqlx::PgPool;
use tokio_util::sync::CancellationToken;

use crate::accounts::throttle;
use crate::audit::pending;
use crate::error::Error;

const EVERY: Duration = Duration::from_secs(60);

/// Starts the work; it ends with `stop`.
pub(crate) fn start(db: PgPool, stop: CancellationToken) {
    tokio::spawn(async move {
        let mut tick = tokio::time::interval(EVERY);
        // The first tick comes at once: a server that starts has just started others.
        tick.tick().await;
        loop {
            tokio::select! {
                () = stop.cancelled() => return,
                _ = tick.tick() => {}
            }
            if let Err(error) = once(&db).await {
                tracing::warn!(error = &error as &dyn std::error::Error, "tidying up is tried again in a minute");
            }
        }
    });
}

/// Does it once.
/// # Errors
/// When the database fails.
pub async fn once(db: &PgPool) -> Result<(), Error> {
    pending::sweep(db).await?;
    throttle::sweep(db).await?;
    sqlx::query("delete from session where expires_at < now() or last_used_at < now() - interval '14 days'").execute(db).await?;
    sqlx::query("delete from known_device where expires_at < now()").execute(db).await?;
    sqlx::query("delete from pending_address where expires_at < now()").execute(db).await?;
    sqlx::query("delete from one_time_code where expires_at < now() - interval '1 day'").execute(db).await?;
    Ok(())
}
