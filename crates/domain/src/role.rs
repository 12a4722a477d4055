//! Project roles and the one table that says what each may do.

use serde::{Deserialize, Serialize};

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
}

/// What somebody wants to do in a project.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Action {
    /// See the project, play versions, read the catalogue columns one may read.
    SeeProject,
    /// Fetch the exact bytes of a version.
    FetchOriginals,
    /// Add, group and name versions.
    AddVersions,
    /// Comment on versions.
    Comment,
    /// Put own versions into the trash, and bring them back.
    TrashOwnVersions,
    /// Put anybody's versions into the trash, and bring them back.
    TrashVersions,
    /// Propose catalogue changes and withdraw one's own proposals.
    Propose,
    /// Read change sets.
    ReadChangeSets,
    /// Read the audit log.
    ReadAuditLog,
    /// Approve, ask for changes, reject.
    Decide,
    /// Change the column schema.
    ChangeSchema,
    /// Invite somebody.
    Invite,
}

impl Action {
    /// Every action.
    pub const ALL: [Self; 12] = [
        Self::SeeProject,
        Self::FetchOriginals,
        Self::AddVersions,
        Self::Comment,
        Self::TrashOwnVersions,
        Self::TrashVersions,
        Self::Propose,
        Self::ReadChangeSets,
        Self::ReadAuditLog,
        Self::Decide,
        Self::ChangeSchema,
        Self::Invite,
    ];

    /// The lowest role that may do this.
    #[must_use]
    pub fn lowest_role(self) -> Role {
        match self {
            Self::SeeProject => Role::Listener,
            // A project setting may open originals and comments to listeners; while there is no such setting they stay with members.
            Self::FetchOriginals
            | Self::AddVersions
            | Self::Comment
            | Self::TrashOwnVersions
            | Self::Propose
            | Self::ReadChangeSets
            | Self::ReadAuditLog => Role::Member,
            Self::TrashVersions | Self::Decide | Self::ChangeSchema | Self::Invite => Role::Admin,
        }
    }
}

/// Whether `role` may do `action`.
#[must_use]
pub fn may(role: Role, action: Action) -> bool {
    role >= action.lowest_role()
}

/// The highest role that somebody with `role` may hand out in an invitation, if any.
#[must_use]
pub fn highest_invitable(role: Role) -> Option<Role> {
    match role {
        Role::Owner => Some(Role::Owner),
        Role::Admin => Some(Role::Member),
        Role::Member | Role::Listener => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_admins_and_owners_decide() {
        assert!(!may(Role::Listener, Action::Decide));
        assert!(!may(Role::Member, Action::Decide));
        assert!(may(Role::Admin, Action::Decide));
        assert!(may(Role::Owner, Action::Decide));
    }

    #[test]
    fn nobody_hands_out_a_role_above_their_own() {
        for role in Role::ALL {
            assert!(highest_invitable(role).is_none_or(|highest| highest <= role));
        }
    }
}
