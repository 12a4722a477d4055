//! Columns, CSV and comments as two people at their own computers meet them.

use std::collections::HashSet;

use collabtrack_domain::catalogue::csv::Delimiter;
use collabtrack_domain::catalogue::csv::report::{Answers, MissingRows};
use collabtrack_domain::id::{CommentId, ProjectId, TrackId, VersionId};
use collabtrack_library::catalogue::{CellEdit, SheetEdits};
use collabtrack_library::view::{ActivityView, CellChangeView, ChangeWord, ChoiceWord, ConflictChoice, ProposalDetail};

use crate::support::Server;
use crate::sync_approval::{approve, change_set, jon_and_mira};
use crate::sync_computers::Computer;

async fn edit(computer: &Computer, project: &ProjectId, field: &str, to: &str) -> String {
    let row = computer.track("Night Drive").await.track.id;
    let edits = vec![CellEdit { row, field: field.into(), to: to.into() }];
    computer.library.propose_cells(project, "tracks", field, "", edits).await.expect("proposed").id
}

#[tokio::test]
async fn a_column_added_by_json_alone_is_in_grid_diff_csv_search_and_audit() {
    let server = Server::start().await;
    let (jon, mira, project) = jon_and_mira(&server).await;
    approve(&mira, &edit(&jon, &project, "label", "Moon Records").await).await.expect("approved");
    // The one change: a line of JSON.
    let text = mira.library.schema_text(&project).await.expect("the columns");
    let mut document: serde_json::Value = serde_json::from_str(&text).expect("JSON");
    let column = serde_json::json!({"name": "mastered_by", "label": "Mastered by", "type": "text"});
    document["tables"]["tracks"]["fields"].as_array_mut().expect("fields").push(column);
    let bad = mira.library.propose_schema(&project, &text.replacen("\"type\"", "\"typo\"", 1), "", "").await.expect_err("a typo").view();
    assert!(bad.message.contains("typo"), "{bad:?}");
    mira.library.propose_schema(&project, &text, "", "").await.expect_err("nothing new");
    let proposed = mira.library.propose_schema(&project, &document.to_string(), "", "Credits").await.expect("proposed");
    let shown = jon.library.proposal(&change_set(&proposed.id)).await.expect("shown");
    assert_eq!((shown.risks[0].risk.as_str(), shown.changes[0].part_of.as_deref()), ("schema", Some("_schema")));
    // Which column, and who reads it, stands there; also once it is decided and the columns are other ones.
    let says = |shown: &ProposalDetail, label: &str, to: &str| {
        let line = |change: &&CellChangeView| change.row_label.contains("Mastered by") && change.field_label == label;
        assert!(shown.changes.iter().filter(line).any(|change| change.to.as_deref() == Some(to)), "{:?}", shown.changes);
    };
    says(&shown, "Name", "mastered_by");
    says(&shown, "Lowest role that reads it", "listener (as usual)");
    assert_eq!(shown.risks[0].changes.len(), shown.changes.len());
    approve(&jon, &proposed.id).await.expect("approved");
    says(&mira.library.proposal(&change_set(&proposed.id)).await.expect("shown"), "Name", "mastered_by");
    let columns_decided = proposed.id;

    // Grid.
    let grid = jon.library.catalogue(&project, "tracks").await.expect("the grid");
    let column = grid.columns.last().expect("a column");
    assert_eq!((column.name.as_str(), column.label.as_str(), column.may_edit), ("mastered_by", "Mastered by", true));
    // CSV out and in, with its diff.
    let file = jon.folder.path().join("tracks.csv");
    jon.library.export_catalogue(&project, "tracks", Delimiter::Comma, &file).await.expect("written");
    let csv = std::fs::read_to_string(&file).expect("readable");
    assert!(csv.lines().next().expect("headings").ends_with("\"mastered_by\""), "{csv}");
    let row = csv.lines().nth(1).expect("a row").trim_end_matches("\"\"");
    std::fs::write(&file, format!("{}\r\n{row}\"Kim Ono\"\r\n", csv.lines().next().expect("headings"))).expect("edited");
    let import = jon.library.import_catalogue(&project, "tracks", &file).await.expect("read");
    let change = &import.changes[0];
    assert_eq!((change.field_label.as_str(), change.to.as_deref(), import.changes.len()), ("Mastered by", Some("Kim Ono"), 1));
    let proposed = jon.library.import_propose(&import.import, "Credits", "").await.expect("proposed");
    let shown = mira.library.proposal(&change_set(&proposed.id)).await.expect("shown");
    assert_eq!((shown.changes[0].field_label.as_str(), shown.verified), ("Mastered by", true));
    approve(&mira, &proposed.id).await.expect("approved");
    let grid = jon.library.catalogue(&project, "tracks").await.expect("the grid");
    assert_eq!(grid.rows[0].cells["mastered_by"], "Kim Ono");
    // Audit: the entries of both decisions name the exact revisions, which show the column and the value.
    let log = mira.library.activity(&project).await.expect("the log");
    for (id, field, to) in [(&columns_decided, "Name", "mastered_by"), (&proposed.id, "Mastered by", "Kim Ono")] {
        let of_set = |entry: &&ActivityView| entry.change_set.as_ref() == Some(id) && entry.sentence.contains("approved");
        let entry = log.iter().find(of_set).unwrap_or_else(|| panic!("no entry of {id}: {log:?}"));
        let decided = mira.library.proposal(&change_set(id)).await.expect("shown");
        assert_eq!((entry.revision.as_ref(), decided.verified), (Some(&decided.revision_digest), true));
        assert!(
            decided.changes.iter().any(|change| change.field_label == field && change.to.as_deref() == Some(to)),
            "{:?}",
            decided.changes
        );
    }
    // Search, on both computers, also without the server.
    jon.library.catalogue(&project, "tracks").await.expect("read");
    server.stop().await;
    let hits = jon.library.search_catalogue(None, "kim ÓNO").await.expect("found");
    assert_eq!((hits.len(), hits[0].field.as_str(), hits[0].row_label.as_str()), (1, "mastered_by", "Night Drive"));
}

