//! A preview somebody waits for gets the whole way up: while one is on its way, no part of an original begins, bodies of parts stand still,
//! and after a while they are ended and sent again later.

use std::time::Duration;

use tokio::sync::watch;

/// How long a body stands still before it is ended: stores end connections that are silent for longer.
const PATIENCE: Duration = Duration::from_secs(10);

/// Who goes first.
#[derive(Debug)]
pub struct Precedence {
    preview: watch::Sender<bool>,
    patience: Duration,
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
        Self { preview: watch::Sender::new(false), patience }
    }

    /// Says whether a preview waits or is on its way.
    pub fn preview_goes_first(&self, first: bool) {
        self.preview.send_if_modified(|before| std::mem::replace(before, first) != first);
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
}
