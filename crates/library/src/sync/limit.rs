//! How fast bytes may go: the user's limits for sending and fetching, kept by letting each piece wait for its turn.

use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::time::Instant;

use super::pace::{Pace, Sent};
use super::precedence::Precedence;
use super::remote::FileRange;

/// One direction.
#[derive(Debug, Default)]
pub struct Limit {
    /// Bytes per second; 0 for no limit.
    rate: AtomicU64,
    /// When the bytes let through so far have had their time.
    free_at: Mutex<Duration>,
}

impl Limit {
    /// Whether there is a limit.
    pub fn holds(&self) -> bool {
        self.rate.load(Ordering::Relaxed) > 0
    }

    /// Sets the limit in bytes per second; none for no limit.
    pub fn set(&self, rate: Option<u64>) {
        self.rate.store(rate.unwrap_or(0), Ordering::Relaxed);
    }

    /// How long `bytes` more wait at `now`, so that all together stay within the limit.
    pub fn wait(&self, bytes: u64, now: Duration) -> Duration {
        let rate = self.rate.load(Ordering::Relaxed);
        let mut free_at = self.free_at.lock().expect("nobody panics while holding the limit");
        if rate == 0 {
            *free_at = now;
            return Duration::ZERO;
        }
        let start = (*free_at).max(now);
        *free_at = start + Duration::from_nanos(u64::try_from(u128::from(bytes) * 1_000_000_000 / u128::from(rate)).unwrap_or(u64::MAX));
        start.saturating_sub(now)
    }
}

/// Both directions, shared by everything that moves bytes.
#[derive(Debug)]
pub struct Limits {
    began: Instant,
    /// Sending.
    pub up: Limit,
    /// Fetching.
    pub down: Limit,
    /// Who goes first on the way up.
    pub precedence: Precedence,
    /// How fast what gives way is handed to the system.
    pub pace: Pace,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            began: Instant::now(),
            up: Limit::default(),
            down: Limit::default(),
            precedence: Precedence::default(),
            pace: Pace::default(),
        }
    }
}

impl Limits {
    /// No limits, and another way of giving way.
    #[must_use]
    pub fn with(precedence: Precedence) -> Self {
        Self { precedence, ..Self::default() }
    }

    /// Waits until a piece may be sent.
    pub async fn before_sending(&self, bytes: u64) {
        tokio::time::sleep(self.up.wait(bytes, self.began.elapsed())).await;
    }

    /// Waits until a piece of a body that gives way may be handed over.
    pub async fn in_pace(&self, bytes: u64) {
        tokio::time::sleep(self.pace.wait(bytes, self.began.elapsed())).await;
    }

    /// A body went out and was answered now: how fast that was. `times` are when it began and when its last byte was handed over.
    pub fn went_out(&self, body: &FileRange, beside: u64, times: (Instant, Instant)) {
        // Under the user's limit everything takes as long as that says: nothing of the way up shows.
        if self.up.holds() {
            return;
        }
        let (began, handed) = times;
        let sent = Sent { bytes: body.length, beside, handing: handed - began, answering: handed.elapsed() };
        match body.gives_way {
            false => self.pace.went_alone(sent),
            true if !self.precedence.stood_still_since(began) => self.pace.went_in_turn(sent),
            true => {}
        }
    }

    /// Waits after a piece was fetched.
    pub async fn after_fetching(&self, bytes: u64) {
        tokio::time::sleep(self.down.wait(bytes, self.began.elapsed())).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_limit_holds_over_any_run_of_pieces_and_idle_time_is_not_saved_up() {
        let limit = Limit::default();
        assert_eq!(limit.wait(1 << 30, Duration::ZERO), Duration::ZERO, "no limit, no wait");
        limit.set(Some(1_000));
        let mut now = Duration::from_secs(10);
        let began = now;
        for _ in 0..20 {
            now += limit.wait(500, now);
        }
        assert_eq!(now - began, Duration::from_millis(19 * 500), "10,000 bytes at 1,000 bytes a second, the last piece still on its way");
        now += Duration::from_secs(3600);
        assert_eq!(limit.wait(500, now), Duration::ZERO);
        assert_eq!(limit.wait(500, now), Duration::from_millis(500), "an idle hour lets no burst through");
        limit.set(None);
        assert_eq!(limit.wait(u64::MAX, now), Duration::ZERO);
    }
}
