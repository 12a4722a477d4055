//! The catalogue and its CSV round trip.

use collabtrack_domain::id::ChangeSetId;
use collabtrack_domain::role::Role;
use collabtrack_protocol::approval::{Approved, AuditPage, SplitUp};
use collabtrack_protocol::catalogue::ImportAnswer;
use collabtrack_protocol::problem::ErrorCode;
use data_encoding::BASE64;
use reqwest::Method;
use serde_json::{Value, json};

use crate::support::person::send;
use crate::support::proposals::{Studio, add_track, approve, catalogue, detail, propose, studio};
use crate::support::{Answer, Person, Server, music};

async fn csv(person: &Person, project: &collabtrack_domain::id::ProjectId) -> String {
    let answer = person.get(&format!("/projects/{project}/catalogue.csv?table=tracks")).await;
    assert_eq!(answer.status.as_u16(), 200, "{}", answer.text());
    assert_eq!(answer.headers["content-type"], "text/csv; charset=utf-8");
    answer.text()
}

async fn import(person: &Person, project: &collabtrack_domain::id::ProjectId, query: &str, body: impl Into<reqwest::Body>) -> Answer {
    let request = person.request(Method::POST, &format!("/projects/{project}/imports?{query}"));
    send(request.header("content-type", "text/csv").body(body)).await
}

/// The line of a row with `delete` in its third cell, which is empty.
fn mark_deleted(line: &str) -> String {
    let mut cells: Vec<&str> = line.split(',').collect();
    assert!(matches!(cells[2], "" | "\"\""), "{line}");
    cells[2] = "\"delete\"";
    cells.join(",")
}

async fn catalogue_unless(person: &Person, project: &collabtrack_domain::id::ProjectId, tag: &str) -> Answer {
    send(person.request(Method::GET, &format!("/projects/{project}/catalogue")).header("if-none-match", tag)).await
}

#[tokio::test]
async fn a_catalogue_is_not_sent_again_until_its_state_its_reader_or_what_is_outside_of_it_changes() {
    let server = Server::start().await;
    let ann = server.person("Ann").await;
    let project = ann.project("EP").await;
    let ben = ann.add_member(&project, "Ben", Role::Member).await;
    let tag_of = |answer: &Answer| answer.headers["etag"].to_str().expect("a tag").to_owned();
    let added = propose(&ann, &project, &[add_track("Night Drive")]).await;
    approve(&ann, &added).await.ok::<Approved>();
    let first = ann.get(&format!("/projects/{project}/catalogue")).await;
    let tag = tag_of(&first);
    let same = catalogue_unless(&ann, &project, &tag).await;
    assert_eq!((same.status.as_u16(), same.text().as_str()), (304, ""));
    assert_eq!(catalogue_unless(&ann, &project, "W/\"0\"").await.status.as_u16(), 200);
    // Another role may read other columns; a stranger learns nothing at all.
    assert_eq!(catalogue_unless(&ben, &project, &tag).await.status.as_u16(), 200);
    assert_eq!(catalogue_unless(&server.person("Eve").await, &project, &tag).await.status.as_u16(), 404);

    ann.bounce(&project, &music::claim("Rain"), &music::bytes(1, 1_000)).await;
    let outside = catalogue_unless(&ann, &project, &tag).await;
    assert_eq!(outside.status.as_u16(), 200, "a track waits outside");
    let more = propose(&ann, &project, &[add_track("Sun")]).await;
    approve(&ann, &more).await.ok::<Approved>();
    let after = catalogue_unless(&ann, &project, &tag_of(&outside)).await;
    assert_eq!(after.status.as_u16(), 200);
    assert_eq!(catalogue_unless(&ann, &project, &tag_of(&after)).await.status.as_u16(), 304);
}

