//! Hints that a project has news: Postgres tells every instance, each instance tells its open streams. A lost hint costs time, never
//! correctness.

use std::time::Duration;

use collabtrack_domain::id::ProjectId;
use sqlx::PgPool;
use sqlx::postgres::PgListener;
use tokio::sync::broadcast;
use tokio_util::sync::CancellationToken;

/// Channel on which the database announces `project seq` when a transaction that moved a project commits.
const CHANNEL: &str = "collabtrack_project";
const PROBE_EVERY: Duration = Duration::from_secs(15);
const RETRY_AFTER: Duration = Duration::from_secs(1);

/// What a stream is told.
#[derive(Debug, Clone)]
pub enum News {
    /// A project has a new newest change.
    Project(ProjectId, i64),
    /// Hints may have been lost: look at every project.
    Everything,
}

/// The hints of this instance.
#[derive(Debug, Clone)]
pub struct Hints(broadcast::Sender<News>);

impl Hints {
    /// Listens on one connection of its own until told to stop; a lost connection is made again.
    #[must_use]
    pub fn start(db: PgPool, stop: CancellationToken) -> Self {
        let hints = Self(broadcast::channel(1_024).0);
        let sender = hints.0.clone();
        tokio::spawn(async move {
            tokio::select! {
                () = stop.cancelled() => {}
                () = listen(&db, &sender) => {}
            }
        });
        hints
    }

    /// News from now on.
    #[must_use]
    pub fn subscribe(&self) -> broadcast::Receiver<News> {
        self.0.subscribe()
    }
}

async fn listen(db: &PgPool, to: &broadcast::Sender<News>) {
    loop {
        if let Err(error) = listen_once(db, to).await {
            tracing::warn!(
                error = &error as &dyn std::error::Error,
                "the connection that carries hints was lost; streams are told to look everywhere"
            );
        }
        tokio::time::sleep(RETRY_AFTER).await;
    }
}

async fn listen_once(db: &PgPool, to: &broadcast::Sender<News>) -> Result<(), sqlx::Error> {
    let mut listener = PgListener::connect_with(db).await?;
    listener.listen(CHANNEL).await?;
    // Nobody listening is no error.
    let _ = to.send(News::Everything);
    loop {
        match tokio::time::timeout(PROBE_EVERY, listener.try_recv()).await {
            Ok(Ok(Some(notification))) => {
                if let Some(news) = parse(notification.payload()) {
                    let _ = to.send(news);
                }
            }
            Ok(Ok(None)) => return Ok(()),
            Ok(Err(error)) => return Err(error),
            Err(_) => {
                sqlx::query("select 1").execute(&mut listener).await?;
            }
        }
    }
}

fn parse(payload: &str) -> Option<News> {
    let (project, seq) = payload.split_once(' ')?;
    Some(News::Project(project.parse().ok()?, seq.parse().ok()?))
}
