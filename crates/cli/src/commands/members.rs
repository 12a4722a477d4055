//! Members and invitations.

use collabtrack_domain::id::{AccountId, InvitationId};
use collabtrack_library::Library;
use collabtrack_library::view::MemberView;

use crate::arguments::Members;
use crate::output::{Output, Trouble};
use crate::select;

fn list(members: &[MemberView]) -> String {
    members.iter().map(|member| format!("{}  {:8}  {}\n", member.id, member.role, member.name)).collect()
}

/// What an invitation shall be.
pub(crate) struct Wish<'a> {
    pub(crate) role: &'a str,
    pub(crate) email: Option<&'a str>,
    pub(crate) days: Option<u32>,
    pub(crate) mail: bool,
}

/// Makes an invitation code.
pub(crate) async fn invite(library: &Library, project: &str, wish: &Wish<'_>, output: &Output) -> Result<(), Trouble> {
    let project = select::project(library, project).await?;
    let invitation = match wish.email {
        Some(email) if wish.mail => library.invite_by_mail(&project, wish.role, email, wish.days).await?,
        email => library.invite(&project, wish.role, email, wish.days).await?,
    };
    output.answer(&invitation, |invitation| {
        let mailed = if invitation.mailed { " It is on its way by mail." } else { "" };
        format!("{}\nGrants {}, once, until {}.{mailed}", invitation.code, invitation.role, invitation.expires_at)
    });
    Ok(())
}

/// `members …`.
pub(crate) async fn run(library: &Library, command: Members, output: &Output) -> Result<(), Trouble> {
    match command {
        Members::List { project } => {
            let members = library.members(&select::project(library, &project).await?).await?;
            output.answer(&members, |members| list(members));
        }
        Members::Role { project, account, role } => {
            let project = select::project(library, &project).await?;
            let members = library.change_role(&project, &AccountId::parse(&account)?, &role).await?;
            output.answer(&members, |members| list(members));
        }
        Members::Remove { project, account } => {
            let project = select::project(library, &project).await?;
            let members = library.remove_member(&project, &AccountId::parse(&account)?).await?;
            output.answer(&members, |members| list(members));
        }
        Members::Leave { project } => {
            let project = select::project(library, &project).await?;
            library.leave_project(&project).await?;
            output.answer(&project, |_| "You left the project. What is on this computer stays.".to_owned());
        }
        Members::Transfer { project, account } => {
            let project = select::project(library, &project).await?;
            let members = library.transfer_ownership(&project, &AccountId::parse(&account)?).await?;
            output.answer(&members, |members| list(members));
        }
        Members::Invitations { project } => {
            let open = library.invitations(&select::project(library, &project).await?).await?;
            output.answer(&open, |open| {
                let line = |one: &collabtrack_library::view::accounts::OpenInvitationView| {
                    format!("{}  {:8}  until {}  {}\n", one.id, one.role, one.expires_at, one.email.as_deref().unwrap_or("anybody"))
                };
                open.iter().map(line).collect()
            });
        }
        Members::Uninvite { project, invitation } => {
            let project = select::project(library, &project).await?;
            library.revoke_invitation(&project, &InvitationId::parse(&invitation)?).await?;
            output.answer(&invitation, |_| "The invitation no longer counts.".to_owned());
        }
    }
    Ok(())
}
