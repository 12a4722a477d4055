//! What somebody may want to do in a project.

use serde::{Deserialize, Serialize};

use super::Role;
use super::matrix::{self, Grant};

macro_rules! actions {
    ($($(#[$doc:meta])* $name:ident = $word:literal, $says:literal;)*) => {
        /// What somebody wants to do in a project.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        #[serde(rename_all = "snake_case")]
        pub enum Action { $($(#[$doc])* $name,)* }

        impl Action {
            /// Every action, in the order of the printed matrix.
            pub const ALL: [Self; [$(Self::$name),*].len()] = [$(Self::$name),*];

            /// The word for this action, also on the wire.
            #[must_use]
            pub fn as_str(self) -> &'static str {
                match self { $(Self::$name => $word,)* }
            }

            /// The action in words, as in "to …".
            #[must_use]
            pub fn in_words(self) -> &'static str {
                match self { $(Self::$name => $says,)* }
            }
        }
    };
}

actions! {
    /// See the project, play versions, read the catalogue columns one may read.
    SeeProject = "see_project", "see the project, play and keep versions offline, read the catalogue and its CSV";
    /// Fetch the exact bytes of a version.
    FetchOriginals = "fetch_originals", "fetch originals";
    /// Comment.
    Comment = "comment", "comment";
    /// Add, group and name versions.
    AddVersions = "add_versions", "add, group and name versions";
    /// Trash versions and bring them back.
    TrashVersions = "trash_versions", "trash and restore versions";
    /// Propose catalogue changes.
    Propose = "propose", "propose changes";
    /// Edit and withdraw proposals.
    ReviseProposals = "revise_proposals", "edit, submit and withdraw proposals";
    /// Read change sets.
    ReadChangeSets = "read_change_sets", "read change sets";
    /// Read the audit log.
    ReadAuditLog = "read_audit_log", "read, verify and export the audit log";
    /// Approve, ask for changes, reject, split, resolve.
    Decide = "decide", "approve, ask for changes, reject, split, resolve";
    /// Change the column schema.
    ChangeSchema = "change_schema", "change the columns";
    /// Make and revoke sharing links.
    ShareLinks = "share_links", "make and revoke sharing links";
    /// Invite somebody, see and revoke invitations.
    Invite = "invite", "invite, see and revoke invitations";
    /// Change somebody's role.
    ChangeRole = "change_role", "change somebody's role";
    /// Remove somebody else.
    RemoveMember = "remove_member", "remove somebody";
    /// Leave the project.
    Leave = "leave", "leave the project";
    /// Change the project's settings.
    SetPolicies = "set_policies", "change the project's settings";
    /// Hand the project to somebody else.
    TransferOwnership = "transfer_ownership", "hand the project over";
    /// Delete the project.
    DeleteProject = "delete_project", "delete the project";
    /// Request and withdraw a badge.
    RequestBadge = "request_badge", "request or withdraw a badge";
    /// Sign one's own declaration for a badge.
    SignDeclaration = "sign_declaration", "sign one's own declaration for a badge";
}

impl Action {
    /// The action of that word.
    #[must_use]
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|action| action.as_str() == word)
    }

    /// What the matrix grants to `role`.
    #[must_use]
    pub fn grant(self, role: Role) -> Grant {
        matrix::row(self).grants[role as usize]
    }

    /// The lowest role that may do this somehow, setting or not.
    #[must_use]
    pub fn lowest_role(self) -> Role {
        Role::ALL.into_iter().find(|role| self.grant(*role) != Grant::No).unwrap_or(Role::Owner)
    }

    /// Whether it takes the password within the last ten minutes: what a stolen session must not do.
    #[must_use]
    pub fn needs_step_up(self) -> bool {
        matches!(self, Self::ChangeRole | Self::TransferOwnership | Self::DeleteProject | Self::RequestBadge)
    }
}