#[tokio::test]
async fn a_table_that_was_seen_comes_again_only_when_it_is_another_one() {
    let server = Server::start().await;
    let (mut jon, mira, project) = jon_and_mira(&server).await;
    approve(&mira, &edit(&jon, &project, "label", "Moon").await).await.expect("approved");
    let seen = jon.library.catalogue_unless(&project, "tracks", "").await.expect("read").expect("never seen");
    assert_eq!(jon.library.catalogue_unless(&project, "tracks", &seen.state).await.expect("asked"), None);
    // After a start as well: what was kept is named by the same tag.
    jon.restart().await;
    assert_eq!(jon.library.catalogue_unless(&project, "tracks", &seen.state).await.expect("asked"), None);
    approve(&mira, &edit(&jon, &project, "label", "Sun").await).await.expect("approved");
    let after = jon.library.catalogue_unless(&project, "tracks", &seen.state).await.expect("read").expect("another one");
    assert_eq!(after.rows[0].cells["label"], "Sun");
    assert_ne!(after.state, seen.state);
    // Without the server it is still the one that was seen.
    server.stop().await;
    assert_eq!(jon.library.catalogue_unless(&project, "tracks", &after.state).await.expect("as last read"), None);
}

#[tokio::test]
async fn rows_made_and_deleted_in_the_table_become_one_proposal() {
    let server = Server::start().await;
    let (jon, mira, project) = jon_and_mira(&server).await;
    approve(&mira, &edit(&jon, &project, "label", "Moon").await).await.expect("approved");
    let drive = jon.track("Night Drive").await.track.id;
    // As the table on the screen does before anything can be typed into it.
    jon.library.catalogue(&project, "splits").await.expect("read");
    let cell = |row: &str, field: &str, to: &str| CellEdit { row: row.into(), field: field.into(), to: to.into() };
    let share = |key: &str, party: &str, share: &str| {
        [cell(key, "track", &drive), cell(key, "right", "composition"), cell(key, "party", party), cell(key, "share", share)]
    };
    // Shares that do not add up are told before anybody proposes them; those that do are proposed with their own ids.
    let half = SheetEdits { cells: share("new 1", "Ada", "50").to_vec(), added: vec!["new 1".into()], deleted: vec![] };
    let checks = jon.library.check_cells(&project, "splits", half).await.expect("checked");
    assert!(checks.iter().any(|check| check.row == "new 1" && check.message.contains("50.00 instead of 100.00")), "{checks:?}");
    let cells = [share("new 1", "Ada", "50"), share("new 2", "Ben", "50")].concat();
    let whole = SheetEdits { cells, added: vec!["new 1".into(), "new 2".into()], deleted: vec![] };
    assert_eq!(jon.library.check_cells(&project, "splits", whole.clone()).await.expect("checked"), []);
    let proposed = jon.library.propose_cells(&project, "splits", "", "", whole).await.expect("proposed");
    assert_eq!(proposed.title, "2 rows added");
    // Who decides sees everything a new row says, and whose it is.
    let shown = mira.library.proposal(&change_set(&proposed.id)).await.expect("shown");
    let ada = |field: &str| {
        let found = shown.changes.iter().find(|change| change.row_label == "Night Drive · Ada" && change.field == field);
        let found = found.unwrap_or_else(|| panic!("no {field}: {:?}", shown.changes));
        assert_eq!((found.part_of.as_deref(), found.change), (Some("_row"), ChangeWord::Added));
        found.to.clone()
    };
    assert_eq!(
        (ada("share").as_deref(), ada("right").as_deref(), ada("track").as_deref()),
        (Some("50.00"), Some("composition"), Some("Night Drive"))
    );
    let shares = shown.risks.iter().find(|risk| risk.risk == "shares").expect("shares are looked at");
    let parties: HashSet<&str> = shares.changes.iter().map(|place| shown.changes[*place as usize].row_label.as_str()).collect();
    assert_eq!(parties, HashSet::from(["Night Drive · Ada", "Night Drive · Ben"]));
    assert!(shown.ops.iter().all(|op| op.field == "_row" && shown.changes.iter().any(|change| change.row == op.row)));
    approve(&mira, &proposed.id).await.expect("approved");
    let splits = jon.library.catalogue(&project, "splits").await.expect("the splits");
    let ada = splits.rows.iter().find(|row| row.cells["party"] == "Ada").expect("Ada");
    // One of two shares gone: the other no longer makes a whole.
    let gone = SheetEdits { deleted: vec![ada.id.clone()], ..SheetEdits::default() };
    let checks = jon.library.check_cells(&project, "splits", gone).await.expect("checked");
    assert!(checks.iter().any(|check| check.message.contains("50.00 instead of 100.00")), "{checks:?}");

    // A track made by hand and one that goes with its splits, in one proposal.
    let both = SheetEdits {
        cells: vec![cell("new 1", "title", "Coda"), cell(&drive, "label", "x")],
        added: vec!["new 1".into()],
        deleted: vec![drive.clone()],
    };
    let unnamed = SheetEdits { added: vec!["new 1".into()], ..SheetEdits::default() };
    let checks = jon.library.check_cells(&project, "tracks", unnamed).await.expect("checked");
    assert!(checks.iter().any(|check| check.row == "new 1" && check.field == "title"), "a title is needed: {checks:?}");
    let proposed = jon.library.propose_cells(&project, "tracks", "", "", both).await.expect("proposed");
    let shown = mira.library.proposal(&change_set(&proposed.id)).await.expect("shown");
    let rows: HashSet<&str> = shown.changes.iter().map(|change| change.row.as_str()).collect();
    assert_eq!((rows.len(), shown.mergeability.as_str()), (4, "clean"), "{:?}", shown.problems);
    let gone =
        shown.changes.iter().find(|change| change.row_label == "Night Drive · Ben" && change.field == "share").expect("a share that goes");
    assert_eq!((gone.from.as_deref(), gone.to.as_deref(), gone.change), (Some("50.00"), None, ChangeWord::Deleted));
    approve(&mira, &proposed.id).await.expect("approved");
    let tracks = jon.library.catalogue(&project, "tracks").await.expect("the tracks");
    assert_eq!(tracks.rows.iter().map(|row| row.cells["title"].as_str()).collect::<Vec<_>>(), ["Coda"]);
    assert_eq!(tracks.rows[0].cells["stage"], "demo", "new rows begin with the defaults");
    assert!(jon.library.catalogue(&project, "splits").await.expect("the splits").rows.is_empty());
    let stray = SheetEdits { deleted: vec![drive], ..SheetEdits::default() };
    assert_eq!(jon.library.propose_cells(&project, "tracks", "", "", stray).await.expect_err("gone").view().code, "not_found");
    server.stop().await;
}

