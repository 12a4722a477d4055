//! Members, invitations and switches of a project on the server.

use collabtrack_domain::id::{AccountId, InvitationId, ProjectId};
use collabtrack_domain::role::Role;
use collabtrack_protocol::projects::{ChangeRole, CreateInvitation, Invitation, OpenInvitation, Policies, Project, TransferOwnership};

use crate::error::{LibraryError, Result};
use crate::library::Library;
use crate::store::{commit, members, projects};
use crate::sync::remote::RemoteError;
use crate::view::accounts::{OpenInvitationView, PoliciesView};
use crate::view::{MemberView, NewInvitationView};

fn role_of(word: &str) -> Result<Role> {
    Role::from_word(word).ok_or_else(|| LibraryError::Invalid { what: format!("{word:?} is no role: listener, member, admin or owner.") })
}

fn new_invitation(made: Invitation) -> NewInvitationView {
    NewInvitationView {
        id: made.id.to_string(),
        code: made.code,
        link: made.link,
        role: made.role.as_str().to_owned(),
        expires_at: made.expires_at,
        mailed: made.mailed,
    }
}

impl Library {
    /// Who is in a project: asked of the server, else as last told.
    /// # Errors
    /// `Unknown`, `OnlyHere`.
    pub async fn members(&self, id: &ProjectId) -> Result<Vec<MemberView>> {
        let known = projects::get(&mut *self.store().read().await?, id).await?;
        let known = known.ok_or_else(|| LibraryError::Unknown { what: "project", id: id.to_string() })?;
        if known.server.is_none() {
            return Err(LibraryError::OnlyHere);
        }
        match self.remote().await {
            Ok(remote) => match self.read_members(remote.as_ref(), id).await {
                Err(LibraryError::Remote(RemoteError::Refused(problem))) => return Err(RemoteError::Refused(problem).into()),
                Err(error) => tracing::debug!(%error, "members are shown as last told"),
                Ok(()) => {}
            },
            Err(error) => tracing::debug!(%error, "members are shown as last told"),
        }
        self.known_members(id).await
    }

    async fn known_members(&self, id: &ProjectId) -> Result<Vec<MemberView>> {
        let own = self.connection().account.as_ref().map(|account| account.0.to_string());
        let list = members::list(&mut *self.store().read().await?, id).await?;
        Ok(list
            .into_iter()
            .map(|(account, name, role, since)| MemberView { is_you: own.as_ref() == Some(&account), id: account, name, role, since })
            .collect())
    }

    /// The project as the server answered it, with the own role and everybody in it.
    async fn told(&self, project: &Project) -> Result<Vec<MemberView>> {
        let mut transaction = self.store().write().await?;
        projects::set_role(&mut transaction, &project.id, project.role).await?;
        members::replace(&mut transaction, &project.id, &project.members).await?;
        commit(transaction).await?;
        self.project_changed(&project.id);
        self.changed();
        self.known_members(&project.id).await
    }

    /// Gives a member another role.
    /// # Errors
    /// `forbidden`, `last_owner`, `step_up_required`, `second_factor_required`.
    pub async fn change_role(&self, id: &ProjectId, account: &AccountId, role: &str) -> Result<Vec<MemberView>> {
        let role = role_of(role)?;
        let api = self.api().await?;
        let project = self.heard(api.put_json(&format!("/projects/{id}/members/{account}"), &ChangeRole { role }).await)?;
        self.told(&project).await
    }

    /// Removes a member; their versions stay.
    /// # Errors
    /// `forbidden`, `last_owner`.
    pub async fn remove_member(&self, id: &ProjectId, account: &AccountId) -> Result<Vec<MemberView>> {
        let api = self.api().await?;
        self.heard(api.delete(&format!("/projects/{id}/members/{account}")).await)?;
        self.members(id).await
    }

    /// Leaves a project. What is on this computer stays here.
    /// # Errors
    /// `last_owner`.
    pub async fn leave_project(&self, id: &ProjectId) -> Result<()> {
        let api = self.api().await?;
        let own = self.connection().account.as_ref().map(|account| account.0.clone()).ok_or(LibraryError::SignedOut)?;
        self.heard(api.delete(&format!("/projects/{id}/members/{own}")).await)?;
        let mut transaction = self.store().write().await?;
        members::remove(&mut transaction, id, own.as_str()).await?;
        commit(transaction).await?;
        self.project_changed(id);
        self.changed();
        Ok(())
    }

