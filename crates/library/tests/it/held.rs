//! Approvals between the click and the sending.

use collabtrack_domain::id::ChangeSetId;
use collabtrack_library::view::review::HeldApproval;

use crate::studio::Studio;

fn held(change_set: &str) -> HeldApproval {
    HeldApproval {
        change_set: change_set.to_owned(),
        title: "Approve version 4 of Low Tide".into(),
        revision_digest: "0".repeat(64),
        expected_head: "1".repeat(64),
        effect_digest: "2".repeat(64),
        held_at: String::new(),
    }
}

#[tokio::test]
async fn a_decision_survives_the_end_of_the_program_until_it_is_sent_or_undone() {
    let mut studio = Studio::new().await;
    let (first, second) = ("chg_aaaaaaaaaaaaaaaaaaaaaaaaaa", "chg_bbbbbbbbbbbbbbbbbbbbbbbbbb");
    studio.library.hold_approval(held(first)).await.expect("written down");
    studio.library.hold_approval(held(second)).await.expect("written down");
    studio.library.hold_approval(held(second)).await.expect("a second click changes nothing");
    studio.restart(None).await;
    let list = studio.library.held_approvals().await.expect("read");
    assert_eq!(list.iter().map(|held| held.change_set.as_str()).collect::<Vec<_>>(), [first, second]);
    assert!(!list[0].held_at.is_empty(), "the library says when it was decided");
    let id = ChangeSetId::parse(first).expect("an id");
    assert!(studio.library.release_approval(&id).await.expect("undone"));
    assert!(!studio.library.release_approval(&id).await.expect("nothing left to undo"));
    studio.restart(None).await;
    assert_eq!(studio.library.held_approvals().await.expect("read").len(), 1);
}

#[tokio::test]
async fn what_no_server_takes_when_the_program_ends_stays_written_down() {
    let studio = Studio::new().await;
    studio.library.hold_approval(held("chg_aaaaaaaaaaaaaaaaaaaaaaaaaa")).await.expect("written down");
    studio.library.send_held_approvals().await;
    assert_eq!(studio.library.held_approvals().await.expect("read").len(), 1);
    assert!(studio.library.hold_approval(held("chg_x")).await.is_err(), "an id of another form is refused");
}
