//! What becomes of a proposal after it was sent back, retiring versions, and whose a proposal is.

use collabtrack_domain::catalogue::csv::Delimiter;
use collabtrack_domain::id::{ProjectId, VersionId};
use collabtrack_library::catalogue::CellEdit;
use collabtrack_library::view::{ChoiceWord, ConflictChoice, ReviewState};

use crate::support::Server;
use crate::sync_approval::{approve, change_set, jon_and_mira};
use crate::sync_computers::Computer;

fn cell(row: &str, field: &str, to: &str) -> CellEdit {
    CellEdit { row: row.into(), field: field.into(), to: to.into() }
}

async fn propose(computer: &Computer, project: &ProjectId, cells: &[(&str, &str)]) -> String {
    let row = computer.track("Night Drive").await.track.id;
    let cells: Vec<CellEdit> = cells.iter().map(|(field, to)| cell(&row, field, to)).collect();
    computer.library.propose_cells(project, "tracks", "Credits", "As on the sleeve", cells).await.expect("proposed").id
}

#[tokio::test]
async fn a_proposal_that_was_sent_back_is_corrected_and_waits_as_its_next_revision() {
    let server = Server::start().await;
    let (jon, mira, project) = jon_and_mira(&server).await;
    approve(&mira, &propose(&jon, &project, &[("bpm", "120")]).await).await.expect("approved");
    let row = jon.track("Night Drive").await.track.id;
    let id = change_set(&propose(&jon, &project, &[("label", "Moon"), ("p_line", "2026 Moon")]).await);
    let first = mira.library.proposal(&id).await.expect("shown");
    mira.library.ask_for_changes(&id, &first.revision_digest, "the label is Sun").await.expect("sent back");

    let own = jon.library.proposal(&id).await.expect("shown");
    let p_line = own.ops.iter().find(|op| op.field == "p_line").expect("p_line").index;
    let revise = async |cells: &[CellEdit], left_out: &[u32]| jon.library.revise(&id, &own.revision_digest, cells, left_out, "").await;
    for (cells, left_out) in [
        (vec![], vec![]),
        (vec![], own.ops.iter().map(|op| op.index).collect()),
        (vec![], vec![7]),
        (vec![cell(&row, "bpm", "a lot")], vec![]),
        (vec![cell(&row, "nothing", "x")], vec![]),
    ] {
        assert_eq!(revise(&cells, &left_out).await.expect_err("no correction").view().code, "invalid");
    }
    assert_eq!(jon.library.proposal(&id).await.expect("shown").revision, 1, "nothing was half-applied");
    let revised = revise(&[cell(&row, "label", "Sun")], &[p_line]).await.expect("corrected");
    assert_eq!((revised.status.as_str(), revised.is_yours, revised.op_count), ("open", true, 1));
    assert_eq!(revise(&[cell(&row, "label", "Sol")], &[]).await.expect_err("another revision was shown").view().code, "invalid");

    // What was seen before cannot be approved any more; what is there now can.
    let effect = first.effect_digest.expect("it could be approved");
    let late = mira.library.approve(&id, &first.revision_digest, &first.expected_head, &effect).await.expect_err("another revision");
    assert_eq!(late.view().code, "revision_changed");
    let second = mira.library.proposal(&id).await.expect("shown");
    assert_eq!((second.revision, second.reason.as_str(), second.changes.len()), (2, "As on the sleeve", 1));
    assert_ne!(second.fingerprint, first.fingerprint);
    assert_eq!(mira.library.inbox().await.expect("an inbox").to_review.len(), 1);
    approve(&mira, id.as_str()).await.expect("approved");
    let cells = jon.library.catalogue(&project, "tracks").await.expect("the tracks").rows.remove(0).cells;
    assert_eq!((cells.get("label").map(String::as_str), cells.get("p_line")), (Some("Sun"), None));
    server.stop().await;
}

#[tokio::test]
async fn a_proposal_sent_back_and_put_up_again_as_it_was_has_a_fingerprint_of_its_own() {
    let server = Server::start().await;
    let (jon, mira, project) = jon_and_mira(&server).await;
    let id = change_set(&propose(&jon, &project, &[("label", "Moon")]).await);
    let first = mira.library.proposal(&id).await.expect("shown");
    mira.library.ask_for_changes(&id, &first.revision_digest, "are you sure?").await.expect("sent back");
    jon.library.submit(&id).await.expect("up again");
    let second = mira.library.proposal(&id).await.expect("shown");
    assert_eq!((second.revision, second.changes.len()), (2, first.changes.len()));
    assert_ne!(second.revision_digest, first.revision_digest);
    approve(&mira, id.as_str()).await.expect("approved");
    server.stop().await;
}

