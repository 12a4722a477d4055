//! The TypeScript twins of the read models are those in the user interface. `COLLABTRACK_WRITE_BINDINGS=1` rewrites them.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use collabtrack_library::view;
use ts_rs::TS;

fn generated() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../ui/src/lib/ipc/generated")
}

fn export_to(folder: &Path) {
    let config = ts_rs::Config::new().with_out_dir(folder);
    macro_rules! export { ($($name:ident),* $(,)?) => { $( view::$name::export_all(&config).expect("the type is written"); )* } }
    export!(
        StatusView,
        ProjectView,
        TrackDetail,
        CandidateView,
        PlayerView,
        ServerView,
        InvitationView,
        NewInvitationView,
        MemberView,
        CatalogueView,
        InboxView,
        ProposalDetail,
        ConflictChoice,
        CommentView,
        CatalogueHit,
        LogCheckView,
        HeardView,
        SplitView,
        RevertView,
        ActivityView,
        KeepingView,
        FolderProposal,
        CaptureRulesView,
        LimitsView,
        PlainFileView,
        AppEvent,
        ErrorView,
    );
    view::imports::ImportView::export_all(&config).expect("the type is written");
    view::trash::TrashedVersionView::export_all(&config).expect("the type is written");
    view::trash::TrashedProjectView::export_all(&config).expect("the type is written");
    view::review::HeldApproval::export_all(&config).expect("the type is written");
    collabtrack_library::Identified::export_all(&config).expect("the type is written");
    view::imports::CellCheckView::export_all(&config).expect("the type is written");
    view::catalogue::SharesView::export_all(&config).expect("the type is written");
    view::catalogue::NotReadyView::export_all(&config).expect("the type is written");
    view::catalogue::SpellingView::export_all(&config).expect("the type is written");
    view::catalogue::RespeltCellView::export_all(&config).expect("the type is written");
    view::columns::SchemaCheckView::export_all(&config).expect("the type is written");
    macro_rules! export_accounts {
        ($($name:ident),* $(,)?) => { $( view::accounts::$name::export_all(&config).expect("the type is written"); )* }
    }
    export_accounts!(
        AccountView,
        SessionView,
        DeviceKeyView,
        DeviceView,
        TotpSecretView,
        OpenInvitationView,
        PoliciesView,
        CredentialsView,
        SiteAccountView,
        ResetCodeView,
    );
}

fn files(folder: &Path) -> BTreeMap<String, String> {
    let mut found = BTreeMap::new();
    for entry in std::fs::read_dir(folder).expect("the folder of generated types exists") {
        let path = entry.expect("an entry").path();
        if path.extension().is_some_and(|extension| extension == "ts") {
            let name = path.file_name().expect("a name").to_string_lossy().into_owned();
            found.insert(name, std::fs::read_to_string(&path).expect("a text file"));
        }
    }
    found
}

#[test]
fn typescript_types_are_those_of_the_read_models() {
    let fresh = tempfile::tempdir().expect("a temporary folder");
    export_to(fresh.path());
    let want = files(fresh.path());
    assert!(want.len() > 20, "all types are exported");
    if std::env::var_os("COLLABTRACK_WRITE_BINDINGS").is_some() {
        for name in files(&generated()).keys().filter(|name| !want.contains_key(*name)) {
            std::fs::remove_file(generated().join(name)).expect("an old type is removed");
        }
        for (name, text) in &want {
            std::fs::write(generated().join(name), text).expect("the type is written");
        }
    }
    assert_eq!(files(&generated()), want, "run `COLLABTRACK_WRITE_BINDINGS=1 cargo test -p collabtrack-library bindings`");
}
