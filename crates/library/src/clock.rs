//! Time, as an argument: shown times come from the wall clock, waiting is measured on a clock that only runs forward.

use std::sync::Mutex;
use std::time::{Duration, Instant};

use jiff::Timestamp;

/// Where the library takes its time from.
pub trait Clock: Send + Sync {
    /// The time to show and to note; never used for order.
    fn now(&self) -> Timestamp;
    /// Time since some fixed moment; runs forward only.
    fn elapsed(&self) -> Duration;
}

/// The clock of this computer.
#[derive(Debug)]
pub struct SystemClock(Instant);

impl Default for SystemClock {
    fn default() -> Self {
        Self(Instant::now())
    }
}

impl Clock for SystemClock {
    fn now(&self) -> Timestamp {
        Timestamp::now()
    }

    fn elapsed(&self) -> Duration {
        self.0.elapsed()
    }
}

/// A clock that stands still until it is moved: for driving the library by hand.
#[derive(Debug)]
pub struct ManualClock(Mutex<Duration>);

impl Default for ManualClock {
    fn default() -> Self {
        Self(Mutex::new(Duration::from_secs(3600)))
    }
}

impl ManualClock {
    /// Moves the clock forward.
    pub fn advance(&self, by: Duration) {
        *self.0.lock().expect("nobody panics while holding the clock") += by;
    }
}

impl Clock for ManualClock {
    fn now(&self) -> Timestamp {
        let start = Timestamp::constant(1_790_000_000, 0);
        start + self.elapsed()
    }

    fn elapsed(&self) -> Duration {
        *self.0.lock().expect("nobody panics while holding the clock")
    }
}

/// A time as text: RFC 3339 in UTC, to the millisecond.
#[must_use]
pub fn text(time: Timestamp) -> String {
    format!("{time:.3}")
}