#[tokio::test]
async fn a_correction_from_a_file_is_recorded_and_says_that_it_may_overwrite_newer_values() {
    let server = Server::start().await;
    let (jon, mira, project) = jon_and_mira(&server).await;
    approve(&mira, &propose(&jon, &project, &[("label", "Moon")]).await).await.expect("approved");
    let id = change_set(&propose(&jon, &project, &[("label", "Sun")]).await);
    let file = jon.folder.path().join("tracks.csv");
    jon.library.export_catalogue(&project, "tracks", Delimiter::Comma, &file).await.expect("written");
    let row = jon.track("Night Drive").await.track.id;
    std::fs::write(&file, format!("_id,label\r\n{row},Stars\r\n")).expect("edited");
    let import = jon.library.import_catalogue(&project, "tracks", &file).await.expect("read");
    assert!(import.may_propose && !import.has_base, "{import:?}");
    jon.library.import_revise(&import.import, &id, "Credits", "from the label").await.expect("corrected");
    let shown = mira.library.proposal(&id).await.expect("shown");
    assert_eq!((shown.revision, shown.reason.as_str(), shown.changes[0].to.as_deref()), (2, "from the label", Some("Stars")));
    assert!(shown.risks.iter().any(|risk| risk.risk == "no_base"), "{:?}", shown.risks);
    let log = mira.library.activity(&project).await.expect("the log");
    let imports = log.iter().filter(|entry| entry.sentence == "catalogue import").count();
    assert_eq!(imports, 1, "{log:?}");
    // A value typed after it keeps what the file left open.
    let own = jon.library.proposal(&id).await.expect("shown");
    jon.library.revise(&id, &own.revision_digest, &[cell(&row, "label", "Comets")], &[], "").await.expect("corrected");
    let shown = mira.library.proposal(&id).await.expect("shown");
    assert!(shown.revision == 3 && shown.risks.iter().any(|risk| risk.risk == "no_base"), "{:?}", shown.risks);
    server.stop().await;
}

#[tokio::test]
async fn a_retired_version_is_marked_everywhere_and_never_approved_again() {
    let server = Server::start().await;
    let (jon, mira, _) = jon_and_mira(&server).await;
    let version = VersionId::parse(&jon.version("Night Drive", 1).await.id).expect("an id");
    let early = jon.library.propose_retire(&version, "wrong master").await.expect_err("a track outside the catalogue").view();
    assert!(early.message.contains("not in the catalogue"), "{early:?}");
    approve(&mira, &jon.library.propose_version(&version, "").await.expect("proposed").id).await.expect("approved");
    assert_eq!(jon.library.propose_retire(&version, "x").await.expect_err("a reason of one letter").view().code, "invalid");
    let proposed = jon.library.propose_retire(&version, "wrong master").await.expect("proposed");
    assert_eq!(proposed.title, "Retire version 1 of Night Drive");
    let shown = mira.library.proposal(&change_set(&proposed.id)).await.expect("shown");
    let told = shown.changes.iter().find(|change| change.field == "_retired").expect("it is told");
    assert_eq!(told.to.as_deref(), Some("version 1 (wrong master)"));
    assert!(shown.risks.iter().any(|risk| risk.risk == "retired"), "{:?}", shown.risks);
    approve(&mira, &proposed.id).await.expect("approved");
    for computer in [&jon, &mira] {
        computer.sync().await;
        let track = computer.track("Night Drive").await;
        assert_eq!((track.track.approved, track.versions[0].review), (None, ReviewState::Retired));
    }
    assert_eq!(jon.library.propose_retire(&version, "once more").await.expect_err("retired").view().code, "invalid");
    let again = jon.library.propose_version(&version, "").await.expect("proposed");
    let shown = mira.library.proposal(&change_set(&again.id)).await.expect("shown");
    assert!(shown.effect_digest.is_none() && shown.problems.iter().any(|problem| problem.contains("retired")), "{:?}", shown.problems);
    server.stop().await;
}

#[tokio::test]
async fn a_proposal_stays_its_proposers_though_an_approver_typed_a_value_into_it() {
    let server = Server::start().await;
    let (jon, mira, project) = jon_and_mira(&server).await;
    approve(&mira, &propose(&jon, &project, &[("label", "Moon")]).await).await.expect("approved");
    let late = propose(&jon, &project, &[("label", "Stars")]).await;
    approve(&mira, &propose(&jon, &project, &[("label", "Sun")]).await).await.expect("approved");
    let id = change_set(&late);
    let shown = mira.library.proposal(&id).await.expect("shown");
    let row = shown.conflicts[0].row.clone();
    let typed = ConflictChoice { row, field: "label".into(), choice: ChoiceWord::Typed, value: Some("Comets".into()) };
    mira.library.resolve(&id, &shown.revision_digest, &shown.expected_head, vec![typed]).await.expect("settled");
    let mine = jon.library.inbox().await.expect("an inbox").mine;
    assert_eq!(mine.iter().map(|own| (own.id.as_str(), own.is_yours)).collect::<Vec<_>>(), [(late.as_str(), true)]);
    let hers = mira.library.inbox().await.expect("an inbox").mine;
    assert_eq!(hers.iter().map(|own| (own.author.as_str(), own.is_yours)).collect::<Vec<_>>(), [("Jon", false)]);
    assert_eq!(jon.library.withdraw(&id).await.expect("withdrawn").status, "withdrawn");
    server.stop().await;
}
