//! [`may`]: whether somebody may do something to something, given the facts of the moment. Pure; the server asks inside the transaction
//! that acts.

use serde::{Deserialize, Serialize};

use super::matrix::{Grant, Setting};
use super::{Action, Role};

/// How sure the server is of who asks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Assurance {
    /// The password was given within the last ten minutes.
    pub recent_password: bool,
    /// The account has a second factor, so its sessions began with one.
    pub second_factor: bool,
}

/// Who asks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Actor {
    /// Role in the project; none for whoever is not in it.
    pub role: Option<Role>,
    /// How sure the server is of them.
    pub assurance: Assurance,
}

/// What the action is done to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Target {
    /// The project, or what is nobody's in particular.
    Project,
    /// Something the actor made.
    Own,
    /// Something somebody else made.
    Others,
    /// A role that is handed out.
    Role(Role),
    /// Somebody in the project, with their role before and after; none for "not in the project".
    Person {
        /// Role now.
        is: Role,
        /// Role afterwards.
        becomes: Option<Role>,
    },
}

/// Switches of a project.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Settings {
    /// Listeners may fetch originals.
    pub listeners_fetch_originals: bool,
    /// Listeners may comment.
    pub listeners_comment: bool,
    /// Members may make sharing links.
    pub members_share: bool,
}

impl Settings {
    fn is_on(self, setting: Setting) -> bool {
        match setting {
            Setting::ListenersFetchOriginals => self.listeners_fetch_originals,
            Setting::ListenersComment => self.listeners_comment,
            Setting::MembersShare => self.members_share,
        }
    }
}

/// What else the answer depends on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Facts {
    /// The project's switches.
    pub settings: Settings,
    /// How many owners the project has now.
    pub owners: u32,
    /// The server demands a second factor of whoever acts as an admin or owner.
    pub second_factor_required: bool,
    /// The actor is credited on what this is about.
    pub credited: bool,
}

/// Why not.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reason {
    /// Not in the project: for them it does not exist.
    NotThere,
    /// The role may not do this.
    Role,
    /// The role may do this only with what is its own.
    NotYours,
    /// The project's owners have not switched this on.
    Setting,
    /// The person or the role is above what the actor may hand out or take away.
    AboveYou,
    /// The project would be left without an owner.
    LastOwner,
    /// Only whoever is credited may do this.
    NotCredited,
    /// The password must be given again first.
    StepUp,
    /// A second factor must be set up first.
    SecondFactor,
}

/// The answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Decision {
    /// Yes.
    Allowed,
    /// No.
    Denied(Reason),
}

impl Decision {
    /// Whether it is yes.
    #[must_use]
    pub fn is_allowed(self) -> bool {
        self == Self::Allowed
    }
}

/// Whether `actor` may do `action` to `target`.
#[must_use]
pub fn may(actor: &Actor, action: Action, target: &Target, facts: &Facts) -> Decision {
    let Some(role) = actor.role else { return Decision::Denied(Reason::NotThere) };
    let refused = granted(role, action, target, facts)
        .or_else(|| keeps_an_owner(role, action, target, facts))
        .or_else(|| proves_enough(actor, action, facts));
    refused.map_or(Decision::Allowed, Decision::Denied)
}

/// What the matrix says against it.
fn granted(role: Role, action: Action, target: &Target, facts: &Facts) -> Option<Reason> {
    let others = matches!(target, Target::Others);
    match action.grant(role) {
        Grant::Yes => None,
        Grant::No => Some(Reason::Role),
        Grant::Own => others.then_some(Reason::NotYours),
        Grant::Setting(setting) => (!facts.settings.is_on(setting)).then_some(Reason::Setting),
        Grant::OwnBySetting(setting) if !facts.settings.is_on(setting) => Some(Reason::Setting),
        Grant::OwnBySetting(_) => others.then_some(Reason::NotYours),
        Grant::Credited => (!facts.credited).then_some(Reason::NotCredited),
        Grant::UpToMember => {
            let highest = match target {
                Target::Role(wanted) => Some(*wanted),
                Target::Person { is, becomes } => Some(becomes.map_or(*is, |becomes| becomes.max(*is))),
                Target::Project | Target::Own | Target::Others => None,
            };
            highest.is_some_and(|highest| highest > Role::Member).then_some(Reason::AboveYou)
        }
    }
}

/// The last owner can neither leave nor be demoted or removed.
fn keeps_an_owner(role: Role, action: Action, target: &Target, facts: &Facts) -> Option<Reason> {
    let loses_one = match (action, target) {
        (Action::Leave, _) => role == Role::Owner,
        (Action::ChangeRole | Action::RemoveMember, Target::Person { is, becomes }) => *is == Role::Owner && *becomes != Some(Role::Owner),
        _ => false,
    };
    (loses_one && facts.owners <= 1).then_some(Reason::LastOwner)
}

/// Whether the server is sure enough of who asks.
fn proves_enough(actor: &Actor, action: Action, facts: &Facts) -> Option<Reason> {
    if facts.second_factor_required && action.lowest_role() >= Role::Admin && !actor.assurance.second_factor {
        return Some(Reason::SecondFactor);
    }
    (action.needs_step_up() && !actor.assurance.recent_password).then_some(Reason::StepUp)
}

#[cfg(test)]
mod tests {
    use super::*;