#[tokio::test]
async fn the_audit_log_tells_of_the_columns_that_changed() {
    let server = Server::start().await;
    let (jon, mira, project) = jon_and_mira(&server).await;
    let text = mira.library.schema_text(&project).await.expect("the columns");
    let renamed = text.replacen("\"name\": \"p_line\"", "\"name\": \"phonogram\", \"renamed_from\": \"p_line\"", 1);
    let proposed = mira.library.propose_schema(&project, &renamed, "Rename p_line", "").await.expect("proposed");
    approve(&jon, &proposed.id).await.expect("approved");
    let activity = jon.library.activity(&project).await.expect("the log");
    assert!(activity.iter().any(|entry| entry.actor == "Mira" && entry.sentence.contains("Rename p_line")), "{activity:?}");
    assert!(activity.iter().any(|entry| entry.actor == "Jon" && entry.sentence.contains("approved")), "{activity:?}");
    server.stop().await;
}

#[tokio::test]
async fn questions_of_an_import_are_answered_and_its_problems_written_out() {
    let server = Server::start().await;
    let (jon, mira, project) = jon_and_mira(&server).await;
    approve(&mira, &edit(&jon, &project, "release_date", "2026-05-03").await).await.expect("approved");
    let grid = jon.library.catalogue(&project, "tracks").await.expect("the grid");
    let (id, rev) = (&grid.rows[0].id, &grid.rows[0].rev);
    let file = jon.folder.path().join("edited.csv");
    std::fs::write(&file, format!("_id,_rev,release_date,Tempo\r\n{id},{rev},04/06/2026,128\r\n")).expect("written");
    let asked = jon.library.import_catalogue(&project, "tracks", &file).await.expect("read");
    assert!(!asked.may_propose && asked.errors.is_empty(), "{asked:?}");
    assert_eq!((asked.questions[0].code.as_str(), asked.repairs.len()), ("ambiguous", 1));
    assert_eq!(asked.columns.iter().find(|column| column.heading == "Tempo").expect("a column").field, None);
    jon.library.import_propose(&asked.import, "", "").await.expect_err("a question is open");
    let problems = jon.folder.path().join("problems.csv");
    jon.library.import_problems(&asked.import, &problems).await.expect("written");
    assert_eq!(std::fs::read_to_string(&problems).expect("readable").lines().count(), 2);

    let answers: Answers = serde_json::from_value(serde_json::json!({
        "styles": {"release_date": {"date_order": "day_month"}}, "columns": {"Tempo": {"use": "field", "name": "bpm"}}
    }))
    .expect("answers");
    let answered = jon.library.import_answer(&asked.import, &answers).await.expect("read again");
    assert_eq!((answered.import.as_str(), answered.may_propose), (asked.import.as_str(), true), "{answered:?}");
    let mut to: Vec<&str> = answered.changes.iter().filter_map(|change| change.to.as_deref()).collect();
    to.sort_unstable();
    assert_eq!(to, ["128.00", "2026-06-04"]);
    let proposed = jon.library.import_propose(&asked.import, "", "").await.expect("proposed");
    approve(&mira, &proposed.id).await.expect("approved");
    server.stop().await;
}

