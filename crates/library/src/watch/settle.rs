//! Whether a file is finished: pure, so that every rule is a table. Times come from a clock that only runs forward.

use std::time::Duration;

use super::scan::ScanKey;

/// How patient the library is with files that other programs write.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Patience {
    /// How long a file must be still.
    pub still: Duration,
    /// The same for files larger than `large_from_bytes`.
    pub still_large: Duration,
    /// From which size on a file is large.
    pub large_from_bytes: u64,
    /// The longest wait after repeated moving.
    pub longest: Duration,
    /// After this a file that does not settle is shown with "Take a version now anyway".
    pub give_up: Duration,
}

impl Default for Patience {
    fn default() -> Self {
        Self {
            still: Duration::from_secs(2),
            still_large: Duration::from_secs(5),
            large_from_bytes: 100 * 1024 * 1024,
            longest: Duration::from_secs(60),
            give_up: Duration::from_secs(600),
        }
    }
}

impl Patience {
    fn first_wait(&self, size: u64) -> Duration {
        if size > self.large_from_bytes { self.still_large } else { self.still }
    }
}

/// What the inside of a file says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Structure {
    /// Its header and its length agree, or it is of a kind without such a header.
    Sane,
    /// Its header speaks of more than there is, or of nothing: sizes are often patched last.
    Unfinished,
}

/// What to do with a file now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// Look again at this time.
    Wait(Duration),
    /// It has been still for long enough: look inside, then [`Settling::judge`].
    LookInside,
    /// Take it.
    Ready,
    /// It does not settle: offer to take it anyway; look again at this time.
    Unsettled(Duration),
}

/// A file that is not a version yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settling {
    /// Its state when last looked at.
    pub key: ScanKey,
    /// Since when it is still.
    still_since: Duration,
    first_seen: Duration,
    wait: Duration,
    /// Whether it was seen moving or unfinished.
    pub being_written: bool,
    /// It was still for the whole wait: if it moves again, the wait was too short.
    was_still: bool,
    /// The user wants it as it is.
    anyway: bool,
}

impl Settling {
    /// A file seen for the first time in this state.
    #[must_use]
    pub fn new(key: ScanKey, now: Duration, patience: &Patience) -> Self {
        Self {
            key,
            still_since: now,
            first_seen: now,
            wait: patience.first_wait(key.size),
            being_written: false,
            was_still: false,
            anyway: false,
        }
    }

    /// The file was looked at again. Only moving after a stillness doubles the wait: a writer that never rests is heard as soon as it ends.
    pub fn observe(&mut self, key: ScanKey, now: Duration, patience: &Patience) {
        if key == self.key {
            return;
        }
        self.being_written = true;
        let wait = if std::mem::take(&mut self.was_still) { self.wait * 2 } else { self.wait };
        self.wait = wait.max(patience.first_wait(key.size)).min(patience.longest);
        self.key = key;
        self.still_since = now;
    }

    /// The user wants this file as it is.
    pub fn take_anyway(&mut self) {
        self.anyway = true;
    }

    /// Whether the user wants this file as it is.
    #[must_use]
    pub fn is_wanted_anyway(&self) -> bool {
        self.anyway
    }

    /// What to do with it now, before looking inside.
    #[must_use]
    pub fn verdict(&self, now: Duration, patience: &Patience) -> Verdict {
        if self.anyway {
            return Verdict::Ready;
        }
        let due = self.still_since + self.wait;
        if now >= due {
            Verdict::LookInside
        } else if self.has_given_up(now, patience) {
            Verdict::Unsettled(due)
        } else {
            Verdict::Wait(due)
        }
    }

    /// What to do with a still file whose inside was looked at.
    pub fn judge(&mut self, structure: Structure, now: Duration, patience: &Patience) -> Verdict {
        self.was_still = true;
        match structure {
            Structure::Sane => Verdict::Ready,
            Structure::Unfinished => {
                self.being_written = true;
                if self.has_given_up(now, patience) { Verdict::Unsettled(now + patience.longest) } else { Verdict::Wait(now + self.wait) }
            }
        }
    }

    fn has_given_up(&self, now: Duration, patience: &Patience) -> bool {
        now.saturating_sub(self.first_seen) >= patience.give_up
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(size: u64) -> ScanKey {
        ScanKey { size, mtime_ns: i64::try_from(size).expect("small"), ctime_ns: 0, inode: 1 }
    }

    fn s(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    #[test]
    fn a_file_that_stays_still_for_two_seconds_is_looked_into_and_taken() {
        let patience = Patience::default();
        let mut file = Settling::new(key(10), s(0), &patience);
        assert_eq!(file.verdict(s(1), &patience), Verdict::Wait(s(2)));
        assert_eq!(file.verdict(s(2), &patience), Verdict::LookInside);
        assert_eq!(file.judge(Structure::Sane, s(2), &patience), Verdict::Ready);
        assert!(!file.being_written);
    }

    #[test]
    fn large_files_wait_five_seconds() {
        let patience = Patience::default();
        let file = Settling::new(key(200 << 20), s(0), &patience);
        assert_eq!(file.verdict(s(4), &patience), Verdict::Wait(s(5)));
    }

    #[test]
    fn each_movement_after_a_stillness_doubles_the_wait_up_to_a_minute() {
        let patience = Patience::default();
        let mut file = Settling::new(key(0), s(0), &patience);
        for (size, wait) in [(1, 4), (2, 8), (3, 16), (4, 32), (5, 60), (6, 60)] {
            file.judge(Structure::Unfinished, s(0), &patience);
            file.observe(key(size), s(0), &patience);
            assert_eq!(file.verdict(s(0), &patience), Verdict::Wait(s(wait)), "after movement {size}");
        }
        assert!(file.being_written);
    }

    #[test]
    fn a_file_that_grows_without_a_rest_waits_no_longer_than_any_other() {
        let patience = Patience::default();
        let mut file = Settling::new(key(0), s(0), &patience);
        for second in 1..=60 {
            file.observe(key(second), s(second), &patience);
            assert_eq!(file.verdict(s(second), &patience), Verdict::Wait(s(second + 2)));
        }
        assert!(file.being_written);
    }

    #[test]
    fn a_file_that_never_settles_is_offered_after_ten_minutes_and_taken_only_when_asked() {
        let patience = Patience::default();
        let mut file = Settling::new(key(0), s(0), &patience);
        assert_eq!(file.judge(Structure::Unfinished, s(599), &patience), Verdict::Wait(s(601)));
        assert_eq!(file.judge(Structure::Unfinished, s(600), &patience), Verdict::Unsettled(s(660)));
        file.observe(key(1), s(601), &patience);
        assert!(matches!(file.verdict(s(602), &patience), Verdict::Unsettled(_)));
        file.take_anyway();
        assert_eq!(file.verdict(s(602), &patience), Verdict::Ready);
    }
}
