//! The permission matrix itself: one row per action, one grant per role. There is no other place that says who may do what in a project.

use super::{Action, Role};

/// A switch of the project that owners set; off by default.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Setting {
    /// Listeners may fetch originals.
    ListenersFetchOriginals,
    /// Listeners may comment.
    ListenersComment,
    /// Members may make sharing links.
    MembersShare,
}

/// What a role may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Grant {
    /// Nothing.
    No,
    /// Everything.
    Yes,
    /// With what is one's own.
    Own,
    /// Everything, where the project's setting is on.
    Setting(Setting),
    /// With what is one's own, where the project's setting is on.
    OwnBySetting(Setting),
    /// With people and for roles up to member.
    UpToMember,
    /// Where one is credited, whatever the role.
    Credited,
}

/// One row of the matrix.
#[derive(Debug, Clone, Copy)]
pub struct Row {
    /// The action.
    pub action: Action,
    /// Grants of listener, member, admin and owner, in this order.
    pub grants: [Grant; Role::ALL.len()],
}

/// The row of an action.
#[must_use]
pub fn row(action: Action) -> Row {
    use Grant::{Credited, No, Own, OwnBySetting, UpToMember, Yes};
    use Setting as S;
    let everybody = [Yes, Yes, Yes, Yes];
    let members = [No, Yes, Yes, Yes];
    let admins = [No, No, Yes, Yes];
    let owners = [No, No, No, Yes];
    let people = [No, No, UpToMember, Yes];
    let grants = match action {
        Action::SeeProject | Action::Leave => everybody,
        Action::FetchOriginals => [Grant::Setting(S::ListenersFetchOriginals), Yes, Yes, Yes],
        Action::Comment => [Grant::Setting(S::ListenersComment), Yes, Yes, Yes],
        Action::AddVersions | Action::Propose | Action::ReadChangeSets | Action::ReadAuditLog => members,
        Action::TrashVersions => [No, Own, Yes, Yes],
        Action::ReviseProposals => [No, Own, Own, Own],
        Action::Decide | Action::ChangeSchema => admins,
        Action::ShareLinks => [No, OwnBySetting(S::MembersShare), Yes, Yes],
        Action::Invite | Action::ChangeRole | Action::RemoveMember => people,
        Action::SetPolicies | Action::TransferOwnership | Action::DeleteProject | Action::RequestBadge => owners,
        Action::SignDeclaration => [Credited; 4],
    };
    Row { action, grants }
}