#[tokio::test]
async fn a_csv_edited_in_a_spreadsheet_becomes_a_draft_of_exactly_those_edits() {
    let server = Server::start().await;
    let ann = server.person("Ann").await;
    let project = ann.project("EP").await;
    let added = propose(&ann, &project, &[add_track("Night Drive"), add_track("Rain"), add_track("Sun")]).await;
    approve(&ann, &added).await.ok::<Approved>();
    let text = csv(&ann, &project).await;
    assert!(text.starts_with("\u{feff}\"_id\",\"_rev\",\"_action\","));

    let untouched: ImportAnswer = import(&ann, &project, "table=tracks&mode=draft", text.clone()).await.ok();
    assert_eq!(untouched.report["ops"], serde_json::json!([]));
    assert_eq!(untouched.change_set, None);

    let (edited, rows) = (text.replace("\"Rain\"", "\"Rain Song\""), catalogue(&ann, &project).await.rows);
    let edited: String =
        edited.lines().map(|line| if line.contains("\"Sun\"") { mark_deleted(line) } else { line.to_owned() } + "\r\n").collect();
    let preview: ImportAnswer = import(&ann, &project, "table=tracks&mode=preview", edited.clone()).await.ok();
    assert_eq!(preview.change_set, None);
    let report = &preview.report;
    assert_eq!(report["errors"], serde_json::json!([]), "{report:#}");
    let draft: ImportAnswer = import(&ann, &project, "table=tracks&mode=draft", edited).await.ok();
    assert_eq!(draft.report["changed"], report["changed"]);
    let id = draft.change_set.expect("a draft").parse().expect("an id");
    let shown = detail(&ann, &id).await;
    assert_eq!(shown.effect.len(), 2, "{:?}", shown.effect);
    assert_eq!(catalogue(&ann, &project).await.rows, rows, "nothing changes before the approval");
    ann.act(&format!("/change-sets/{id}/submit")).await.ok::<Value>();
    approve(&ann, &id).await.ok::<Approved>();
    let titles: Vec<Value> = catalogue(&ann, &project).await.rows.into_iter().map(|row| row.cells["title"].clone()).collect();
    assert_eq!(titles, ["Night Drive", "Rain Song"]);
    // The file from before: its base is still known, so only what it says beyond the catalogue of now is an edit.
    let stale: ImportAnswer = import(&ann, &project, "table=tracks&mode=preview", text).await.ok();
    assert_eq!(stale.report["changed"], serde_json::json!([]), "{:#}", stale.report);
    server.stop().await;
}

#[tokio::test]
async fn columns_a_role_may_not_read_are_absent_from_its_csv() {
    let server = Server::start().await;
    let ann = server.person("Ann").await;
    let project = ann.project("EP").await;
    let mel = ann.add_member(&project, "Mel", Role::Member).await;
    assert!(csv(&ann, &project).await.contains("\"writer_notes\""));
    assert!(!csv(&mel, &project).await.contains("writer_notes"));
    let semicolons = ann.get(&format!("/projects/{project}/catalogue.csv?table=splits&delimiter=semicolon")).await;
    assert!(semicolons.text().contains("\"_id\";\"_rev\";"));
    assert_eq!(semicolons.headers["content-disposition"], "attachment; filename=\"splits.csv\"");
    ann.get(&format!("/projects/{project}/catalogue.csv?table=people")).await.problem(422, ErrorCode::Invalid);
    ann.get(&format!("/projects/{project}/catalogue.csv?delimiter=tab")).await.problem(422, ErrorCode::Invalid);
    server.stop().await;
}

#[tokio::test]
async fn a_file_that_cannot_be_read_is_a_report_with_errors_and_leaves_no_trace() {
    let server = Server::start().await;
    let ann = server.person("Ann").await;
    let project = ann.project("EP").await;
    let gzip: Vec<u8> = vec![0x1f, 0x8b, 8, 0, 0, 0, 0, 0];
    for body in
        [Vec::new(), gzip, b"\"title\"\r\n\"open".to_vec(), b"title,title\r\nA,B\r\n".to_vec(), b"_id,title\r\nnot-an-id,A\r\n".to_vec()]
    {
        let answer: ImportAnswer = import(&ann, &project, "mode=draft", body.clone()).await.ok();
        let errors = answer.report["errors"].as_array().expect("errors");
        assert!(!errors.is_empty(), "{:?} {:#}", String::from_utf8_lossy(&body), answer.report);
        assert_eq!(answer.change_set, None);
    }
    let path = format!("/projects/{project}/imports");
    let csv = BASE64.encode(b"title\r\nA\r\n");
    for (body, status, code) in [
        (json!({"csv": csv, "answers": {"x": 1}}), 400, ErrorCode::BadRequest),
        (json!({"csv": csv, "answerz": {}}), 400, ErrorCode::BadRequest),
        (json!({"csv": "no base64!"}), 422, ErrorCode::Invalid),
    ] {
        ann.post(&path, &body).await.problem(status, code);
    }
    import(&ann, &project, "mode=write", "title\r\nA\r\n").await.problem(422, ErrorCode::Invalid);
    let sets: i64 = sqlx::query_scalar("select count(*) from change_set").fetch_one(server.database()).await.expect("counted");
    assert_eq!(sets, 0);
    server.stop().await;
}

