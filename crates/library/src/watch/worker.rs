//! The background task that looks when the system tells of changes, when a file may have settled, and once an hour at everything.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use notify::{RecommendedWatcher, RecursiveMode, Watcher};
use tokio::sync::mpsc;

use super::debounce::{Gathering, Look};
use super::{marker, network};
use crate::error::{Result, chain};
use crate::library::Library;
use crate::record::blocking;
use crate::store::roots::{self, RootId};
use crate::view::RootState;

const PRESENCE: Duration = Duration::from_secs(5);
const POLL: Duration = Duration::from_secs(30);
const RESCAN: Duration = Duration::from_secs(3600);

enum Hint {
    Path(PathBuf),
    Lost,
}

/// Watches the roots with the means of the system.
struct Watching {
    watcher: Option<RecommendedWatcher>,
    roots: BTreeMap<RootId, PathBuf>,
    /// Roots the system would not watch, and when it is asked again: trying means walking through all of it.
    refused: BTreeMap<RootId, (PathBuf, Duration)>,
}

impl Watching {
    fn new(hints: mpsc::UnboundedSender<Hint>) -> Self {
        let watcher = notify::recommended_watcher(move |event: notify::Result<notify::Event>| {
            let sent = match event {
                Ok(event) if event.need_rescan() => hints.send(Hint::Lost),
                Ok(event) if event.kind.is_access() => Ok(()),
                Ok(event) => event.paths.into_iter().try_for_each(|path| hints.send(Hint::Path(path))),
                Err(error) => {
                    tracing::warn!(%error, "the system lost track of a watched folder; everything is looked at");
                    hints.send(Hint::Lost)
                }
            };
            if sent.is_err() {
                tracing::debug!("an event came after the watching ended");
            }
        });
        match watcher {
            Ok(watcher) => Self { watcher: Some(watcher), roots: BTreeMap::new(), refused: BTreeMap::new() },
            Err(error) => {
                tracing::warn!(%error, "the system tells of no changes; folders are looked through every 30 seconds");
                Self { watcher: None, roots: BTreeMap::new(), refused: BTreeMap::new() }
            }
        }
    }

    /// Watches exactly the roots that are there; a root that went and came back is watched anew.
    async fn follow(&mut self, library: &Library) -> Result<()> {
        let roots = roots::all(&mut *library.store().read().await?).await?;
        let (roots, presence) = blocking(move || {
            let presence: Vec<bool> = roots.iter().map(marker::is_present).collect();
            Ok((roots, presence))
        })
        .await?;
        let now = library.clock().elapsed();
        for (root, is_here) in roots.into_iter().zip(presence) {
            if !is_here {
                self.refused.remove(&root.id);
            }
            let watched = self.roots.get(&root.id) == Some(&root.path);
            let refused = self.refused.get(&root.id).is_some_and(|(path, until)| *path == root.path && now < *until);
            if is_here && !watched && !refused {
                let state = self.watch(root.id, root.path, now);
                if library.candidates_state().set_root_state(root.id, state) {
                    library.changed();
                }
            } else if !is_here
                && let Some(path) = self.roots.remove(&root.id)
                && let Some(watcher) = &mut self.watcher
                && let Err(error) = watcher.unwatch(&path)
            {
                tracing::debug!(%error, "a folder that is gone was no longer watched");
            }
        }
        Ok(())
    }

    fn watch(&mut self, id: RootId, path: PathBuf, now: Duration) -> RootState {
        let Some(watcher) = &mut self.watcher else { return RootState::Polling };
        match watcher.watch(&path, RecursiveMode::Recursive) {
            Ok(()) => {
                // Watched all the same: what this computer writes there is told.
                let state = if network::needs_polling(&path) { RootState::Polling } else { RootState::Watching };
                self.refused.remove(&id);
                self.roots.insert(id, path);
                state
            }
            Err(error) => {
                if self.refused.insert(id, (path, now + RESCAN)).is_none() {
                    tracing::warn!(%error, "a folder cannot be watched; it is looked through every 30 seconds");
                }
                RootState::Polling
            }
        }
    }
}

/// Runs until the library shuts down.
pub(crate) async fn run(library: Library) {
    let (sender, mut hints) = mpsc::unbounded_channel();
    let mut watching = Watching::new(sender);
    let mut gathering = Gathering::default();
    let mut next_look: Option<Duration> = None;
    let start = library.clock().elapsed();
    let (mut presence_due, mut poll_due, mut rescan_due) = (start, start + POLL, start + RESCAN);
    gathering.everything(start);
    loop {
        let now = library.clock().elapsed();
        if now >= presence_due {
            if let Err(error) = watching.follow(&library).await {
                tracing::warn!(error = %chain(&error), "the watched folders could not be listed");
            }
            presence_due = now + PRESENCE;
        }
        let polled = watching.watcher.is_none() || library.has_polled_root();
        if now >= rescan_due || (polled && now >= poll_due) {
            gathering.everything(now);
            rescan_due = now + RESCAN;
        }
        if now >= poll_due {
            poll_due = now + POLL;
        }
        let settled = next_look.is_some_and(|at| now >= at);
        if let Some(look) = gathering.take(now).or_else(|| settled.then(Look::default)) {
            next_look = look_once(&library, look).await;
        }
        let due = [gathering.due(), next_look, Some(presence_due)].into_iter().flatten().min().unwrap_or(presence_due);
        let pause = due.saturating_sub(library.clock().elapsed()).max(Duration::from_millis(10));
        tokio::select! {
            () = library.look_wanted() => {
                presence_due = library.clock().elapsed();
                gathering.everything(presence_due);
            }
            hint = hints.recv() => match hint {
                Some(hint) => take_hint(hint, &mut gathering, &mut watching, &library),
                None => tokio::time::sleep(pause).await,
            },
            () = tokio::time::sleep(pause) => {}
        }
        while let Ok(hint) = hints.try_recv() {
            take_hint(hint, &mut gathering, &mut watching, &library);
        }
    }
}

fn take_hint(hint: Hint, gathering: &mut Gathering, watching: &mut Watching, library: &Library) {
    let now = library.clock().elapsed();
    match hint {
        Hint::Path(path) => {
            // Something happened to a root itself: a folder made anew in its place has to be watched anew.
            watching.roots.retain(|_, root| *root != path);
            gathering.path(&path, now);
        }
        Hint::Lost => gathering.everything(now),
    }
}

/// One look; when the next one is worth it.
async fn look_once(library: &Library, look: Look) -> Option<Duration> {
    match library.look(look).await {
        Ok(looked) => {
            if !looked.captured.is_empty() {
                library.wake_previews();
            }
            looked.next
        }
        Err(error) => {
            tracing::warn!(error = %chain(&error), "a look at the watched folders failed; it is tried again");
            Some(library.clock().elapsed() + Duration::from_secs(5))
        }
    }
}
