//! What site admins may do with accounts. They see no content: a project lets in only its members.

use serde::{Deserialize, Serialize};

/// What somebody wants to do to the server as a whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SiteAction {
    /// List accounts.
    ListAccounts,
    /// Disable and enable accounts.
    DisableAccounts,
    /// Make a password reset code for somebody.
    IssueResetCodes,
    /// Appoint and demote site admins.
    AppointAdmins,
    /// List projects by id, name and size.
    ListProjects,
    /// Read the site's own log.
    ReadSiteLog,
}

impl SiteAction {
    /// Every action.
    pub const ALL: [Self; 6] =
        [Self::ListAccounts, Self::DisableAccounts, Self::IssueResetCodes, Self::AppointAdmins, Self::ListProjects, Self::ReadSiteLog];

    /// The action in words.
    #[must_use]
    pub fn in_words(self) -> &'static str {
        match self {
            Self::ListAccounts => "list accounts",
            Self::DisableAccounts => "disable and enable accounts",
            Self::IssueResetCodes => "make a password reset code for somebody",
            Self::AppointAdmins => "appoint and demote site admins",
            Self::ListProjects => "list projects by id, name and size",
            Self::ReadSiteLog => "read the site's log",
        }
    }

    /// Whether it takes the password within the last ten minutes.
    #[must_use]
    pub fn needs_step_up(self) -> bool {
        matches!(self, Self::DisableAccounts | Self::IssueResetCodes | Self::AppointAdmins)
    }
}

/// Who asks about the server as a whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SiteActor {
    /// Site admin.
    pub is_admin: bool,
    /// How sure the server is of them.
    pub assurance: super::Assurance,
}

/// What else the answer depends on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SiteFacts {
    /// How many enabled site admins there are now.
    pub admins: u32,
    /// The action takes a site admin away: by demoting or disabling one.
    pub loses_an_admin: bool,
    /// The server demands a second factor of site admins.
    pub second_factor_required: bool,
}

/// Whether `actor` may do `action` to the server. Whoever is no site admin gets the answer of what is not there.
#[must_use]
pub fn may(actor: &SiteActor, action: SiteAction, facts: &SiteFacts) -> super::Decision {
    use super::{Decision, Reason};
    if !actor.is_admin {
        return Decision::Denied(Reason::NotThere);
    }
    if facts.second_factor_required && !actor.assurance.second_factor {
        return Decision::Denied(Reason::SecondFactor);
    }
    if action.needs_step_up() && !actor.assurance.recent_password {
        return Decision::Denied(Reason::StepUp);
    }
    if facts.loses_an_admin && facts.admins <= 1 {
        return Decision::Denied(Reason::LastOwner);
    }
    Decision::Allowed
}

#[cfg(test)]
mod tests {
    use super::super::{Assurance, Decision, Reason};
    use super::*;

    const FACTS: SiteFacts = SiteFacts { admins: 2, loses_an_admin: false, second_factor_required: false };

    fn ask(is_admin: bool, recent_password: bool, second_factor: bool, action: SiteAction, facts: &SiteFacts) -> Decision {
        may(&SiteActor { is_admin, assurance: Assurance { recent_password, second_factor } }, action, facts)
    }

    #[test]
    fn only_site_admins_see_that_there_is_something() {
        for action in SiteAction::ALL {
            assert_eq!(ask(false, true, true, action, &FACTS), Decision::Denied(Reason::NotThere));
            assert_eq!(ask(true, true, false, action, &FACTS), Decision::Allowed);
            let expected = if action.needs_step_up() { Decision::Denied(Reason::StepUp) } else { Decision::Allowed };
            assert_eq!(ask(true, false, true, action, &FACTS), expected);
            let required = SiteFacts { second_factor_required: true, ..FACTS };
            assert_eq!(ask(true, true, false, action, &required), Decision::Denied(Reason::SecondFactor));
        }
    }

    #[test]
    fn the_last_site_admin_stays() {
        let last = SiteFacts { admins: 1, loses_an_admin: true, ..FACTS };
        for action in [SiteAction::AppointAdmins, SiteAction::DisableAccounts] {
            assert_eq!(ask(true, true, true, action, &last), Decision::Denied(Reason::LastOwner));
        }
    }
}
