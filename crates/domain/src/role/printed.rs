//! The permission matrix as a table for `docs/security.md`.

use super::matrix::{Grant, Setting, row};
use super::site::SiteAction;
use super::{Action, Role};

fn cell(grant: Grant) -> String {
    match grant {
        Grant::No => "–".to_owned(),
        Grant::Yes => "yes".to_owned(),
        Grant::Own => "own".to_owned(),
        Grant::Setting(setting) => format!("if `{}`", name(setting)),
        Grant::OwnBySetting(setting) => format!("own, if `{}`", name(setting)),
        Grant::UpToMember => "up to member".to_owned(),
        Grant::Credited => "if credited".to_owned(),
    }
}

fn name(setting: Setting) -> &'static str {
    match setting {
        Setting::ListenersFetchOriginals => "listeners_fetch_originals",
        Setting::ListenersComment => "listeners_comment",
        Setting::MembersShare => "members_share",
    }
}

/// The matrix of project roles in Markdown.
#[must_use]
pub fn project_table() -> String {
    let mut text = String::from("| to … | word | listener | member | admin | owner | password again |\n|---|---|---|---|---|---|---|\n");
    for action in Action::ALL {
        let grants: Vec<String> = Role::ALL.into_iter().map(|role| cell(row(action).grants[role as usize])).collect();
        let again = if action.needs_step_up() { "yes" } else { "" };
        text.push_str(&format!("| {} | `{}` | {} | {again} |\n", action.in_words(), action.as_str(), grants.join(" | ")));
    }
    text
}

/// What site admins may do, in Markdown.
#[must_use]
pub fn site_table() -> String {
    let mut text = String::from("| to … | site admin | everybody else | password again |\n|---|---|---|---|\n");
    for action in SiteAction::ALL {
        let again = if action.needs_step_up() { "yes" } else { "" };
        text.push_str(&format!("| {} | yes | not there | {again} |\n", action.in_words()));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_action_has_a_line_with_a_cell_for_every_role() {
        let table = project_table();
        assert_eq!(table.lines().count(), 2 + Action::ALL.len());
        assert!(table.lines().all(|line| line.matches('|').count() == 8), "{table}");
        assert_eq!(site_table().lines().count(), 2 + SiteAction::ALL.len());
    }
}
