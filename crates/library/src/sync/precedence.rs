//! A preview somebody waits for gets the whole way up: while one is on its way, no part of an original begins, bodies of parts stand still,
//! and after a while they are ended and sent again later. It gets the processor too: while one is made, packing originals stands still.

use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use tokio::sync::watch;

/// How long a body stands still before it is ended: stores end connections that are silent for longer.
const PATIENCE: Duration = Duration::from_secs(10);

/// How long packing stands still at a time while sounds are measured and previews made: many new files must not stop it for good.
const PACKING_PATIENCE: Duration = Duration::from_secs(10);

/// Who goes first.
#[derive(Debug)]
pub struct Precedence {
    preview: watch::Sender<bool>,
    /// When a preview went first last.
    went_first: Mutex<Option<tokio::time::Instant>>,
    patience: Duration,
    /// Sounds that are measured, or whose previews are made.
    making: AtomicUsize,
}

/// While this lives, a sound is measured or its preview made.
#[derive(Debug)]
pub struct Making<'p>(&'p Precedence);

impl Drop for Making<'_> {
    fn drop(&mut self) {
        self.0.making.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Default for Precedence {
    fn default() -> Self {
        Self::giving_way_for(PATIENCE)
    }
}

impl Precedence {
    /// Bodies stand still for that long at most.
    #[must_use]
    pub fn giving_way_for(patience: Duration) -> Self {
        Self { preview: watch::Sender::new(false), went_first: Mutex::default(), patience, making: AtomicUsize::new(0) }
    }

    /// Says whether a preview waits or is on its way.
    pub fn preview_goes_first(&self, first: bool) {
        if first || *self.preview.borrow() {
            *self.went_first.lock().expect("nobody panics while holding a time") = Some(tokio::time::Instant::now());
        }
        self.preview.send_if_modified(|before| std::mem::replace(before, first) != first);
    }

    /// Whether a preview went first at or after that time.
    pub fn stood_still_since(&self, time: tokio::time::Instant) -> bool {
        *self.preview.borrow() || self.went_first.lock().expect("nobody panics while holding a time").is_some_and(|last| last >= time)
    }

    /// A sound is measured, or its preview made, until the answer is dropped.
    pub fn making(&self) -> Making<'_> {
        self.making.fetch_add(1, Ordering::Relaxed);
        Making(self)
    }

    /// Holds the thread that packs while a sound is measured or its preview made, and `go_on` says yes; not for ever.
    pub fn let_previews_be_made(&self, go_on: &dyn Fn() -> bool) {
        let began = Instant::now();
        while self.making.load(Ordering::Relaxed) > 0 && began.elapsed() < PACKING_PATIENCE && go_on() {
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// Stands still while a preview goes first; whether the way is free again, or the wait was too long.
    pub async fn give_way(&self) -> bool {
        let mut preview = self.preview.subscribe();
        let free = tokio::time::timeout(self.patience, preview.wait_for(|first| !first));
        // The sender is here, so waiting ends in one of two ways only.
        free.await.is_ok_and(|free| free.is_ok())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_body_stands_still_while_a_preview_goes_first_and_not_for_ever() {
        let precedence = Precedence::giving_way_for(Duration::from_millis(5));
        assert!(precedence.give_way().await, "nobody is in the way");
        precedence.preview_goes_first(true);
        assert!(!precedence.give_way().await, "ended after its patience");
        precedence.preview_goes_first(false);
        assert!(precedence.give_way().await);
        let patient = std::sync::Arc::new(Precedence::giving_way_for(Duration::from_secs(3_600)));
        patient.preview_goes_first(true);
        let waiting = tokio::spawn({
            let patient = patient.clone();
            async move { patient.give_way().await }
        });
        tokio::task::yield_now().await;
        assert!(!waiting.is_finished());
        patient.preview_goes_first(false);
        assert!(waiting.await.expect("no panic"), "it goes on when the preview is out");
    }

    #[test]
    fn packing_stands_still_while_a_preview_is_made_and_goes_on_after_it() {
        let precedence = std::sync::Arc::new(Precedence::default());
        precedence.let_previews_be_made(&|| panic!("nobody is in the way, so nothing is asked"));
        let making = precedence.making();
        let asked = AtomicUsize::new(0);
        precedence.let_previews_be_made(&|| asked.fetch_add(1, Ordering::Relaxed) < 3);
        assert_eq!(asked.load(Ordering::Relaxed), 4, "it stood still until it was told to stop");
        drop(making);
        precedence.let_previews_be_made(&|| panic!("the preview is made"));
    }
}
