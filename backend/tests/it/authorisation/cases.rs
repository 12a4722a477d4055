//! Every operation of the API with one request of it and what it takes, and the project the requests are about.

use collabtrack_domain::id::{ChangeSetId, CommentId};
use collabtrack_domain::role::site::SiteAction;
use collabtrack_domain::role::{Action, Role};
use collabtrack_protocol::accounts::{DeviceInfo, DeviceKeyInfo, SessionInfo};
use collabtrack_protocol::uploads::ObjectFormat;
use serde_json::{Value, json};

use crate::device_keys::new_key;
use crate::support::Person;
use crate::support::music::{announcement, bytes, claim, plan};
use crate::support::proposals::{add_track, detail, proposal, propose_title};

/// What an operation takes.
#[derive(Clone, Copy)]
pub(super) enum Needs {
    Nothing,
    Session,
    In(Action),
    /// Only whoever opened the upload, as long as they may add versions.
    OwnUpload,
    /// Only the author of the proposal, as long as they may propose.
    OwnProposal,
    /// Only whose it is; here the owner.
    Own,
    /// Only site admins.
    Site(SiteAction),
}

impl Needs {
    pub(super) fn in_words(self) -> String {
        match self {
            Self::Nothing => "nothing".to_owned(),
            Self::Session => "a session".to_owned(),
            Self::In(action) => format!("`{}`", action.as_str()),
            Self::OwnUpload => format!("own, `{}`", Action::AddVersions.as_str()),
            Self::OwnProposal => format!("own, `{}`", Action::Propose.as_str()),
            Self::Own => "own".to_owned(),
            Self::Site(action) => format!("site admin: {}", action.in_words()),
        }
    }
}

pub(super) struct Case {
    pub(super) operation: (&'static str, &'static str),
    pub(super) path: String,
    pub(super) body: Value,
    pub(super) needs: Needs,
}

pub(super) struct Scene {
    pub(super) project: String,
    upload: String,
    version: String,
    change_set: ChangeSetId,
    comment: CommentId,
    digest: Value,
    announce: Value,
    proposal: Value,
    create_upload: Value,
    /// Somebody in no project, for site admins to deal with.
    bystander: String,
    owner: String,
    session: String,
    device: String,
    device_key: String,
    /// Members and invitations that an asker may remove, one for each.
    pub(super) spare_members: Vec<String>,
    pub(super) spare_invitations: Vec<String>,
}

/// Askers that may each use up something.
pub(super) const ASKERS: usize = 7;

pub(super) async fn scene(owner: &Person) -> Scene {
    let project = owner.project("EP").await;
    let (mut spare_members, mut spare_invitations) = (Vec::new(), Vec::new());
    for _ in 0..ASKERS {
        spare_members.push(owner.add_member(&project, "Spare", Role::Listener).await.id.to_string());
        spare_invitations.push(owner.invite(&project, Role::Listener).await.id.to_string());
    }
    // A second session and device, which its owner may end.
    let elsewhere = owner.sign_in_again().await;
    let sessions: Vec<SessionInfo> = elsewhere.get("/sessions").await.ok();
    let devices: Vec<DeviceInfo> = elsewhere.get("/devices").await.ok();
    let opened = plan(ObjectFormat::Plain, &bytes(1, 100));
    owner.open_upload(&project, &opened).await;
    let version = owner.announce(&project, &announcement(&claim("Night Drive"), b"one")).await;
    let comment = CommentId::from_random([8; 17]);
    let said = json!({"comment": comment, "from_ms": 0, "text": "Louder", "made_at": "2026-05-03T12:00:00.000Z"});
    owner.post(&format!("/versions/{}/comments", version.id), &said).await.ok::<Value>();
    let change_set = propose_title(owner, &project, "Night Drive").await;
    let key: DeviceKeyInfo = owner.post("/device-keys", &new_key(owner, [9; 32])).await.ok();
    Scene {
        device_key: key.id,
        upload: opened.upload.to_string(),
        version: version.id.to_string(),
        digest: json!(detail(owner, &change_set).await.revision_digest),
        change_set,
        comment,
        announce: serde_json::to_value(announcement(&claim("Rain"), b"two")).expect("plain"),
        proposal: serde_json::to_value(proposal(owner, &project, &[add_track("Rain")]).await).expect("plain"),
        create_upload: serde_json::to_value(plan(ObjectFormat::Plain, &bytes(2, 100))).expect("plain"),
        bystander: Person::register(&owner.server, "Bystander").await.id.to_string(),
        owner: owner.id.to_string(),
        session: sessions.into_iter().find(|session| session.current).expect("its own").id,
        device: devices.first().expect("a device").id.clone(),
        spare_members,
        spare_invitations,
        project: project.to_string(),
    }
}

