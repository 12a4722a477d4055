//! From a bounce to an approved version and a catalogue cell, through two libraries and the real server.

use collabtrack_domain::catalogue::csv::Delimiter;
use collabtrack_domain::id::{ChangeSetId, ProjectId, VersionId};
use collabtrack_library::catalogue::CellEdit;
use collabtrack_library::view::{ChangeWord, ReviewState};

use crate::support::Server;
use crate::sync_computers::{Computer, wav};

/// Jon, who bounces, and Mira, who decides.
pub(crate) async fn jon_and_mira(server: &Server) -> (Computer, Computer, ProjectId) {
    let jon = Computer::of(&server.url, "Jon").await;
    let project = jon.watch(None).await;
    jon.library.put_on_server(&project).await.expect("on the server");
    let code = jon.library.invite(&project, "admin", None, None).await.expect("a code").code;
    let mira = Computer::of(&server.url, "Mira").await;
    mira.library.join(&code).await.expect("joined");
    jon.bounce("Night Drive.wav", &wav(1, 1)).await;
    jon.sync().await;
    mira.sync().await;
    jon.sync().await;
    (jon, mira, project)
}

pub(crate) fn change_set(text: &str) -> ChangeSetId {
    ChangeSetId::parse(text).expect("an id")
}

pub(crate) async fn approve(computer: &Computer, id: &str) -> Result<(), collabtrack_library::error::LibraryError> {
    let id = change_set(id);
    let shown = computer.library.proposal(&id).await?;
    let effect = shown.effect_digest.expect("it can be approved");
    computer.library.approve(&id, &shown.revision_digest, &shown.expected_head, &effect).await.map(drop)
}

#[tokio::test]
async fn a_proposed_version_is_reviewed_elsewhere_and_becomes_the_approved_one() {
    let server = Server::start().await;
    let (jon, mira, _) = jon_and_mira(&server).await;
    let version = jon.version("Night Drive", 1).await;
    let proposal = jon.library.propose_version(&VersionId::parse(&version.id).expect("an id"), "As discussed").await.expect("proposed");
    assert!(proposal.is_yours);
    assert!(approve(&jon, &proposal.id).await.is_err(), "an author does not decide while somebody else can");
    mira.sync().await;
    assert_eq!(mira.version("Night Drive", 1).await.review, ReviewState::Waiting);
    assert_eq!(mira.library.status().await.expect("a status").inbox, 1);
    let inbox = mira.library.inbox().await.expect("an inbox");
    assert_eq!(inbox.to_review.iter().map(|waiting| waiting.id.as_str()).collect::<Vec<_>>(), [proposal.id.as_str()]);
    let shown = mira.library.proposal(&change_set(&proposal.id)).await.expect("shown");
    assert_eq!(shown.versions.len(), 1);
    assert_eq!((shown.versions[0].proposed.number, shown.versions[0].approved.is_none()), (1, true));
    assert!(
        shown.changes.iter().any(|change| change.change == ChangeWord::Added && change.row_label == "Night Drive"),
        "{:?}",
        shown.changes
    );
    approve(&mira, &proposal.id).await.expect("approved");
    for computer in [&jon, &mira] {
        computer.sync().await;
        let track = computer.track("Night Drive").await;
        assert_eq!((track.track.approved, track.versions[0].review), (Some(1), ReviewState::Approved));
    }
    let activity = mira.library.activity(&ProjectId::parse(&shown.proposal.project).expect("an id")).await.expect("activity");
    assert!(activity.iter().any(|entry| entry.actor == "Mira" && entry.sentence.contains("approve")), "{activity:?}");
    server.stop().await;
}