    const SURE: Assurance = Assurance { recent_password: true, second_factor: true };
    const FACTS: Facts = Facts {
        settings: Settings { listeners_fetch_originals: false, listeners_comment: false, members_share: false },
        owners: 2,
        second_factor_required: false,
        credited: false,
    };

    fn actor(role: Role) -> Actor {
        Actor { role: Some(role), assurance: SURE }
    }

    fn denied(role: Role, action: Action, target: Target, facts: &Facts) -> Option<Reason> {
        match may(&actor(role), action, &target, facts) {
            Decision::Allowed => None,
            Decision::Denied(reason) => Some(reason),
        }
    }

    #[test]
    fn for_whoever_is_not_in_the_project_nothing_exists() {
        let stranger = Actor { role: None, assurance: SURE };
        for action in Action::ALL {
            assert_eq!(may(&stranger, action, &Target::Own, &FACTS), Decision::Denied(Reason::NotThere));
        }
    }

    #[test]
    fn settings_open_originals_comments_and_links_and_nothing_else() {
        let all_on =
            Facts { settings: Settings { listeners_fetch_originals: true, listeners_comment: true, members_share: true }, ..FACTS };
        let mut opened = Vec::new();
        for role in Role::ALL {
            for action in Action::ALL {
                let (off, on) = (denied(role, action, Target::Own, &FACTS), denied(role, action, Target::Own, &all_on));
                if off != on {
                    assert_eq!((off, on), (Some(Reason::Setting), None));
                    opened.push((role, action));
                }
            }
        }
        assert_eq!(
            opened,
            [(Role::Listener, Action::FetchOriginals), (Role::Listener, Action::Comment), (Role::Member, Action::ShareLinks)]
        );
    }

    #[test]
    fn members_touch_only_their_own_and_admins_everybodys() {
        assert_eq!(denied(Role::Member, Action::TrashVersions, Target::Own, &FACTS), None);
        assert_eq!(denied(Role::Member, Action::TrashVersions, Target::Others, &FACTS), Some(Reason::NotYours));
        assert_eq!(denied(Role::Admin, Action::TrashVersions, Target::Others, &FACTS), None);
        for role in [Role::Member, Role::Admin, Role::Owner] {
            assert_eq!(denied(role, Action::ReviseProposals, Target::Others, &FACTS), Some(Reason::NotYours), "{}", role.as_str());
        }
    }

    #[test]
    fn admins_reach_up_to_member_and_owners_everybody() {
        for action in [Action::ChangeRole, Action::RemoveMember, Action::Invite] {
            for is in Role::ALL {
                for becomes in Role::ALL {
                    let target =
                        if action == Action::Invite { Target::Role(becomes) } else { Target::Person { is, becomes: Some(becomes) } };
                    let above = if action == Action::Invite { becomes > Role::Member } else { is.max(becomes) > Role::Member };
                    assert_eq!(denied(Role::Admin, action, target, &FACTS), above.then_some(Reason::AboveYou));
                    assert_eq!(denied(Role::Owner, action, target, &FACTS), None);
                    assert_eq!(denied(Role::Member, action, target, &FACTS), Some(Reason::Role));
                }
            }
        }
    }

    #[test]
    fn a_project_always_keeps_an_owner() {
        let last = Facts { owners: 1, ..FACTS };
        assert_eq!(denied(Role::Owner, Action::Leave, Target::Own, &last), Some(Reason::LastOwner));
        assert_eq!(denied(Role::Owner, Action::Leave, Target::Own, &FACTS), None);
        assert_eq!(denied(Role::Admin, Action::Leave, Target::Own, &last), None);
        for becomes in [None, Some(Role::Admin), Some(Role::Listener)] {
            let target = Target::Person { is: Role::Owner, becomes };
            assert_eq!(denied(Role::Owner, Action::ChangeRole, target, &last), Some(Reason::LastOwner));
            assert_eq!(denied(Role::Owner, Action::RemoveMember, target, &last), Some(Reason::LastOwner));
        }
        let stays = Target::Person { is: Role::Owner, becomes: Some(Role::Owner) };
        assert_eq!(denied(Role::Owner, Action::ChangeRole, stays, &last), None);
    }

    #[test]
    fn an_old_password_does_not_change_roles_and_one_factor_does_not_decide_where_two_are_demanded() {
        let old = Actor { role: Some(Role::Owner), assurance: Assurance { recent_password: false, second_factor: true } };
        let person = Target::Person { is: Role::Member, becomes: Some(Role::Admin) };
        assert_eq!(may(&old, Action::ChangeRole, &person, &FACTS), Decision::Denied(Reason::StepUp));
        assert!(may(&old, Action::Decide, &Target::Project, &FACTS).is_allowed());
        let single = Actor { role: Some(Role::Owner), assurance: Assurance { recent_password: true, second_factor: false } };
        let required = Facts { second_factor_required: true, ..FACTS };
        for action in Action::ALL {
            let demanded = action.lowest_role() >= Role::Admin;
            let answer = may(&single, action, &Target::Own, &required);
            assert_eq!(answer == Decision::Denied(Reason::SecondFactor), demanded, "{}", action.as_str());
        }
    }

    #[test]
    fn a_declaration_is_signed_by_whoever_is_credited_and_nobody_else() {
        let credited = Facts { credited: true, ..FACTS };
        for role in Role::ALL {
            assert_eq!(denied(role, Action::SignDeclaration, Target::Own, &credited), None);
            assert_eq!(denied(role, Action::SignDeclaration, Target::Own, &FACTS), Some(Reason::NotCredited));
        }
    }
}
