//! Syncing: what still has to go to or come from the server, in which order, and doing it so that a crash loses nothing.

pub mod feed;
pub mod http;
pub mod limit;
pub mod pace;
pub mod plan;
pub mod precedence;
pub mod remote;
pub mod retry;
#[cfg(any(test, feature = "testing"))]
pub mod testing;

mod announce;
mod answered;
mod engine;
mod failing;
mod fetch;
mod hints;
mod overview;
mod packing;
mod picture;
mod plain_files;
mod pulling;
mod ranges;
mod upload;
pub(crate) mod worker;

use std::collections::{HashMap, HashSet};
use std::sync::{Mutex, MutexGuard};

use collabtrack_domain::id::VersionId;

pub use engine::SyncOutcome;

/// What the sync engine remembers while the program runs; everything that must survive stands in the database.
#[derive(Default)]
pub(crate) struct SyncState {
    sending: Mutex<HashMap<VersionId, Sending>>,
    waits: Mutex<retry::Waits>,
    /// How fast bytes may go.
    pub(crate) limits: std::sync::Arc<limit::Limits>,
    /// One round at a time.
    pub(crate) running: tokio::sync::Mutex<()>,
    /// Names this start of the program.
    run: Run,
    /// Whether the server has heard how often this library was started.
    generation_told: std::sync::atomic::AtomicBool,
    /// What the answers of this round's requests told already.
    answered: Mutex<answered::Answered>,
    /// Whether somebody said that there is news while a round goes on.
    news: std::sync::atomic::AtomicBool,
    /// How often making the preview of a version failed.
    preview_failures: Mutex<HashMap<VersionId, u32>>,
    /// Versions that send a preview of their own, because what they would have shared was not there.
    own_preview: Mutex<HashSet<VersionId>>,
}

/// A random name of this start.
struct Run(String);

impl Default for Run {
    fn default() -> Self {
        Self(format!("{:032x}", rand::random::<u128>()))
    }
}

#[derive(Debug, Default)]
struct Sending {
    confirmed: u64,
    /// Bytes of each part on its way.
    in_flight: HashMap<u32, u64>,
    total: u64,
}

impl SyncState {
    fn sending(&self) -> MutexGuard<'_, HashMap<VersionId, Sending>> {
        self.sending.lock().expect("nobody panics while holding the progress")
    }

    pub(crate) fn run(&self) -> &str {
        &self.run.0
    }

    pub(crate) fn is_generation_told(&self) -> bool {
        self.generation_told.load(std::sync::atomic::Ordering::Relaxed)
    }

    pub(crate) fn generation_is_told(&self) {
        self.generation_told.store(true, std::sync::atomic::Ordering::Relaxed);
    }

    pub(crate) fn answered(&self) -> MutexGuard<'_, answered::Answered> {
        self.answered.lock().expect("nobody panics while holding the answers")
    }

    /// There is news on the server.
    pub(crate) fn has_news(&self) {
        self.news.store(true, std::sync::atomic::Ordering::Relaxed);
    }

    /// Whether there was news since this was asked last.
    pub(crate) fn take_news(&self) -> bool {
        self.news.swap(false, std::sync::atomic::Ordering::Relaxed)
    }

    /// This computer failed at making the preview of a version; how often by now.
    pub(crate) fn preview_failed(&self, version: &VersionId) -> u32 {
        let mut failures = self.preview_failures.lock().expect("nobody panics while holding these");
        let count = failures.entry(version.clone()).or_default();
        *count += 1;
        *count
    }

    /// From now on this version sends its own preview.
    pub(crate) fn sends_own_preview(&self, version: &VersionId) {
        self.own_preview.lock().expect("nobody panics while holding these").insert(version.clone());
    }

    pub(crate) fn has_own_preview(&self, version: &VersionId) -> bool {
        self.own_preview.lock().expect("nobody panics while holding these").contains(version)
    }

    pub(crate) fn waits(&self) -> MutexGuard<'_, retry::Waits> {
        self.waits.lock().expect("nobody panics while holding the waits")
    }

    /// Percent of the original that went out, at most 99: only the server's confirmation makes it all.
    pub(crate) fn percent(&self, version: &VersionId) -> Option<u8> {
        let sending = self.sending();
        let sending = sending.get(version)?;
        let in_flight = sending.in_flight.values().fold(0_u64, |sum, bytes| sum.saturating_add(*bytes));
        let sent = u128::from(sending.confirmed.saturating_add(in_flight).min(sending.total));
        let percent = sent * 100 / u128::from(sending.total.max(1));
        Some(u8::try_from(percent.min(99)).unwrap_or(99))
    }

    /// A file of an original starts or goes on with that much confirmed, and nothing on its way.
    pub(crate) fn start_sending(&self, version: &VersionId, confirmed: u64, total: u64) {
        self.sending().insert(version.clone(), Sending { confirmed, in_flight: HashMap::new(), total });
    }

    /// Bytes of a part went out; not confirmed yet.
    pub(crate) fn add_in_flight(&self, version: &VersionId, part: u32, bytes: u64) {
        if let Some(sending) = self.sending().get_mut(version) {
            let part = sending.in_flight.entry(part).or_default();
            *part = part.saturating_add(bytes);
        }
    }

    /// A part is on its way no more; `confirmed` bytes of it are with the store.
    pub(crate) fn part_over(&self, version: &VersionId, part: u32, confirmed: u64) {
        if let Some(sending) = self.sending().get_mut(version) {
            sending.in_flight.remove(&part);
            sending.confirmed = sending.confirmed.saturating_add(confirmed);
        }
    }

    /// Nothing of this version is on its way any more.
    pub(crate) fn done_sending(&self, version: &VersionId) {
        self.sending().remove(version);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn i21_progress_never_claims_success_and_never_exceeds_the_whole() {
        let state = SyncState::default();
        let version = VersionId::from_random([1; 17]);
        assert_eq!(state.percent(&version), None);
        state.start_sending(&version, 0, 100);
        state.add_in_flight(&version, 1, 30);
        state.add_in_flight(&version, 2, 20);
        assert_eq!(state.percent(&version), Some(50));
        state.part_over(&version, 1, 30);
        assert_eq!(state.percent(&version), Some(50), "what others have on their way stays counted");
        state.part_over(&version, 2, 0);
        assert_eq!(state.percent(&version), Some(30), "what did not arrive does not count");
        state.add_in_flight(&version, 2, 500);
        assert_eq!(state.percent(&version), Some(99), "100 only comes as confirmed");
    }
}