#[tokio::test]
async fn without_the_server_a_csv_is_compared_with_the_catalogue_as_last_read() {
    let server = Server::start().await;
    let (jon, mira, project) = jon_and_mira(&server).await;
    approve(&mira, &edit(&jon, &project, "label", "Moon").await).await.expect("approved");
    jon.library.catalogue(&project, "tracks").await.expect("read");
    server.stop().await;
    let file = jon.folder.path().join("tracks.csv");
    jon.library.export_catalogue(&project, "tracks", Delimiter::Comma, &file).await.expect("of what was last read");
    let csv = std::fs::read_to_string(&file).expect("readable").replace("\"Moon\"", "\"Sun\"");
    std::fs::write(&file, csv).expect("edited");
    let import = jon.library.import_catalogue(&project, "tracks", &file).await.expect("compared");
    assert!(import.is_offline && import.may_propose && import.errors.is_empty(), "{import:?}");
    assert_eq!((import.changes.len(), import.changes[0].to.as_deref()), (1, Some("Sun")));
    assert!(jon.library.import_propose(&import.import, "", "").await.is_err(), "proposing needs the server");
    assert!(jon.library.import_answer(&import.import, &Answers::default()).await.is_ok(), "and nothing is lost by trying");
}

#[tokio::test]
async fn a_complete_file_leaves_the_track_that_a_colleague_added_after_its_export() {
    let server = Server::start().await;
    let (jon, mira, project) = jon_and_mira(&server).await;
    let add = async |title: &str| {
        let cells = vec![CellEdit { row: "new 1".into(), field: "title".into(), to: title.into() }];
        let edits = SheetEdits { cells, added: vec!["new 1".into()], deleted: vec![] };
        jon.library.catalogue(&project, "tracks").await.expect("read");
        let proposed = jon.library.propose_cells(&project, "tracks", title, "", edits).await.expect("proposed");
        approve(&mira, &proposed.id).await.expect("approved");
    };
    for title in ["One", "Two"] {
        add(title).await;
    }
    approve(&mira, &edit(&jon, &project, "bpm", "120").await).await.expect("approved");
    let file = jon.folder.path().join("tracks.csv");
    jon.library.export_catalogue(&project, "tracks", Delimiter::Semicolon, &file).await.expect("written");
    let csv = std::fs::read_to_string(&file).expect("readable");
    assert!(csv.starts_with("\u{feff}\"_id\";\"_rev\";"), "{csv}");
    let untouched = jon.library.import_catalogue(&project, "tracks", &file).await.expect("read");
    let exported = untouched.catalogue.expect("the server said it");
    assert_eq!((untouched.exported_from, untouched.missing, untouched.changes.len()), (Some(exported), 0, 0));
    // Taken out of the file: "One". Meanwhile "Three" comes, and the tempo that the file sets is set by somebody else as well.
    let lines: Vec<&str> = csv.lines().filter(|line| !line.contains("\"One\"")).collect();
    std::fs::write(&file, lines.join("\r\n").replace(";120.00;", ";121.00;")).expect("edited");
    add("Three").await;
    approve(&mira, &edit(&jon, &project, "bpm", "121").await).await.expect("approved");

    let read = jon.library.import_catalogue(&project, "tracks", &file).await.expect("read");
    assert_eq!((read.exported_from, read.catalogue), (Some(exported), Some(exported + 2)));
    assert_eq!((read.missing, read.added_since), (1, 1));
    assert!(read.changes.is_empty() && !read.may_propose, "the tempo is so already: {:?}", read.changes);
    let complete = |confirmed: Option<usize>| Answers { missing_rows: MissingRows::Delete { confirmed }, ..Answers::default() };
    let asked = jon.library.import_answer(&read.import, &complete(None)).await.expect("read again");
    assert_eq!((asked.totals.questions, asked.may_propose), (1, false), "however few go, their number is asked for");
    let told = jon.library.import_answer(&read.import, &complete(Some(1))).await.expect("read again");
    let mut going: Vec<&str> = told.changes.iter().map(|change| change.row_label.as_str()).collect();
    going.dedup();
    assert_eq!((going, told.may_propose), (vec!["One"], true), "{:?}", told.errors);
    let proposed = jon.library.import_propose(&read.import, "", "").await.expect("proposed");
    approve(&mira, &proposed.id).await.expect("approved");
    let left = jon.library.catalogue(&project, "tracks").await.expect("the tracks");
    let mut titles: Vec<&str> = left.rows.iter().map(|row| row.cells["title"].as_str()).collect();
    titles.sort_unstable();
    assert_eq!(titles, ["Night Drive", "Three", "Two"]);
    server.stop().await;
}