#[tokio::test]
async fn an_approval_of_what_is_no_longer_shown_is_refused() {
    let server = Server::start().await;
    let (jon, mira, _) = jon_and_mira(&server).await;
    let version = jon.version("Night Drive", 1).await;
    let proposal = jon.library.propose_version(&VersionId::parse(&version.id).expect("an id"), "").await.expect("proposed");
    let shown = mira.library.proposal(&change_set(&proposal.id)).await.expect("shown");
    jon.library.withdraw(&change_set(&proposal.id)).await.expect("withdrawn");
    let effect = shown.effect_digest.expect("it could be approved");
    let refused = mira.library.approve(&change_set(&proposal.id), &shown.revision_digest, &shown.expected_head, &effect).await;
    assert_eq!(refused.expect_err("too late").view().code, "already_decided");
    mira.sync().await;
    assert_eq!(mira.track("Night Drive").await.track.approved, None);
    server.stop().await;
}

#[tokio::test]
async fn a_catalogue_goes_out_as_csv_and_its_edits_come_back_as_a_proposal() {
    let server = Server::start().await;
    let (jon, mira, project) = jon_and_mira(&server).await;
    let track = jon.track("Night Drive").await.track.id;
    let edit = |field: &str, to: &str| CellEdit { row: track.clone(), field: field.into(), to: to.into() };
    let bad = jon.library.propose_cells(&project, "tracks", "", "", vec![edit("bpm", "a lot")]).await.expect_err("no number").view();
    assert_eq!(bad.code, "invalid");
    let first = jon.library.propose_cells(&project, "tracks", "Tempo", "", vec![edit("bpm", "120.5")]).await.expect("proposed");
    approve(&mira, &first.id).await.expect("approved");
    let table = jon.library.catalogue(&project, "tracks").await.expect("the catalogue");
    assert_eq!(table.rows.len(), 1);
    assert_eq!((table.rows[0].cells["title"].as_str(), table.rows[0].cells["bpm"].as_str()), ("Night Drive", "120.50"));
    let file = jon.folder.path().join("tracks.csv");
    jon.library.export_catalogue(&project, "tracks", Delimiter::Comma, &file).await.expect("written");
    let untouched = jon.library.import_catalogue(&project, "tracks", &file).await.expect("read");
    assert!(untouched.changes.is_empty() && untouched.errors.is_empty() && !untouched.may_propose, "{untouched:?}");
    let text = std::fs::read_to_string(&file).expect("text").replace("120.50", "121.00");
    std::fs::write(&file, text).expect("edited");
    let import = jon.library.import_catalogue(&project, "tracks", &file).await.expect("read");
    assert_eq!(import.changes.len(), 1);
    assert_eq!((import.changes[0].from.as_deref(), import.changes[0].to.as_deref()), (Some("120.50"), Some("121.00")));
    let second = jon.library.import_propose(&import.import, "Tempo again", "From the click").await.expect("proposed");
    approve(&mira, &second.id).await.expect("approved");
    assert_eq!(mira.library.catalogue(&project, "tracks").await.expect("the catalogue").rows[0].cells["bpm"], "121.00");
    let kept = jon.library.catalogue(&project, "tracks").await.expect("the catalogue");
    server.stop().await;
    assert_eq!(jon.library.catalogue(&project, "tracks").await.expect("as last read"), kept);
}

#[tokio::test]
async fn damaged_csv_files_are_told_by_line_and_propose_nothing() {
    let server = Server::start().await;
    let (jon, _mira, project) = jon_and_mira(&server).await;
    for (name, text) in [
        ("unknown column", "_id,_rev,_action,title,colour\r\n,,,A,blue\r\n"),
        ("duplicate column", "_id,_rev,_action,title,title\r\n,,,A,B\r\n"),
        ("no header", "1,2,3\r\n"),
        ("unclosed quote", "_id,_rev,_action,title\r\n,,,\"A\r\n"),
        ("empty", ""),
    ] {
        let file = jon.folder.path().join("edited.csv");
        std::fs::write(&file, text).expect("written");
        let import = jon.library.import_catalogue(&project, "tracks", &file).await.unwrap_or_else(|error| panic!("{name}: {error}"));
        let told = import.errors.len() + import.warnings.len() + import.notices.len();
        assert!(told > 0, "{name} is told: {import:?}");
        assert!(name == "unknown column" || !import.may_propose, "{name} proposes nothing");
    }
    assert!(jon.library.inbox().await.expect("an inbox").mine.is_empty());
    server.stop().await;
}
