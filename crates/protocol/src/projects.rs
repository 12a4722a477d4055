//! Projects, members, invitations.

use collabtrack_domain::id::{AccountId, InvitationId, ProjectId};
use collabtrack_domain::role::Role;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::accounts::Person;

/// `POST /projects`. The same id and name again give the same answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct CreateProject {
    /// Id, chosen by the client.
    #[schema(value_type = String)]
    pub id: ProjectId,
    /// Name.
    pub name: String,
}

/// A project as a member sees it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Project {
    /// Id.
    #[schema(value_type = String)]
    pub id: ProjectId,
    /// Name.
    pub name: String,
    /// The asking account's role.
    #[schema(value_type = String)]
    pub role: Role,
    /// Changes with each restore of the server: a reader that knew another one lists everything again.
    pub epoch: String,
    /// Newest sequence number of the change feed.
    pub head_seq: i64,
    /// Id of the current catalogue state, 64 hexadecimal digits.
    pub catalogue_head: String,
    /// Number of the current catalogue state, as shown to people.
    pub catalogue_number: i64,
    /// Change sets waiting for a decision.
    pub waiting: i64,
    /// Whether originals are kept as whole files instead of the bytes nobody has yet.
    #[serde(default)]
    pub plain: bool,
    /// When it was created.
    pub created_at: String,
    /// Everybody in it; only in answers about one project.
    #[serde(default)]
    pub members: Vec<Member>,
}

/// A project in the trash, as its owners see it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct TrashedProject {
    /// Id.
    #[schema(value_type = String)]
    pub id: ProjectId,
    /// Name.
    pub name: String,
    /// Since when.
    pub trashed_at: String,
    /// Who put it there.
    pub trashed_by: Person,
    /// Until when it can be brought back.
    pub purged_after: String,
}

/// A member of a project.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Member {
    /// Who.
    pub person: Person,
    /// Role in the project.
    #[schema(value_type = String)]
    pub role: Role,
    /// Since when.
    pub since: String,
}

/// `POST /projects/{p}/invitations`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct CreateInvitation {
    /// The role the invited person gets.
    #[schema(value_type = String)]
    pub role: Role,
    /// Only the account with this address may accept.
    #[serde(default)]
    pub email: Option<String>,
    /// Days until it ends: 1 to 30, 7 unless said.
    #[serde(default)]
    pub days: Option<u32>,
    /// Mail it to that address, where the server sends mail.
    #[serde(default)]
    pub mail: bool,
}

/// A new invitation; the code is shown this once.
#[derive(Clone, Serialize, Deserialize, ToSchema)]
pub struct Invitation {
    /// Id, for listing and revoking.
    #[schema(value_type = String)]
    pub id: InvitationId,
    /// The code, `cti_…`, single use.
    pub code: String,
    /// The same as a link, `…/join#cti_…`; what is behind the `#` never reaches a server's log.
    #[serde(default)]
    pub link: String,
    /// Whether it was mailed to the address it is bound to.
    #[serde(default)]
    pub mailed: bool,
    /// The role it grants.
    #[schema(value_type = String)]
    pub role: Role,
    /// When it ends.
    pub expires_at: String,
}

/// `POST /invitations/look` and `POST /invitations/accept`.
#[derive(Clone, Serialize, Deserialize, ToSchema)]
pub struct InvitationCode {
    /// The code; letter case, spaces and hyphens do not matter.
    pub code: String,
}

/// What an invitation is for; only a signed-in holder of the code sees it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct InvitationInfo {
    /// The project.
    #[schema(value_type = String)]
    pub project: ProjectId,
    /// Its name.
    pub project_name: String,
    /// The role it grants.
    #[schema(value_type = String)]
    pub role: Role,
    /// Who invited.
    pub inviter: Person,
    /// When it ends.
    pub expires_at: String,
}

/// An invitation that is open, as those who may invite see it; the code is shown only when it is made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct OpenInvitation {
    /// Id.
    #[schema(value_type = String)]
    pub id: InvitationId,
    /// The role it grants.
    #[schema(value_type = String)]
    pub role: Role,
    /// The address it is bound to.
    #[serde(default)]
    pub email: Option<String>,
    /// Who invited.
    pub inviter: Person,
    /// When it was made.
    pub created_at: String,
    /// When it ends.
    pub expires_at: String,
}

/// `PUT /projects/{p}/members/{account}`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ChangeRole {
    /// The new role.
    #[schema(value_type = String)]
    pub role: Role,
}

/// `POST /projects/{p}/transfer`: the named member becomes owner, the asking one admin, both or neither.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct TransferOwnership {
    /// The new owner.
    #[schema(value_type = String)]
    pub to: AccountId,
}

/// `GET` and `PUT /projects/{p}/policies`: the switches of a project. Off by default, apart from the last two.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Policies {
    /// Listeners may fetch originals.
    pub listeners_fetch_originals: bool,
    /// Listeners may comment.
    pub listeners_comment: bool,
    /// Members may make sharing links.
    pub members_share: bool,
    /// A version of somebody who does not approve is put up for review by itself.
    #[serde(default = "on")]
    pub review_new_versions: bool,
    /// A sole approver may approve their own proposals; the log says so.
    #[serde(default = "on")]
    pub self_approval: bool,
}

fn on() -> bool {
    true
}