#[tokio::test]
async fn a_draft_and_its_answers_outlive_a_restart_and_a_cell_changed_twice_shows_three_values() {
    let server = Server::start().await;
    let (mut jon, mira, project) = jon_and_mira(&server).await;
    approve(&mira, &edit(&jon, &project, "bpm", "120").await).await.expect("approved");
    let file = jon.folder.path().join("tracks.csv");
    jon.library.export_catalogue(&project, "tracks", Delimiter::Comma, &file).await.expect("written");
    let csv = std::fs::read_to_string(&file).expect("readable").replace(",120.00,", ",121.00,");
    std::fs::write(&file, csv).expect("edited");
    approve(&mira, &edit(&jon, &project, "bpm", "122").await).await.expect("approved");
    let read = jon.library.import_catalogue(&project, "tracks", &file).await.expect("read");
    let conflict = &read.conflict_cells[0];
    let three = [&conflict.was, &conflict.proposed, &conflict.now].map(|value| value.as_deref());
    assert_eq!(three, [Some("120.00"), Some("121.00"), Some("122.00")]);
    assert!(jon.library.import_draft(&project, "tracks").await.expect("asked").is_none(), "only what is kept is a draft");
    jon.library.import_keep(&read.import).await.expect("kept");
    let answers = Answers { literal: [(2, "bpm".to_owned())].into_iter().collect(), ..Answers::default() };
    jon.library.import_answer(&read.import, &answers).await.expect("answered");
    std::fs::remove_file(&file).expect("the file is not needed any more");

    jon.restart().await;
    let draft = jon.library.import_draft(&project, "tracks").await.expect("read again").expect("a draft");
    assert_eq!((draft.import.as_str(), draft.file_name.as_str(), draft.may_propose), (read.import.as_str(), "tracks.csv", true));
    assert_eq!(draft.answers, serde_json::to_value(&answers).expect("JSON"));
    assert!(jon.library.import_draft(&project, "splits").await.expect("asked").is_none());
    // Also without the server, against the catalogue as last read; but then nothing is proposed of it.
    server.stop().await;
    jon.restart().await;
    let offline = jon.library.import_draft(&project, "tracks").await.expect("read again").expect("a draft");
    assert!(offline.is_offline && offline.exported_from.is_none(), "{offline:?}");
    assert_eq!(jon.library.import_propose(&offline.import, "", "").await.expect_err("not compared").view().code, "invalid");
    jon.library.import_discard(&offline.import).await.expect("thrown away");
    assert!(jon.library.import_draft(&project, "tracks").await.expect("asked").is_none());
}

