//! The states of a change set and the verbs that lead from one to the next.

use serde::{Deserialize, Serialize};

/// Stored state of a change set.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// Not proposed yet.
    Draft,
    /// Waiting for review.
    Open,
    /// Sent back with a reason.
    ChangesRequested,
    /// Applied.
    Approved,
    /// Refused with a reason.
    Rejected,
    /// Taken back by its author.
    Withdrawn,
    /// Became two others.
    Split,
}

/// What somebody does with a change set.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verb {
    /// Puts it up for review.
    Submit,
    /// Writes another revision.
    Revise,
    /// Applies it.
    Approve,
    /// Sends it back with a reason.
    Ask,
    /// Refuses it with a reason.
    Reject,
    /// Takes it back.
    Withdraw,
    /// Makes two of it.
    Split,
    /// Settles its conflicts, which writes another revision.
    Resolve,
}

/// A verb that does not go with the state.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("this proposal is {}, so it cannot be {} any more; look at its newest state", status.shown(), verb.done())]
pub struct TransitionRefused {
    /// The state.
    pub status: Status,
    /// The verb.
    pub verb: Verb,
}

impl Status {
    /// Every state.
    pub const ALL: [Self; 7] =
        [Self::Draft, Self::Open, Self::ChangesRequested, Self::Approved, Self::Rejected, Self::Withdrawn, Self::Split];

    /// The word on the wire and in databases.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Draft => "draft",
            Self::Open => "open",
            Self::ChangesRequested => "changes_requested",
            Self::Approved => "approved",
            Self::Rejected => "rejected",
            Self::Withdrawn => "withdrawn",
            Self::Split => "split",
        }
    }

    /// The state of that word.
    #[must_use]
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|status| status.as_str() == word)
    }

    /// The state in words for people, inside a sentence.
    #[must_use]
    pub fn shown(self) -> &'static str {
        match self {
            Self::Draft => "a draft",
            Self::Open => "waiting for review",
            Self::ChangesRequested => "sent back for changes",
            Self::Approved => "already approved",
            Self::Rejected => "already rejected",
            Self::Withdrawn => "withdrawn",
            Self::Split => "already split",
        }
    }

    /// Whether nothing can happen to it any more.
    #[must_use]
    pub fn is_closed(self) -> bool {
        matches!(self, Self::Approved | Self::Rejected | Self::Withdrawn | Self::Split)
    }

    /// The state after `verb`.
    /// # Errors
    /// When the verb does not go with this state.
    pub fn after(self, verb: Verb) -> Result<Self, TransitionRefused> {
        match (self, verb) {
            (Self::Draft, Verb::Revise) => Ok(Self::Draft),
            (Self::Draft | Self::ChangesRequested, Verb::Submit) | (Self::Open, Verb::Revise | Verb::Resolve) => Ok(Self::Open),
            (Self::ChangesRequested, Verb::Revise) => Ok(Self::ChangesRequested),
            (Self::Open, Verb::Approve) => Ok(Self::Approved),
            (Self::Open, Verb::Ask) => Ok(Self::ChangesRequested),
            (Self::Open, Verb::Reject) => Ok(Self::Rejected),
            (Self::Draft | Self::Open | Self::ChangesRequested, Verb::Withdraw) => Ok(Self::Withdrawn),
            (Self::Open, Verb::Split) => Ok(Self::Split),
            _ => Err(TransitionRefused { status: self, verb }),
        }
    }
}

impl Verb {
    /// Every verb.
    pub const ALL: [Self; 8] =
        [Self::Submit, Self::Revise, Self::Approve, Self::Ask, Self::Reject, Self::Withdraw, Self::Split, Self::Resolve];

    fn done(self) -> &'static str {
        match self {
            Self::Submit => "put up for review",
            Self::Revise => "edited",
            Self::Approve => "approved",
            Self::Ask => "sent back",
            Self::Reject => "rejected",
            Self::Withdraw => "withdrawn",
            Self::Split => "split",
            Self::Resolve => "resolved",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_published_transitions_exist() {
        use Status::{Approved, ChangesRequested, Draft, Open, Rejected, Split, Withdrawn};
        let allowed = [
            (Draft, Verb::Submit, Open),
            (Draft, Verb::Revise, Draft),
            (Draft, Verb::Withdraw, Withdrawn),
            (Open, Verb::Revise, Open),
            (Open, Verb::Approve, Approved),
            (Open, Verb::Ask, ChangesRequested),
            (Open, Verb::Reject, Rejected),
            (Open, Verb::Withdraw, Withdrawn),
            (Open, Verb::Split, Split),
            (Open, Verb::Resolve, Open),
            (ChangesRequested, Verb::Submit, Open),
            (ChangesRequested, Verb::Revise, ChangesRequested),
            (ChangesRequested, Verb::Withdraw, Withdrawn),
        ];
        for status in Status::ALL {
            for verb in Verb::ALL {
                let expected = allowed.iter().find(|(from, by, _)| (*from, *by) == (status, verb)).map(|(_, _, to)| *to);
                assert_eq!(status.after(verb).ok(), expected, "{status:?} {verb:?}");
            }
            assert_eq!(Status::from_word(status.as_str()), Some(status));
            assert_eq!(status.is_closed(), Verb::ALL.iter().all(|verb| status.after(*verb).is_err()));
        }
    }
}