    /// Hands a project to another member, who becomes its owner; one's own role becomes admin.
    /// # Errors
    /// `forbidden`, `step_up_required`.
    pub async fn transfer_ownership(&self, id: &ProjectId, to: &AccountId) -> Result<Vec<MemberView>> {
        let api = self.api().await?;
        let body = TransferOwnership { to: to.clone() };
        let project = self.heard(api.post(&format!("/projects/{id}/transfer"), &body).await)?;
        self.told(&project).await
    }

    /// Makes an invitation code, bound to an address if one is given, for 1 to 30 days (7 unless said).
    /// # Errors
    /// `Invalid` for a role that does not exist, `forbidden` for one above the own.
    pub async fn invite(&self, id: &ProjectId, role: &str, email: Option<&str>, days: Option<u32>) -> Result<NewInvitationView> {
        self.make_invitation(id, CreateInvitation { role: role_of(role)?, email: email.map(str::to_owned), days, mail: false }).await
    }

    /// As [`Library::invite`] for an address, and has the server mail it there.
    /// # Errors
    /// As [`Library::invite`]; `invalid` where the server sends no mail.
    pub async fn invite_by_mail(&self, id: &ProjectId, role: &str, email: &str, days: Option<u32>) -> Result<NewInvitationView> {
        self.make_invitation(id, CreateInvitation { role: role_of(role)?, email: Some(email.to_owned()), days, mail: true }).await
    }

    async fn make_invitation(&self, id: &ProjectId, body: CreateInvitation) -> Result<NewInvitationView> {
        let api = self.api().await?;
        let made = self.heard(api.post(&format!("/projects/{id}/invitations"), &body).await)?;
        Ok(new_invitation(made))
    }

    /// The open invitations of a project.
    /// # Errors
    /// `forbidden`.
    pub async fn invitations(&self, id: &ProjectId) -> Result<Vec<OpenInvitationView>> {
        let api = self.api().await?;
        let open: Vec<OpenInvitation> = self.heard(api.get(&format!("/projects/{id}/invitations"), &[]).await)?;
        let view = |open: OpenInvitation| OpenInvitationView {
            id: open.id.to_string(),
            role: open.role.as_str().to_owned(),
            email: open.email,
            inviter: open.inviter.name,
            created_at: open.created_at,
            expires_at: open.expires_at,
        };
        Ok(open.into_iter().map(view).collect())
    }

    /// Takes an invitation back.
    /// # Errors
    /// `forbidden`, `not_found`.
    pub async fn revoke_invitation(&self, id: &ProjectId, invitation: &InvitationId) -> Result<()> {
        let api = self.api().await?;
        Ok(self.heard(api.delete(&format!("/projects/{id}/invitations/{invitation}")).await)?)
    }

    /// A new code for an open invitation; the one before no longer counts.
    /// # Errors
    /// `forbidden`, `not_found`.
    pub async fn renew_invitation(&self, id: &ProjectId, invitation: &InvitationId) -> Result<NewInvitationView> {
        let api = self.api().await?;
        Ok(new_invitation(self.heard(api.post_empty(&format!("/projects/{id}/invitations/{invitation}/code")).await)?))
    }

    /// The switches of a project.
    /// # Errors
    /// `not_found`.
    pub async fn policies(&self, id: &ProjectId) -> Result<PoliciesView> {
        let api = self.api().await?;
        Ok(policies_view(self.heard(api.get(&format!("/projects/{id}/policies"), &[]).await)?))
    }

    /// Sets the switches of a project.
    /// # Errors
    /// `forbidden`.
    pub async fn set_policies(&self, id: &ProjectId, policies: &PoliciesView) -> Result<PoliciesView> {
        let body = Policies {
            listeners_fetch_originals: policies.listeners_fetch_originals,
            listeners_comment: policies.listeners_comment,
            members_share: policies.members_share,
            review_new_versions: policies.review_new_versions,
            self_approval: policies.self_approval,
        };
        let api = self.api().await?;
        Ok(policies_view(self.heard(api.put_json(&format!("/projects/{id}/policies"), &body).await)?))
    }
}

fn policies_view(policies: Policies) -> PoliciesView {
    PoliciesView {
        listeners_fetch_originals: policies.listeners_fetch_originals,
        listeners_comment: policies.listeners_comment,
        members_share: policies.members_share,
        review_new_versions: policies.review_new_versions,
        self_approval: policies.self_approval,
    }
}
