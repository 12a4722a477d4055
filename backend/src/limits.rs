//! How many requests one block of addresses may send to this instance. The counters that slow down guessing are others, in the database.

use std::num::NonZeroU32;

use collabtrack_protocol::problem::ErrorCode;
use governor::clock::{Clock, DefaultClock};
use governor::{DefaultKeyedRateLimiter, Quota, RateLimiter};

use crate::client::Client;
use crate::error::{Error, refuse};

/// Blocks after which those that have been quiet are forgotten.
const MOST_BLOCKS: usize = 50_000;

/// Requests of each block of addresses.
#[derive(Debug)]
pub struct Limits {
    requests: DefaultKeyedRateLimiter<String>,
}

impl Limits {
    /// At most that many requests a minute, in bursts of up to a quarter of them.
    #[must_use]
    pub fn new(per_minute: u32) -> Self {
        let per_minute = NonZeroU32::new(per_minute).unwrap_or(NonZeroU32::MIN);
        let burst = NonZeroU32::new(per_minute.get() / 4).unwrap_or(NonZeroU32::MIN);
        Self { requests: RateLimiter::keyed(Quota::per_minute(per_minute).allow_burst(burst)) }
    }

    /// Lets a request of this client pass, or not.
    /// # Errors
    /// `too_many_requests` with the time to wait.
    pub fn check(&self, client: &Client) -> Result<(), Error> {
        if self.requests.len() > MOST_BLOCKS {
            self.requests.retain_recent();
        }
        self.requests.check_key(&client.block).map_err(|until| {
            let wait = until.wait_time_from(DefaultClock::default().now()).as_secs().max(1);
            refuse(
                ErrorCode::TooManyRequests,
                format!(
                    "Too many requests from your network, so this one was not looked at. Wait {wait} s and try again; nothing is lost."
                ),
            )
            .retry_after_s(wait)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_block_is_slowed_down_and_others_are_not() {
        let limits = Limits::new(60);
        let client = |block: &str| Client { block: block.to_owned() };
        let passed = (0..100).filter(|_| limits.check(&client("203.0.113.0/24")).is_ok()).count();
        assert!((15..=17).contains(&passed), "{passed} of a burst passed");
        assert!(limits.check(&client("198.51.100.0/24")).is_ok());
    }
}