#[tokio::test]
async fn splitting_settling_and_taking_back_work_from_the_desktop() {
    let server = Server::start().await;
    let (jon, mira, project) = jon_and_mira(&server).await;
    approve(&mira, &edit(&jon, &project, "label", "Moon").await).await.expect("approved");
    let row = jon.track("Night Drive").await.track.id;
    let both = ["label", "p_line"].map(|field| CellEdit { row: row.clone(), field: field.into(), to: format!("Late {field}") });
    let late = jon.library.propose_cells(&project, "tracks", "Late", "", both.to_vec()).await.expect("proposed");
    approve(&mira, &edit(&jon, &project, "label", "Sun").await).await.expect("approved");

    let shown = mira.library.proposal(&change_set(&late.id)).await.expect("shown");
    assert_eq!(mira.library.inbox().await.expect("an inbox").in_conflict, std::slice::from_ref(&late.id));
    let conflict = &shown.conflicts[0];
    let values = (conflict.was.as_deref(), conflict.proposed.as_deref(), conflict.now.as_deref());
    assert_eq!(values, (Some("Moon"), Some("Late label"), Some("Sun")));
    assert_eq!((conflict.changed_by.as_deref(), conflict.may_type, conflict.may_take), (Some("Jon"), true, true));
    let choice = |choice, value: Option<&str>| {
        vec![ConflictChoice { row: row.clone(), field: "label".into(), choice, value: value.map(str::to_owned) }]
    };
    let (id, digest, head) = (change_set(&late.id), shown.revision_digest.clone(), shown.expected_head.clone());
    let open = mira.library.resolve(&id, &digest, &head, vec![]).await.expect_err("open").view();
    assert_eq!(open.code, "resolution_missing");
    let typed = choice(ChoiceWord::Typed, Some("a\u{7}b"));
    assert_eq!(mira.library.resolve(&id, &digest, &head, typed).await.expect_err("no text").view().code, "invalid");
    mira.library.resolve(&id, &digest, &head, choice(ChoiceWord::Proposed, None)).await.expect("settled");
    let shown = mira.library.proposal(&change_set(&late.id)).await.expect("shown");
    assert_eq!((shown.revision, shown.conflicts.len(), shown.verified), (2, 0, true));

    let keep: Vec<u32> = shown.ops.iter().filter(|op| op.field == "label").map(|op| op.index).collect();
    let parts = mira.library.split(&change_set(&late.id), &shown.revision_digest, keep).await.expect("split");
    approve(&mira, &parts.kept.id).await.expect("approved");
    mira.library
        .reject(
            &change_set(&parts.rest.id),
            &mira.library.proposal(&change_set(&parts.rest.id)).await.expect("shown").revision_digest,
            "not now",
        )
        .await
        .expect("rejected");
    let cells = jon.library.catalogue(&project, "tracks").await.expect("the grid").rows[0].cells.clone();
    assert_eq!((cells.get("label").map(String::as_str), cells.get("p_line")), (Some("Late label"), None));

    let back = jon.library.revert(&change_set(&parts.kept.id), "after all not", true).await.expect("proposed");
    assert!(back.left.is_empty());
    approve(&mira, &back.proposal.id).await.expect("approved");
    let cells = jon.library.catalogue(&project, "tracks").await.expect("the grid").rows[0].cells.clone();
    assert_eq!(cells.get("label").map(String::as_str), Some("Sun"));
    server.stop().await;
}

