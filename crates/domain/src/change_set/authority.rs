//! Who may decide a change set: an admin or owner who is not among its authors, or the only one there is.

use serde::{Deserialize, Serialize};

use crate::id::AccountId;

/// Project policy on approving one's own proposals.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SelfApproval {
    /// Who is the only approver may approve their own.
    #[default]
    WhenSoleApprover,
    /// Nobody may.
    Never,
}

/// Whether somebody may decide.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Authority {
    /// Yes, as a second person.
    SecondPerson,
    /// Yes, as the author and only approver; the record says so.
    SoleApprover,
    /// No: not an approver of this project.
    NotAnApprover,
    /// No: an author, while somebody else could decide or the policy forbids it.
    OwnProposal,
}

impl Authority {
    /// Whether the decision may be made.
    #[must_use]
    pub fn allows(self) -> bool {
        matches!(self, Self::SecondPerson | Self::SoleApprover)
    }

    /// Why not, in words; nothing where it is allowed.
    #[must_use]
    pub fn refusal(self) -> Option<&'static str> {
        match self {
            Self::SecondPerson | Self::SoleApprover => None,
            Self::NotAnApprover => {
                Some("Only admins and owners of this project decide. Your proposal waits until one of them has looked at it.")
            }
            Self::OwnProposal => {
                Some("You wrote part of this proposal, so another admin or owner decides. Nothing is lost; ask one of them to review it.")
            }
        }
    }
}

/// Whether `decider` may decide a change set. `authors` are all who wrote a revision or typed a resolution; `approvers` are the active
/// admins and owners of the project now.
#[must_use]
pub fn may_decide(authors: &[AccountId], decider: &AccountId, approvers: &[AccountId], policy: SelfApproval) -> Authority {
    if !approvers.contains(decider) {
        return Authority::NotAnApprover;
    }
    if !authors.contains(decider) {
        return Authority::SecondPerson;
    }
    let sole = approvers.iter().all(|approver| approver == decider);
    if sole && policy == SelfApproval::WhenSoleApprover { Authority::SoleApprover } else { Authority::OwnProposal }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_author_decides_only_alone_and_only_where_the_policy_lets_them() {
        let account = |byte| AccountId::from_random([byte; 17]);
        let (ada, ben, cleo) = (account(1), account(2), account(3));
        let when_sole = SelfApproval::WhenSoleApprover;
        for (authors, decider, approvers, policy, expected) in [
            (vec![&ada], &ben, vec![&ben, &cleo], when_sole, Authority::SecondPerson),
            (vec![&ada], &ada, vec![&ben, &cleo], when_sole, Authority::NotAnApprover),
            (vec![&ada, &ben], &ben, vec![&ben, &cleo], when_sole, Authority::OwnProposal),
            (vec![&ben], &ben, vec![&ben], when_sole, Authority::SoleApprover),
            (vec![&ben], &ben, vec![&ben, &ben], when_sole, Authority::SoleApprover),
            (vec![&ben], &ben, vec![&ben], SelfApproval::Never, Authority::OwnProposal),
            (vec![&ada], &ben, vec![&ben], SelfApproval::Never, Authority::SecondPerson),
            (vec![&ada], &ada, vec![], when_sole, Authority::NotAnApprover),
        ] {
            let owned = |ids: Vec<&AccountId>| ids.into_iter().cloned().collect::<Vec<_>>();
            let authority = may_decide(&owned(authors), decider, &owned(approvers), policy);
            assert_eq!(authority, expected);
            assert_eq!(authority.allows(), authority.refusal().is_none());
        }
    }
}
