//! When to try again: pure rules, with time and randomness as arguments.

use std::collections::HashMap;
use std::time::Duration;

use collabtrack_protocol::problem::ErrorCode;

use super::plan::Op;
use super::remote::RemoteError;

const FIRST: Duration = Duration::from_secs(1);
const CAP: Duration = Duration::from_secs(60);
const LONG_CAP: Duration = Duration::from_secs(300);
const LONG_OUTAGE: Duration = Duration::from_secs(3600);
const MOST_RETRY_AFTER: Duration = Duration::from_secs(600);

/// What a failure means for what was tried.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reaction {
    /// The server or network is away: everything waits.
    ServerAway {
        /// What the server asked for.
        at_least: Option<Duration>,
    },
    /// This item waits and is tried again.
    Again,
    /// Only the user can mend it.
    Hold(String),
    /// The session is over: everything waits for signing in.
    SignedOut,
    /// The stored copy is to be checked before it is sent again.
    CheckCopy,
    /// The server's state is not what was thought: read it again.
    ReadAgain,
}

/// What a failure of a call means.
#[must_use]
pub fn reaction(error: &RemoteError) -> Reaction {
    match error {
        RemoteError::Unreachable { .. } | RemoteError::NotCollabtrack { .. } => Reaction::ServerAway { at_least: None },
        RemoteError::Unavailable { retry_after, .. } => {
            Reaction::ServerAway { at_least: retry_after.map(|wait| wait.min(MOST_RETRY_AFTER)) }
        }
        RemoteError::StoreRefused { .. } | RemoteError::GaveWay => Reaction::Again,
        RemoteError::ChecksumRefused => Reaction::CheckCopy,
        RemoteError::Local { .. } => Reaction::Again,
        RemoteError::Refused(problem) => match problem.code {
            ErrorCode::Unauthorized => Reaction::SignedOut,
            ErrorCode::ChecksumMismatch => Reaction::CheckCopy,
            ErrorCode::UploadGone
            | ErrorCode::UploadIncomplete
            | ErrorCode::ExtentGone
            | ErrorCode::FeedDiverged
            | ErrorCode::VersionIncomplete => Reaction::ReadAgain,
            ErrorCode::StoreUnavailable | ErrorCode::Recovering | ErrorCode::Internal | ErrorCode::TooManyRequests => {
                Reaction::ServerAway { at_least: problem.retry_after_s.map(|wait| Duration::from_secs(wait).min(MOST_RETRY_AFTER)) }
            }
            _ if problem.status == 404 || problem.status == 410 => Reaction::ReadAgain,
            _ => Reaction::Hold(error.texts().0),
        },
    }
}

/// How long to wait before try number `attempt` (from 1) of something that fails since `outage`: exponential with full jitter.
/// `chance` is random in [0, 1).
#[must_use]
pub fn pause(attempt: u32, outage: Duration, chance: f64) -> Duration {
    let cap = if outage >= LONG_OUTAGE { LONG_CAP } else { CAP };
    let ceiling = FIRST.saturating_mul(1_u32 << attempt.saturating_sub(1).min(16)).min(cap);
    // Never quite nothing, so that a failing item does not spin.
    ceiling.mul_f64(chance.clamp(0.0, 1.0)).max(Duration::from_millis(50))
}

/// A thing that failed and waits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
struct Wait {
    attempts: u32,
    since: Duration,
    until: Duration,
}

impl Wait {
    fn fail(&mut self, now: Duration, at_least: Option<Duration>, chance: f64) {
        if self.attempts == 0 {
            self.since = now;
        }
        self.attempts = self.attempts.saturating_add(1);
        self.until = now + pause(self.attempts, now.saturating_sub(self.since), chance).max(at_least.unwrap_or_default());
    }
}

/// What waits until when.
#[derive(Debug, Clone, Default)]
pub struct Waits {
    server: Wait,
    ops: HashMap<Op, Wait>,
}

impl Waits {
    /// The server did not answer.
    pub fn server_away(&mut self, now: Duration, at_least: Option<Duration>, chance: f64) {
        self.server.fail(now, at_least, chance);
    }

    /// The server answered.
    pub fn server_back(&mut self) {
        self.server = Wait::default();
    }

    /// An operation failed by itself; how often by now.
    pub fn failed(&mut self, op: &Op, now: Duration, chance: f64) -> u32 {
        let wait = self.ops.entry(op.clone()).or_default();
        wait.fail(now, None, chance);
        wait.attempts
    }

    /// An operation succeeded.
    pub fn succeeded(&mut self, op: &Op) {
        self.ops.remove(op);
    }