#[tokio::test]
async fn a_proposal_whose_stored_bytes_were_swapped_is_not_shown() {
    let server = Server::start().await;
    let (jon, mira, project) = jon_and_mira(&server).await;
    let id = edit(&jon, &project, "label", "Moon").await;
    mira.library.proposal(&change_set(&id)).await.expect("shown while it is true");
    // Whoever runs the database swaps the bytes under the digest that everybody approves.
    for statement in [
        "alter table change_set_revision disable trigger change_set_revision_is_written_once",
        "update change_set_revision set bytes = convert_to(replace(convert_from(bytes, 'UTF8'), 'Moon', 'Mine'), 'UTF8')",
    ] {
        sqlx::query(statement).execute(server.database()).await.expect("tampered");
    }
    let refused = mira.library.proposal(&change_set(&id)).await.expect_err("other bytes than those that were proposed");
    assert!(refused.view().message.len() > 20, "{refused:?}");
    server.stop().await;
}

#[tokio::test]
async fn comments_written_offline_arrive_in_order_and_settle_everywhere() {
    let server = Server::start().await;
    let (jon, mira, _) = jon_and_mira(&server).await;
    let version = jon.version("Night Drive", 1).await;
    let id = VersionId::parse(&version.id).expect("an id");
    let track = TrackId::parse(&jon.track("Night Drive").await.track.id).expect("an id");
    assert!(jon.library.add_comment(&id, 5, Some(5), "x", None).await.is_err(), "a range has a length");
    let first = jon.library.add_comment(&id, 500, Some(900), "Too loud here", None).await.expect("written");
    let first_id = CommentId::parse(&first.id).expect("an id");
    jon.library.add_comment(&id, 500, None, "By two dB", Some(&first_id)).await.expect("answered");
    assert!(!first.is_sent);
    jon.sync().await;
    mira.sync().await;
    let there = mira.library.comments(&track).await.expect("comments");
    let told: Vec<_> = there.iter().map(|comment| (comment.text.as_str(), comment.author.as_str(), comment.is_sent)).collect();
    assert_eq!(told, [("Too loud here", "Jon", true), ("By two dB", "Jon", true)]);
    assert_eq!(there[1].reply_to.as_deref(), Some(first.id.as_str()));

    let proposal = jon.library.propose_version(&id, "").await.expect("proposed");
    mira.library.add_heard(&id, 0, 600, false).await.expect("heard");
    mira.library.add_heard(&id, 500, 800, true).await.expect("heard");
    let shown = mira.library.proposal(&change_set(&proposal.id)).await.expect("shown");
    assert_eq!(shown.versions[0].open_comments.len(), 1);
    assert_eq!(
        (shown.versions[0].heard.duration_ms, shown.versions[0].heard.heard_ms, shown.versions[0].heard.preview_ms),
        (1_000, 800, 200)
    );

    mira.library.settle_comment(&first_id, true).await.expect("settled");
    mira.sync().await;
    jon.sync().await;
    let settled = &jon.library.comments(&track).await.expect("comments")[0];
    assert_eq!((settled.resolved, settled.resolved_by.as_deref()), (true, Some("Mira")));
    let shown = mira.library.proposal(&change_set(&proposal.id)).await.expect("shown");
    assert!(shown.versions[0].open_comments.is_empty());
    server.stop().await;
}

