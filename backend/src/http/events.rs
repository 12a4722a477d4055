//! Server-sent hints: "this project has news". Readers then ask the feed; nothing depends on a hint arriving.

use std::collections::HashMap;
use std::convert::Infallible;
use std::time::Duration;

use axum::extract::State;
use axum::response::Sse;
use axum::response::sse::{Event, KeepAlive};
use collabtrack_domain::id::ProjectId;
use collabtrack_protocol::changes::Hint;
use futures::{Stream, StreamExt};
use tokio::sync::{broadcast, mpsc};
use tokio_stream::wrappers::ReceiverStream;

use crate::app::App;
use crate::error::Error;
use crate::feed;
use crate::hints::News;
use crate::sessions::{self, Session};

const HEARTBEAT: Duration = Duration::from_secs(15);
/// Role changes and sign-out reach an open stream within this time.
const RECHECK: Duration = Duration::from_secs(30);

/// Hints for every project of this account: first where each stands, then its news, and a heartbeat every 15 seconds.
#[utoipa::path(get, path = "/events", tag = "changes", security(("session" = [])), responses((status = 200, body = Hint, content_type = "text/event-stream")))]
pub(super) async fn events(State(app): State<App>, session: Session) -> Result<Sse<impl Stream<Item = Result<Event, Infallible>>>, Error> {
    let news = app.hints.subscribe();
    let known: HashMap<ProjectId, i64> = feed::heads(&app.db, &session).await?.into_iter().collect();
    let (sender, receiver) = mpsc::channel(64);
    let stop = app.stop.clone();
    tokio::spawn(async move {
        tokio::select! {
            () = stop.cancelled() => {}
            () = sender.closed() => {}
            () = forward(&app, &session, known, news, &sender) => {}
        }
    });
    let events = ReceiverStream::new(receiver).map(|hint: Hint| Ok(Event::default().event("hint").json_data(&hint).unwrap_or_default()));
    Ok(Sse::new(events).keep_alive(KeepAlive::new().interval(HEARTBEAT).text("heartbeat")))
}

async fn forward(
    app: &App,
    session: &Session,
    mut known: HashMap<ProjectId, i64>,
    mut news: broadcast::Receiver<News>,
    to: &mpsc::Sender<Hint>,
) {
    for (project, head) in &known {
        if to.send(Hint { project: project.clone(), head: *head }).await.is_err() {
            return;
        }
    }
    let mut recheck = tokio::time::interval(RECHECK);
    recheck.tick().await;
    loop {
        let look_everywhere = tokio::select! {
            _ = recheck.tick() => {
                if !sessions::is_alive(&app.db, session).await.unwrap_or(false) {
                    return;
                }
                true
            }
            told = news.recv() => match told {
                Ok(News::Project(project, head)) if known.contains_key(&project) => {
                    known.insert(project.clone(), head);
                    if to.send(Hint { project, head }).await.is_err() {
                        return;
                    }
                    false
                }
                // A project this account was not in: it may have joined just now.
                Ok(News::Project(..) | News::Everything) | Err(broadcast::error::RecvError::Lagged(_)) => true,
                Err(broadcast::error::RecvError::Closed) => return,
            },
        };
        if look_everywhere && !send_heads(app, session, &mut known, to).await {
            return;
        }
    }
}

/// Hints at every project whose head is not the one told last; `false` when the reader is gone.
async fn send_heads(app: &App, session: &Session, known: &mut HashMap<ProjectId, i64>, to: &mpsc::Sender<Hint>) -> bool {
    // A database that does not answer now is asked again at the next occasion.
    let Ok(heads) = feed::heads(&app.db, session).await else { return true };
    let now: HashMap<ProjectId, i64> = heads.into_iter().collect();
    for (project, head) in &now {
        if known.get(project) != Some(head) && to.send(Hint { project: project.clone(), head: *head }).await.is_err() {
            return false;
        }
    }
    *known = now;
    true
}