    /// Whether an operation may be tried now.
    #[must_use]
    pub fn may(&self, op: &Op, now: Duration) -> bool {
        self.server_answers(now) && self.ops.get(op).is_none_or(|wait| wait.until <= now)
    }

    /// Whether the server may be asked now.
    #[must_use]
    pub fn server_answers(&self, now: Duration) -> bool {
        self.server.until <= now
    }

    /// How often an operation failed.
    #[must_use]
    pub fn attempts(&self, op: &Op) -> u32 {
        self.ops.get(op).map_or(0, |wait| wait.attempts)
    }

    /// Until when an operation that failed waits.
    #[must_use]
    pub fn until(&self, op: &Op) -> Option<Duration> {
        self.ops.get(op).map(|wait| wait.until)
    }

    /// When the next thing that waits may be tried.
    #[must_use]
    pub fn next(&self, now: Duration) -> Option<Duration> {
        self.ops.values().chain([&self.server]).map(|wait| wait.until).filter(|until| *until > now).min()
    }

    /// Tries everything at once, by the user's wish.
    pub fn clear(&mut self) {
        *self = Self::default();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use collabtrack_protocol::problem::Problem;

    fn refused(code: ErrorCode, status: u16) -> RemoteError {
        RemoteError::Refused(Box::new(Problem {
            kind: "about:blank".into(),
            title: String::new(),
            status,
            code,
            detail: "because".into(),
            request_id: String::new(),
            fields: Vec::new(),
            retry_after_s: None,
            facts: None,
        }))
    }

    #[test]
    fn the_retry_table_of_the_design_holds() {
        let away = |seconds: Option<u64>| Reaction::ServerAway { at_least: seconds.map(Duration::from_secs) };
        let table = [
            (RemoteError::Unreachable { reason: "no route".into() }, away(None)),
            (RemoteError::NotCollabtrack { reason: "a sign-in page".into() }, away(None)),
            (RemoteError::Unavailable { status: 503, retry_after: None }, away(None)),
            (RemoteError::Unavailable { status: 429, retry_after: Some(Duration::from_secs(7_200)) }, away(Some(600))),
            (RemoteError::StoreRefused { status: 403 }, Reaction::Again),
            (RemoteError::GaveWay, Reaction::Again),
            (RemoteError::ChecksumRefused, Reaction::CheckCopy),
            (refused(ErrorCode::Unauthorized, 401), Reaction::SignedOut),
            (refused(ErrorCode::NotFound, 404), Reaction::ReadAgain),
            (refused(ErrorCode::UploadGone, 410), Reaction::ReadAgain),
            (refused(ErrorCode::TooLarge, 413), Reaction::Hold("Because.".into())),
            (refused(ErrorCode::Forbidden, 403), Reaction::Hold("Because.".into())),
            (refused(ErrorCode::Internal, 500), away(None)),
            (refused(ErrorCode::Recovering, 503), away(None)),
        ];
        for (error, want) in table {
            assert_eq!(reaction(&error), want, "{error}");
        }
    }

    #[test]
    fn pauses_double_up_to_a_minute_and_to_five_after_an_hour() {
        let outage = Duration::from_secs(30);
        let longest = |attempt| pause(attempt, outage, 1.0).as_secs();
        assert_eq!([1, 2, 3, 6, 7, 40].map(longest), [1, 2, 4, 32, 60, 60]);
        assert_eq!(pause(40, Duration::from_secs(4_000), 1.0).as_secs(), 300);
        assert!(pause(7, outage, 0.5) < Duration::from_secs(31), "jitter is full");
        assert!(pause(1, outage, 0.0) > Duration::ZERO, "nothing spins");
    }

    #[test]
    fn a_server_that_is_away_holds_everything_and_one_item_only_itself() {
        let (a, b) = (
            Op::SendOriginal(collabtrack_domain::id::VersionId::from_random([1; 17])),
            Op::SendOriginal(collabtrack_domain::id::VersionId::from_random([2; 17])),
        );
        let mut waits = Waits::default();
        let now = Duration::from_secs(100);
        waits.failed(&a, now, 1.0);
        assert!(!waits.may(&a, now) && waits.may(&b, now));
        waits.server_away(now, Some(Duration::from_secs(9)), 0.0);
        assert!(!waits.may(&b, now + Duration::from_secs(8)));
        assert_eq!(waits.next(now), Some(now + Duration::from_secs(1)));
        waits.server_back();
        waits.succeeded(&a);
        assert!(waits.may(&a, now) && waits.may(&b, now));
    }
}