#[tokio::test]
async fn answers_travel_in_the_body_however_many_there_are_and_the_log_tells_of_export_and_import() {
    let server = Server::start().await;
    let ann = server.person("Ann").await;
    let project = ann.project("EP").await;
    approve(&ann, &propose(&ann, &project, &[add_track("Night Drive")]).await).await.ok::<Approved>();
    csv(&ann, &project).await;
    let file = "title,bpm,Stimmung\r\nRain,120,x\r\n";
    // More answers than any address could hold.
    let literal: Vec<Value> = (0..50_000).map(|line| json!([line, "title"])).collect();
    let body = json!({"csv": BASE64.encode(file.as_bytes()), "file_name": "spring.csv", "answers": {"literal": literal, "columns": {"Stimmung": {"use": "ignore"}}}});
    assert!(body.to_string().len() > 500_000);
    let draft: ImportAnswer = ann.post(&format!("/projects/{project}/imports?mode=draft"), &body).await.ok();
    assert_eq!(draft.report["errors"], json!([]), "{:#}", draft.report);
    let id = draft.change_set.expect("a draft");
    let log: AuditPage = ann.get(&format!("/projects/{project}/audit")).await.ok();
    let entry =
        |action: &str| log.entries.iter().find(|entry| entry.entry.contains(action)).unwrap_or_else(|| panic!("{action} is logged"));
    let exported = entry("catalogue.export").detail.clone().expect("a detail");
    assert_eq!((&exported["table"], &exported["catalogue_number"]), (&json!("tracks"), &json!(1)));
    let imported = entry("catalogue.import");
    let detail = imported.detail.clone().expect("a detail");
    assert_eq!((&detail["file_name"], &detail["operations"]), (&json!("spring.csv"), &json!(1)));
    assert_eq!(detail["sha256"], json!(collabtrack_domain::hash::ObjectHash::of(file.as_bytes())));
    assert!(imported.entry.contains(&id), "it names the proposal that came of it");
    server.stop().await;
}

#[tokio::test]
async fn a_new_column_is_a_change_of_json_alone() {
    let server = Server::start().await;
    let ann = server.person("Ann").await;
    let project = ann.project("EP").await;
    approve(&ann, &propose(&ann, &project, &[add_track("Night Drive")]).await).await.ok::<Approved>();
    let mut document: Value = ann.get(&format!("/projects/{project}/schema")).await.ok();
    let from = collabtrack_domain::catalogue::schema::Schema::from_value(&document).expect("a schema").hash();
    document["tables"]["tracks"]["fields"].as_array_mut().expect("fields").push(serde_json::json!({"name": "mastered_by", "type": "text"}));
    let change = collabtrack_domain::change_set::op::Op::SchemaChange { from, to: document };
    approve(&ann, &propose(&ann, &project, &[change]).await).await.ok::<Approved>();
    let text = csv(&ann, &project).await;
    assert!(text.lines().next().expect("a header").ends_with("\"mastered_by\""), "{text}");
    let filled: String = text
        .lines()
        .enumerate()
        .map(|(n, line)| if n == 1 { format!("{}\"Kim\"\r\n", line.trim_end_matches("\"\"")) } else { format!("{line}\r\n") })
        .collect();
    let draft: ImportAnswer = import(&ann, &project, "mode=draft", filled).await.ok();
    let id = draft.change_set.unwrap_or_else(|| panic!("a draft: {:#}", draft.report)).parse().expect("an id");
    ann.act(&format!("/change-sets/{id}/submit")).await.ok::<Value>();
    approve(&ann, &id).await.ok::<Approved>();
    assert_eq!(catalogue(&ann, &project).await.rows[0].cells["mastered_by"], "Kim");
    server.stop().await;
}

#[tokio::test]
async fn a_file_that_does_not_say_what_it_was_made_from_is_told_on_the_proposal_and_on_its_parts() {
    let Studio { server, owner, member, project } = studio().await;
    let added = propose(&owner, &project, &[add_track("Night Drive"), add_track("Rain")]).await;
    approve(&owner, &added).await.ok::<Approved>();
    let rows = catalogue(&owner, &project).await.rows;
    let new = import(&member, &project, "table=tracks&mode=draft", "title\r\nSun\r\n").await.ok::<ImportAnswer>();
    let new = new.change_set.expect("a draft").parse().expect("an id");
    assert_eq!(detail(&member, &new).await.rows_without_base, 0, "a new row overwrites nothing");

    let file = format!("_id,title\r\n{},Night Drive (Edit)\r\n{},Rain (Edit)\r\n", rows[0].id, rows[1].id);
    let draft: ImportAnswer = import(&member, &project, "table=tracks&mode=draft", file).await.ok();
    let id: ChangeSetId = draft.change_set.expect("a draft").parse().expect("an id");
    member.act(&format!("/change-sets/{id}/submit")).await.ok::<Value>();
    let shown = detail(&owner, &id).await;
    assert_eq!((shown.rows_without_base, shown.effect.len()), (2, 2));
    let split = json!({"revision_digest": shown.revision_digest, "keep": [0]});
    let parts: SplitUp = owner.post(&format!("/change-sets/{id}/split"), &split).await.ok();
    for part in [parts.kept.id, parts.rest.id] {
        assert_eq!(detail(&owner, &part).await.rows_without_base, 2, "the part is from the same file");
    }
    let page: AuditPage = owner.get(&format!("/projects/{project}/audit")).await.ok();
    let counts: Vec<Value> = page.entries.iter().filter_map(|entry| entry.detail.as_ref()?.get("rows_without_base").cloned()).collect();
    assert_eq!(counts, [0, 2]);
    server.stop().await;
}