#[tokio::test]
async fn what_a_label_looks_for_before_a_release_is_found_with_unproposed_edits() {
    let server = Server::start().await;
    let (jon, mira, project) = jon_and_mira(&server).await;
    approve(&mira, &edit(&jon, &project, "main_artist", "Ada Osei").await).await.expect("approved");
    let drive = jon.track("Night Drive").await.track.id;
    jon.library.catalogue(&project, "tracks").await.expect("read");
    let none = || SheetEdits::default();
    let shares = jon.library.shares(&project, none()).await.expect("looked").expect("a rule");
    assert_eq!((shares.uneven.len(), shares.without), (0, vec![drive.clone()]));
    let cell = |row: &str, field: &str, to: &str| CellEdit { row: row.into(), field: field.into(), to: to.into() };
    let half = SheetEdits {
        cells: vec![
            cell("new 1", "track", &drive),
            cell("new 1", "right", "composition"),
            cell("new 1", "party", "ada osei"),
            cell("new 1", "share", "50"),
        ],
        added: vec!["new 1".into()],
        deleted: vec![],
    };
    let shares = jon.library.shares(&project, half).await.expect("looked").expect("a rule");
    assert!(shares.without.is_empty() && shares.uneven[&drive].contains("“Night Drive”"), "{shares:?}");
    assert!(shares.uneven[&drive].contains("50.00 instead of 100.00"), "{shares:?}");
    let filled = SheetEdits { cells: vec![cell(&drive, "isrc", "USS1Z9900001")], ..none() };
    let gaps = jon.library.not_ready(&project, "tracks", filled).await.expect("looked");
    let gaps: Vec<(&str, Vec<&str>)> =
        gaps.iter().map(|gap| (gap.label.as_str(), gap.missing.iter().map(|(name, _)| name.as_str()).collect())).collect();
    assert_eq!(gaps, [("Night Drive", vec!["composers"])], "the ISRC that is typed but not proposed counts");

    let edits = SheetEdits {
        cells: vec![cell("new 1", "title", "Coda"), cell("new 1", "main_artist", "ada osei"), cell(&drive, "composers", "Ben|Ada Oséi")],
        added: vec!["new 1".into()],
        deleted: vec![],
    };
    let groups = jon.library.spellings(&project, "tracks", edits.clone()).await.expect("looked");
    let [group] = groups.as_slice() else { panic!("{groups:?}") };
    let names: Vec<String> = group.iter().map(|spelling| spelling.text.clone()).collect();
    assert_eq!(names.len(), 3, "{names:?}");
    let respelt = jon.library.respell(&project, "tracks", edits, names, "Ada Osei".into()).await.expect("respelt");
    let respelt: Vec<(&str, &str, &str)> = respelt.iter().map(|cell| (&*cell.row, &*cell.field, &*cell.to)).collect();
    assert_eq!(respelt, [(&*drive, "composers", "Ben|Ada Osei"), ("new 1", "main_artist", "Ada Osei")]);
    server.stop().await;
}