/// One request per operation. Bodies are valid, but those that would change the scene name something that is not so: a refusal for its
/// content comes after the refusal for the role.
pub(super) fn cases(scene: &Scene) -> Vec<Case> {
    use Needs as N;
    let Scene { project, upload, version, change_set, digest, comment, bystander, .. } = scene;
    let policies = json!({"listeners_fetch_originals": false, "listeners_comment": false, "members_share": false});
    let wrong = json!({"password": "not the password", "current": "not the password", "new": "something long enough", "code": "x"});
    let case = |method, pattern, path: String, body, needs| Case { operation: (method, pattern), path, body, needs };
    let other = json!({"revision_digest": "0".repeat(64), "expected_head": "0".repeat(64), "effect_digest": "0".repeat(64), "reason": "not like this",
        "keep": [0], "resolutions": []});
    let revise = json!({"change_set": change_set, "title": "", "reason": "", "base_head": "", "ops": [], "submit": false});
    assert_ne!(digest, &other["revision_digest"]);
    vec![
        case("get", "/server", "/server".into(), Value::Null, N::Nothing),
        case("post", "/auth/register", "/auth/register".into(), json!({}), N::Nothing),
        case("post", "/auth/sign-in", "/auth/sign-in".into(), json!({}), N::Nothing),
        case("get", "/account", "/account".into(), Value::Null, N::Session),
        case("post", "/auth/confirm", "/auth/confirm".into(), wrong.clone(), N::Nothing),
        case("post", "/auth/reset/request", "/auth/reset/request".into(), json!({"email": "nobody"}), N::Nothing),
        case("post", "/account/address", "/account/address".into(), json!({"email": "nobody"}), N::Session),
        case("post", "/account/address/confirm", "/account/address/confirm".into(), wrong.clone(), N::Session),
        case("get", "/projects", "/projects".into(), Value::Null, N::Session),
        case("post", "/projects", "/projects".into(), json!({"id": "prj_x", "name": ""}), N::Session),
        case("post", "/invitations/look", "/invitations/look".into(), json!({"code": "x"}), N::Session),
        case("post", "/invitations/accept", "/invitations/accept".into(), json!({"code": "x"}), N::Session),
        case("get", "/events", "/events".into(), Value::Null, N::Session),
        case("get", "/projects/{project}", format!("/projects/{project}"), Value::Null, N::In(Action::SeeProject)),
        case(
            "post",
            "/projects/{project}/invitations",
            format!("/projects/{project}/invitations"),
            json!({"role": "listener"}),
            N::In(Action::Invite),
        ),
        case(
            "post",
            "/projects/{project}/uploads",
            format!("/projects/{project}/uploads"),
            scene.create_upload.clone(),
            N::In(Action::AddVersions),
        ),
        case("get", "/uploads/{upload}", format!("/uploads/{upload}"), Value::Null, N::OwnUpload),
        case("post", "/uploads/{upload}/urls", format!("/uploads/{upload}/urls"), json!({"parts": [1]}), N::OwnUpload),
        case("post", "/uploads/{upload}/complete", format!("/uploads/{upload}/complete"), Value::Null, N::OwnUpload),
        case(
            "post",
            "/projects/{project}/versions",
            format!("/projects/{project}/versions"),
            scene.announce.clone(),
            N::In(Action::AddVersions),
        ),
        case("post", "/versions/{version}/commit", format!("/versions/{version}/commit"), commit(), N::In(Action::AddVersions)),
        case(
            "post",
            "/versions/{version}/tables",
            format!("/versions/{version}/tables"),
            json!({"upload": upload}),
            N::In(Action::AddVersions),
        ),
        case(
            "post",
            "/versions/{version}/reads",
            format!("/versions/{version}/reads"),
            json!({"rendition": "original"}),
            N::In(Action::FetchOriginals),
        ),
        case("post", "/versions/{version}/files", format!("/versions/{version}/files"), json!({}), N::In(Action::FetchOriginals)),
        case("patch", "/versions/{version}", format!("/versions/{version}"), json!({"note": "first"}), N::In(Action::AddVersions)),
        case(
            "patch",
            "/projects/{project}/tracks/{track}",
            format!("/projects/{project}/tracks/trk_{}", "a".repeat(26)),
            json!({"name": ""}),
            N::In(Action::AddVersions),
        ),
        case("get", "/projects/{project}/changes", format!("/projects/{project}/changes?since=0"), Value::Null, N::In(Action::SeeProject)),
        case("get", "/projects/{project}/catalogue", format!("/projects/{project}/catalogue"), Value::Null, N::In(Action::SeeProject)),
        case("get", "/projects/{project}/schema", format!("/projects/{project}/schema"), Value::Null, N::In(Action::SeeProject)),
        case(
            "get",
            "/projects/{project}/catalogue.csv",
            format!("/projects/{project}/catalogue.csv"),
            Value::Null,
            N::In(Action::SeeProject),
        ),
        case("get", "/projects/{project}/export.zip", format!("/projects/{project}/export.zip"), Value::Null, N::In(Action::SeeProject)),
        case("get", "/export.zip", "/export.zip".into(), Value::Null, N::Session),
        case("post", "/projects/{project}/imports", format!("/projects/{project}/imports"), json!({"csv": ""}), N::In(Action::Propose)),
        case(
            "get",
            "/projects/{project}/change-sets",
            format!("/projects/{project}/change-sets"),
            Value::Null,
            N::In(Action::ReadChangeSets),
        ),
        case(
            "post",
            "/projects/{project}/change-sets",
            format!("/projects/{project}/change-sets"),
            scene.proposal.clone(),
            N::In(Action::Propose),
        ),
        case("get", "/change-sets/{change_set}", format!("/change-sets/{change_set}"), Value::Null, N::In(Action::ReadChangeSets)),
        case(
            "get",
            "/change-sets/{change_set}/revisions/{revision}",
            format!("/change-sets/{change_set}/revisions/1"),
            Value::Null,
            N::In(Action::ReadChangeSets),
        ),
        case("post", "/change-sets/{change_set}/revisions", format!("/change-sets/{change_set}/revisions"), revise, N::OwnProposal),
        case("post", "/change-sets/{change_set}/submit", format!("/change-sets/{change_set}/submit"), Value::Null, N::OwnProposal),
        case(
            "post",
            "/change-sets/{change_set}/approve",
            format!("/change-sets/{change_set}/approve"),
            other.clone(),
            N::In(Action::Decide),
        ),
        case("post", "/change-sets/{change_set}/reject", format!("/change-sets/{change_set}/reject"), other.clone(), N::In(Action::Decide)),
        case("post", "/change-sets/{change_set}/ask", format!("/change-sets/{change_set}/ask"), other.clone(), N::In(Action::Decide)),
        case("post", "/change-sets/{change_set}/split", format!("/change-sets/{change_set}/split"), other.clone(), N::In(Action::Decide)),
        case("post", "/change-sets/{change_set}/resolve", format!("/change-sets/{change_set}/resolve"), other, N::In(Action::Decide)),
        // Nothing is approved here, so there is nothing to take back.
        case(
            "post",
            "/change-sets/{change_set}/revert",
            format!("/change-sets/{change_set}/revert"),
            json!({"change_set": ChangeSetId::from_random([7; 17])}),
            N::In(Action::Propose),
        ),
        case(
            "post",
            "/versions/{version}/comments",
            format!("/versions/{version}/comments"),
            json!({"comment": CommentId::from_random([7; 17]), "from_ms": 0, "text": "", "made_at": ""}),
            N::In(Action::Comment),
        ),
        case(
            "post",
            "/comments/{comment}/settle",
            format!("/comments/{comment}/settle"),
            json!({"resolved": true}),
            N::In(Action::Comment),
        ),
        case("get", "/projects/{project}/audit", format!("/projects/{project}/audit"), Value::Null, N::In(Action::ReadAuditLog)),
        case("post", "/versions/{version}/damage", format!("/versions/{version}/damage"), Value::Null, N::In(Action::FetchOriginals)),
        // The owner made the version.
        case("post", "/versions/{version}/restore", format!("/versions/{version}/restore"), Value::Null, N::In(Action::TrashVersions)),
        case("post", "/versions/{version}/trash", format!("/versions/{version}/trash"), Value::Null, N::In(Action::TrashVersions)),
        case("post", "/auth/reset", "/auth/reset".into(), wrong.clone(), N::Nothing),
        case("post", "/auth/step-up", "/auth/step-up".into(), wrong.clone(), N::Session),
        case("post", "/auth/rotate", "/auth/rotate".into(), Value::Null, N::Session),
        case("post", "/auth/password", "/auth/password".into(), wrong.clone(), N::Session),
        case("post", "/auth/setup", "/auth/setup".into(), wrong.clone(), N::Session),
        case("post", "/auth/totp", "/auth/totp".into(), Value::Null, N::Session),
        case("post", "/auth/totp/confirm", "/auth/totp/confirm".into(), wrong, N::Session),
        case("post", "/auth/totp/recovery-codes", "/auth/totp/recovery-codes".into(), Value::Null, N::Session),
        case("delete", "/auth/totp", "/auth/totp".into(), Value::Null, N::Session),
        case("get", "/account/audit", "/account/audit".into(), Value::Null, N::Session),
        case("get", "/sessions", "/sessions".into(), Value::Null, N::Session),
        case("delete", "/sessions/{session}", format!("/sessions/{}", scene.session), Value::Null, N::Own),
        case("delete", "/sessions", "/sessions".into(), Value::Null, N::Session),
        case("get", "/devices", "/devices".into(), Value::Null, N::Session),
        case("post", "/devices/generation", "/devices/generation".into(), json!({"device": "d", "generation": 0, "run": "r"}), N::Session),
        case("get", "/device-keys", "/device-keys".into(), Value::Null, N::Session),
        case("post", "/device-keys", "/device-keys".into(), json!({"name": "x", "public_key": "x", "signature": "x"}), N::Session),
        case("delete", "/device-keys/{key}", format!("/device-keys/{}", scene.device_key), Value::Null, N::Own),
        case("delete", "/devices/{device}", format!("/devices/{}", scene.device), Value::Null, N::Own),
        case(
            "put",
            "/projects/{project}/members/{account}",
            format!("/projects/{project}/members/{{member}}"),
            json!({"role": "listener"}),
            N::In(Action::ChangeRole),
        ),
        case(
            "delete",
            "/projects/{project}/members/{account}",
            format!("/projects/{project}/members/{{member}}"),
            Value::Null,
            N::In(Action::RemoveMember),
        ),
        case(
            "post",
            "/projects/{project}/transfer",
            format!("/projects/{project}/transfer"),
            json!({"to": scene.owner}),
            N::In(Action::TransferOwnership),
        ),
        case("get", "/projects/{project}/policies", format!("/projects/{project}/policies"), Value::Null, N::In(Action::SeeProject)),
        case("put", "/projects/{project}/policies", format!("/projects/{project}/policies"), policies, N::In(Action::SetPolicies)),
        case("get", "/projects/{project}/invitations", format!("/projects/{project}/invitations"), Value::Null, N::In(Action::Invite)),
        case(
            "post",
            "/projects/{project}/invitations/{invitation}/code",
            format!("/projects/{project}/invitations/{{invitation}}/code"),
            Value::Null,
            N::In(Action::Invite),
        ),
        case(
            "delete",
            "/projects/{project}/invitations/{invitation}",
            format!("/projects/{project}/invitations/{{invitation}}"),
            Value::Null,
            N::In(Action::Invite),
        ),
        case("get", "/site/accounts", "/site/accounts?query=spare".into(), Value::Null, N::Site(SiteAction::ListAccounts)),
        case("get", "/site/projects", "/site/projects".into(), Value::Null, N::Site(SiteAction::ListProjects)),
        case("get", "/site/audit", "/site/audit".into(), Value::Null, N::Site(SiteAction::ReadSiteLog)),
        case(
            "post",
            "/site/accounts/{account}/reset-code",
            format!("/site/accounts/{bystander}/reset-code"),
            Value::Null,
            N::Site(SiteAction::IssueResetCodes),
        ),
        case("put", "/site/admins/{account}", format!("/site/admins/{bystander}"), Value::Null, N::Site(SiteAction::AppointAdmins)),
        case("delete", "/site/admins/{account}", format!("/site/admins/{bystander}"), Value::Null, N::Site(SiteAction::AppointAdmins)),
        case(
            "post",
            "/site/accounts/{account}/disable",
            format!("/site/accounts/{bystander}/disable"),
            Value::Null,
            N::Site(SiteAction::DisableAccounts),
        ),
        case(
            "post",
            "/site/accounts/{account}/enable",
            format!("/site/accounts/{bystander}/enable"),
            Value::Null,
            N::Site(SiteAction::DisableAccounts),
        ),
        // What ends something comes last; this one where the password is too old for it.
        case("delete", "/account", "/account".into(), Value::Null, N::Session),
        case("post", "/change-sets/{change_set}/withdraw", format!("/change-sets/{change_set}/withdraw"), Value::Null, N::OwnProposal),
        // Not in the trash, so that bringing it back changes nothing.
        case("get", "/trash", "/trash".into(), Value::Null, N::Session),
        case("post", "/projects/{project}/restore", format!("/projects/{project}/restore"), Value::Null, N::In(Action::DeleteProject)),
        case("post", "/projects/{project}/trash", format!("/projects/{project}/trash"), Value::Null, N::In(Action::DeleteProject)),
        case("post", "/auth/sign-out", "/auth/sign-out".into(), Value::Null, N::Session),
    ]
}

fn commit() -> Value {
    let hash = "0".repeat(64);
    json!({"recipe": {"files": [{"path": "x", "length": 0, "sha256": hash, "spans": []}], "extents": []}})
}
