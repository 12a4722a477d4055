//! Project roles, and the one permission matrix: [`may`] answers every question about who may do what, on the server, in the desktop and
//! in the printed table of `docs/security.md`.

use serde::{Deserialize, Serialize};

pub mod action;
pub mod matrix;
pub mod permission;
pub mod printed;
pub mod site;

pub use action::Action;
pub use permission::{Actor, Assurance, Decision, Facts, Reason, Settings, Target, may};

use matrix::Grant;

/// A role in a project, from least to most; the order is meaningful.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// Listens and compares.
    Listener,
    /// Adds versions, comments, proposes.
    Member,
    /// Approves, edits columns, invites up to member.
    Admin,
    /// Everything in the project.
    Owner,
}

impl Role {
    /// Every role, least first.
    pub const ALL: [Self; 4] = [Self::Listener, Self::Member, Self::Admin, Self::Owner];

    /// The word for this role, also on the wire and in databases.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Listener => "listener",
            Self::Member => "member",
            Self::Admin => "admin",
            Self::Owner => "owner",
        }
    }

    /// The role of that word.
    #[must_use]
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|role| role.as_str() == word)
    }

    /// Whether this role may do `action` at all where no setting of the project says otherwise: to one's own things, to people and for
    /// roles within reach. What screens grey out by; the server asks [`may`] about the target and the moment.
    #[must_use]
    pub fn allows(self, action: Action) -> bool {
        matches!(action.grant(self), Grant::Yes | Grant::Own | Grant::UpToMember)
    }

    /// Every action this role [`allows`](Self::allows).
    pub fn actions(self) -> impl Iterator<Item = Action> {
        Action::ALL.into_iter().filter(move |action| self.allows(*action))
    }
}

/// The highest role that somebody with `role` may hand out, take away or change, if any.
#[must_use]
pub fn highest_invitable(role: Role) -> Option<Role> {
    match Action::Invite.grant(role) {
        Grant::Yes => Some(Role::Owner),
        Grant::UpToMember => Some(Role::Member),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_admins_and_owners_decide() {
        let deciders: Vec<Role> = Role::ALL.into_iter().filter(|role| role.allows(Action::Decide)).collect();
        assert_eq!(deciders, [Role::Admin, Role::Owner]);
    }

    #[test]
    fn nobody_hands_out_a_role_above_their_own() {
        for role in Role::ALL {
            assert!(highest_invitable(role).is_none_or(|highest| highest <= role));
        }
    }

    #[test]
    fn a_higher_role_never_loses_what_a_lower_one_may_do() {
        for pair in Role::ALL.windows(2) {
            for action in Action::ALL {
                assert!(!pair[0].allows(action) || pair[1].allows(action), "{} as {}", action.as_str(), pair[1].as_str());
            }
        }
    }
}
