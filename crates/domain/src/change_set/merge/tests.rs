//! The published table of the merge, row by row, and what follows from it for rows, versions and columns.

use std::collections::HashSet;

use serde_json::json;

use super::*;
use crate::catalogue::cells::Cells;
use crate::catalogue::row::ApprovedVersion;
use crate::catalogue::samples::{band, catalogue, cells, row, salt, schema_of, split, text, track};
use crate::catalogue::schema::{Schema, default_schema};
use crate::catalogue::validate::RuleCode;
use crate::change_set::diff;
use crate::change_set::op::VersionRef;
use crate::id::VersionId;

fn hash(text: &str) -> ObjectHash {
    ObjectHash::of(text.as_bytes())
}

/// Merges operations made on `base` with `current`.
fn merged(base: &Catalogue, current: &Catalogue, ops: &[Op]) -> MergeOutcome {
    let added: HashSet<RowId> = current.rows().iter().map(|row| row.id().clone()).filter(|id| base.row(id).is_none()).collect();
    let bases = Bases::new(base.rows().iter().cloned());
    let moved = base.state() != current.state();
    let input = MergeInput {
        current,
        head: hash(if moved { "after" } else { "before" }),
        base_head: hash("before"),
        schema: base.schema().hash(),
        base_schema: Some(base.schema()),
        bases: &bases,
        added_since_base: &added,
        ops,
    };
    merge(&input).expect("the operations say what the base says")
}

fn with(catalogue: &Catalogue, id: &RowId, field: &str, value: Option<CellValue>) -> Catalogue {
    changed(catalogue, id, |content| content.cells.set(field, value))
}

fn changed(catalogue: &Catalogue, id: &RowId, change: impl FnOnce(&mut RowContent)) -> Catalogue {
    let mut content = catalogue.row(id).expect("a row").content().clone();
    change(&mut content);
    let mut number = 1_000 + content.cells.len();
    catalogue.with(&Changes { upserts: vec![content], ..Changes::default() }, || {
        number += 1;
        salt(number)
    })
}

fn without(catalogue: &Catalogue, id: &RowId) -> Catalogue {
    catalogue.with(&Changes { deleted: vec![id.clone()], ..Changes::default() }, || salt(0))
}

fn set(base: &Catalogue, id: &RowId, field: &str, to: Option<CellValue>) -> Op {
    let row = base.row(id).expect("a row");
    Op::set(id, row.rev(), field, row.cells().get(field).cloned(), to)
}

#[test]
fn the_table_of_the_merge_is_the_specification() {
    let base = catalogue(vec![row(&track(1), json!({"title": "A", "genres": ["Pop"]}))]);
    let id = track(1);
    let b = text("B");
    let title = |value: &str| with(&base, &id, "title", text(value));
    let artist = || with(&base, &id, "main_artist", text("X"));
    let delete = || diff::deletion(base.row(&id).expect("a row"));
    let added = |id: &RowId, title: &str| Op::add(id, cells(json!({"title": title, "isrc": "USS1Z9900001"})));
    let has_added = |title: &str| {
        base.with(
            &Changes {
                upserts: vec![RowContent::new(track(7), cells(json!({"title": title, "isrc": "USS1Z9900001"})))],
                ..Changes::default()
            },
            || salt(5),
        )
    };
    let columns = |fields: serde_json::Value| Catalogue::new(schema_of(fields), base.rows().to_vec()).expect("no id twice");

    // (row of the table, current catalogue, operation, result, kind of conflict, title afterwards)
    type Case<'a> = (&'a str, Catalogue, Op, OpResult, Option<ConflictKind>, Option<&'a str>);
    let cases: Vec<Case<'_>> = vec![
        ("A A A: keep", base.clone(), set(&base, &id, "title", text("A")), OpResult::Keeps, None, Some("A")),
        ("A A C: keep C", title("C"), set(&base, &id, "title", text("A")), OpResult::Keeps, None, Some("C")),
        ("A B A: B", base.clone(), set(&base, &id, "title", b.clone()), OpResult::Applies, None, Some("B")),
        ("A B B: already so", title("B"), set(&base, &id, "title", b.clone()), OpResult::AlreadySo, None, Some("B")),
        ("A B C: conflict", title("C"), set(&base, &id, "title", b.clone()), OpResult::Conflict, Some(ConflictKind::Cell), Some("C")),
        ("another cell moved: B", artist(), set(&base, &id, "title", b.clone()), OpResult::Applies, None, Some("B")),
        ("A – A: cleared", base.clone(), set(&base, &id, "genres", None), OpResult::Applies, None, Some("A")),
        ("A – –: already so", with(&base, &id, "genres", None), set(&base, &id, "genres", None), OpResult::AlreadySo, None, Some("A")),
        ("row deleted, unchanged: delete", base.clone(), delete(), OpResult::Applies, None, None),
        ("row deleted, edited: conflict", artist(), delete(), OpResult::Conflict, Some(ConflictKind::DeletedButEdited), Some("A")),
        (
            "row edited, deleted: conflict",
            without(&base, &id),
            set(&base, &id, "title", b.clone()),
            OpResult::Conflict,
            Some(ConflictKind::EditedButDeleted),
            None,
        ),
        ("row deleted, deleted: already so", without(&base, &id), delete(), OpResult::AlreadySo, None, None),
        (
            "added under a key added meanwhile, equal: already so",
            has_added("K"),
            added(&track(8), "K"),
            OpResult::AlreadySo,
            None,
            Some("A"),
        ),
        (
            "added under a key added meanwhile, different: conflict",
            has_added("K"),
            added(&track(8), "L"),
            OpResult::Conflict,
            Some(ConflictKind::Duplicate),
            Some("A"),
        ),
        (
            "added with an id added meanwhile, different: conflict",
            has_added("K"),
            added(&track(7), "L"),
            OpResult::Conflict,
            Some(ConflictKind::Duplicate),
            Some("A"),
        ),
        (
            "column removed: schema conflict",
            columns(json!([{"name": "isrc", "type": "text"}])),
            set(&base, &id, "title", b.clone()),
            OpResult::SchemaConflict,
            Some(ConflictKind::Schema),
            Some("A"),
        ),
        (
            "column retyped: schema conflict",
            columns(json!([{"name": "title", "type": "longtext"}])),
            set(&base, &id, "title", b.clone()),
            OpResult::SchemaConflict,
            Some(ConflictKind::Schema),
            Some("A"),
        ),
        (
            "column renamed: taken under its new name",
            columns(json!([{"name": "song", "renamed_from": "title", "type": "text"}])),
            set(&base, &id, "title", b),
            OpResult::Conflict,
            Some(ConflictKind::Cell),
            Some("A"),
        ),
    ];
    for (name, current, op, result, kind, title) in cases {
        if name.starts_with("column renamed") {
            // The rename moved the cell; the operation still means it.
            let renamed = changed(&current, &id, |content| content.cells = cells(json!({"song": "A"})));
            let outcome = merged(&base, &renamed, &[op]);
            assert_eq!(outcome.results, [OpResult::Applies], "{name}");
            assert_eq!((outcome.effect[0].field.as_str(), &outcome.effect[0].to), ("song", &json!("B")), "{name}");
            continue;
        }
        let outcome = merged(&base, &current, std::slice::from_ref(&op));
        assert_eq!(outcome.results, [result], "{name}");
        assert_eq!(outcome.conflicts.first().map(|conflict| conflict.kind), kind, "{name}");
        let after = current.with(&outcome.changes, || salt(99));
        assert_eq!(after.row(&id).and_then(|row| row.cells().text("title")), title, "{name}");
        assert_eq!(outcome.effect.is_empty(), result != OpResult::Applies, "{name}");
        let expected = match result {
            OpResult::Conflict => Mergeability::Conflict,
            OpResult::SchemaConflict => Mergeability::SchemaMoved,
            _ if base.state() == current.state() => Mergeability::Clean,
            _ => Mergeability::StaleClean,
        };
        assert_eq!(outcome.mergeability, expected, "{name}");
    }
}

#[test]
fn the_approved_version_is_merged_like_a_cell() {
    let version = |number: u8| ApprovedVersion {
        number: i64::from(number),
        sha256: ObjectHash::of(&[number]),
        version: VersionId::from_random([number; 17]),
    };
    let id = track(1);
    let base = band();
    let approving = |seen: &Catalogue, number: u8| {
        let row = seen.row(&id).expect("a row");
        let approved = version(number);
        Op::VersionApprove {
            track: id.track().expect("a track"),
            rev: Some(row.rev()),
            version: approved.version,
            number: approved.number,
            sha256: approved.sha256,
            duration_ms: Some(1_000 * i64::from(number)),
            from: row.approved().map(VersionRef::from),
        }
    };
    let has = |number: u8| changed(&base, &id, |content| content.approved = Some(version(number)));

    let first = merged(&base, &base, &[approving(&base, 1)]);
    assert_eq!(first.mergeability, Mergeability::Clean);
    let fields: Vec<&str> = first.effect.iter().map(|item| item.field.as_str()).collect();
    assert_eq!(fields, ["_approved", "duration"], "the length follows the approved version");
    assert_eq!(first.effect[1].to, json!(1_000));

    assert_eq!(merged(&base, &has(1), &[approving(&base, 1)]).results, [OpResult::AlreadySo]);
    let both = merged(&base, &has(2), &[approving(&base, 1)]);
    assert_eq!((both.mergeability, both.conflicts[0].field.as_str()), (Mergeability::Conflict, "_approved"));

    let retire = |seen: &Catalogue, number: u8| Op::VersionRetire {
        track: id.track().expect("a track"),
        rev: seen.row(&id).expect("a row").rev(),
        version: version(number).version,
        sha256: version(number).sha256,
        reason: "wrong take".into(),
    };
    let two = has(2);
    let retired = merged(&two, &two, &[retire(&two, 2)]);
    assert_eq!(retired.mergeability, Mergeability::Clean);
    assert_eq!(retired.effect[0].to, json!(null), "the track has no approved version any more");
    assert_eq!(merged(&base, &two, &[retire(&base, 2)]).mergeability, Mergeability::Conflict, "it was approved since");
    assert_eq!(merged(&base, &two, &[retire(&base, 1)]).mergeability, Mergeability::StaleClean, "another version stays approved");

    let replaced = merged(&two, &two, &[retire(&two, 2), approving(&two, 3)]);
    assert_eq!(replaced.mergeability, Mergeability::Clean);
    let after = two.with(&replaced.changes, || salt(3));
    assert_eq!(after.row(&id).and_then(|row| row.approved()).map(|approved| approved.number), Some(3));

    let gone = changed(&base, &id, |content| content.retired = vec![version(1).version]);
    let refused = merged(&base, &gone, &[approving(&base, 1)]);
    assert_eq!((refused.mergeability, refused.problems[0].code), (Mergeability::InvalidAfterMerge, RuleCode::ApprovedIsRetired));
    let contradiction = merged(&base, &base, &[retire(&base, 1), approving(&base, 1)]);
    assert_eq!(contradiction.mergeability, Mergeability::InvalidAfterMerge, "one set cannot approve what it retires");
}

#[test]
fn a_new_track_comes_with_its_approved_version_and_its_splits() {
    let base = band();
    let id = track(9);
    let share = |number: u8, share: &str| {
        Op::add(&split(number), cells(json!({"track": id.as_str(), "right": "recording", "party": format!("P{number}"), "share": share})))
    };
    let approve = Op::VersionApprove {
        track: id.track().expect("a track"),
        rev: None,
        version: VersionId::from_random([1; 17]),
        number: 1,
        sha256: hash("mix"),
        duration_ms: Some(5),
        from: None,
    };
    let ops = [approve, share(8, "33.34"), share(9, "66.66"), Op::add(&id, cells(json!({"title": "New"})))];
    let outcome = merged(&base, &base, &ops);
    assert_eq!((outcome.mergeability, outcome.problems.len()), (Mergeability::Clean, 0), "{:?}", outcome.problems);
    let after = base.with(&outcome.changes, || salt(3));
    assert_eq!(after.row(&id).and_then(|row| row.approved()).map(|approved| approved.number), Some(1));
    let uneven = merged(&base, &base, &[share(8, "33.33"), share(9, "66.66"), Op::add(&id, cells(json!({"title": "New"})))]);
    assert_eq!((uneven.mergeability, uneven.problems[0].code), (Mergeability::InvalidAfterMerge, RuleCode::Sum));
    assert!(
        uneven.problems[0].message.contains("99.99") && uneven.problems[0].message.contains("0.01 missing"),
        "{}",
        uneven.problems[0].message
    );
}

#[test]
fn rules_are_judged_on_the_final_state_and_never_one_by_one() {
    let base = band();
    // Two tracks swap their codes: neither step alone would be unique.
    let swap = [set(&base, &track(1), "isrc", text("USS1Z9900002")), set(&base, &track(3), "isrc", text("USS1Z9900001"))];
    assert_eq!(merged(&base, &base, &swap).mergeability, Mergeability::Clean);
    let twin = merged(&base, &base, &swap[..1]);
    assert_eq!((twin.mergeability, twin.problems[0].code), (Mergeability::InvalidAfterMerge, RuleCode::Unique));
    // Two clean edits can make an invalid sum.
    let moved = with(&with(&base, &split(1), "share", text("40.00")), &split(2), "share", text("60.00"));
    let other = merged(&base, &moved, &[set(&base, &split(1), "party", text("Ada L."))]);
    assert_eq!(other.mergeability, Mergeability::StaleClean);
    let sum = merged(&base, &base, &[set(&base, &split(1), "share", text("50.01"))]);
    assert_eq!((sum.mergeability, sum.problems[0].code), (Mergeability::InvalidAfterMerge, RuleCode::Sum));
    let orphan = merged(&base, &base, &[diff::deletion(base.row(&track(1)).expect("a row"))]);
    assert!(
        orphan.problems.iter().all(|problem| problem.code == RuleCode::Reference) && orphan.problems.len() == 2,
        "{:?}",
        orphan.problems
    );
    let whole: Vec<Op> = [track(1), split(1), split(2)].iter().map(|id| diff::deletion(base.row(id).expect("a row"))).collect();
    assert_eq!(merged(&base, &base, &whole).mergeability, Mergeability::Clean);
    let empty = merged(&base, &base, &[set(&base, &track(1), "title", None)]);
    assert_eq!((empty.mergeability, empty.problems[0].code), (Mergeability::InvalidAfterMerge, RuleCode::Required));
    let value = merged(&base, &base, &[set(&base, &track(1), "bpm", text("1000.00"))]);
    assert_eq!((value.mergeability, value.problems[0].code), (Mergeability::InvalidAfterMerge, RuleCode::Value));
}

#[test]
fn a_before_that_was_not_so_is_refused() {
    let base = band();
    let row = base.row(&track(1)).expect("a row");
    let input = |ops: &[Op]| {
        let (bases, added) = (Bases::none(), HashSet::new());
        merge(&MergeInput {
            current: &base,
            head: hash("h"),
            base_head: hash("h"),
            schema: base.schema().hash(),
            base_schema: None,
            bases: &bases,
            added_since_base: &added,
            ops,
        })
        .map(|outcome| outcome.mergeability)
        .map_err(|mismatch| mismatch.field)
    };
    let lie = Op::set(row.id(), row.rev(), "title", text("Day Drive"), text("B"));
    assert_eq!(input(&[lie]), Err("title".into()));
    let unknown = Op::set(row.id(), Row::seal(row.content().clone(), salt(77)).rev(), "title", text("Night Drive"), text("B"));
    assert_eq!(input(&[unknown]), Err("_row".into()));
    let mut partial = row.cells().clone();
    partial.remove("writer_notes");
    let hidden = |cells: Cells| Op::delete(row.id(), row.rev(), crate::change_set::op::DeletedRow { approved: None, cells });
    assert!(input(&[hidden(partial.clone())]).is_ok(), "a column not everybody reads may be missing");
    partial.remove("title");
    assert_eq!(input(&[hidden(partial)]), Err("title".into()));
}

#[test]
fn new_columns_come_with_what_they_do_to_the_rows() {
    let base = band();
    let change = |edit: &dyn Fn(&mut serde_json::Value)| {
        let mut document = base.schema().to_value();
        edit(&mut document);
        merged(&base, &base, &[Op::SchemaChange { from: base.schema().hash(), to: document }])
    };
    let field = |document: &mut serde_json::Value, name: &str, key: &str, value: serde_json::Value| {
        let fields = document["tables"]["tracks"]["fields"].as_array_mut().expect("fields");
        let field = fields.iter_mut().find(|field| field["name"] == name).expect("a field");
        field[key] = value;
    };
    let added = change(&|document| {
        document["tables"]["tracks"]["fields"].as_array_mut().expect("fields").push(json!({"name": "mood", "type": "text"}))
    });
    assert_eq!((added.mergeability, added.effect.len(), added.effect[0].field.as_str()), (Mergeability::Clean, 1, "_schema"));

    let narrowed = change(&|document| field(document, "explicit", "choices", json!(["explicit", "clean"])));
    assert_eq!(narrowed.mergeability, Mergeability::InvalidAfterMerge, "a used word cannot go");
    assert_eq!((narrowed.problems[0].rows.as_slice(), narrowed.problems[0].field.as_deref()), ([track(1)].as_slice(), Some("explicit")));

    let finer = change(&|document| {
        field(document, "bpm", "scale", json!(3));
        field(document, "bpm", "min", json!("1.000"));
        field(document, "bpm", "max", json!("999.990"));
    });
    assert_eq!(finer.mergeability, Mergeability::Clean, "{:?}", finer.problems);
    assert!(finer.effect.iter().any(|item| item.field == "bpm" && item.to == json!("120.500")));

    let renamed = change(&|document| {
        field(document, "notes", "name", json!("remarks"));
        let fields = document["tables"]["tracks"]["fields"].as_array_mut().expect("fields");
        fields.iter_mut().find(|field| field["name"] == "remarks").expect("renamed")["renamed_from"] = json!("notes");
    });
    assert_eq!((renamed.mergeability, renamed.effect.len()), (Mergeability::Clean, 1), "a rename is the schema's change alone");
    let after = base.with(&renamed.changes, || salt(1));
    assert_eq!(after.row(&track(1)).and_then(|row| row.cells().text("remarks")), Some("line one\nline \"two\""));

    let removed =
        change(&|document| document["tables"]["tracks"]["fields"].as_array_mut().expect("fields").retain(|field| field["name"] != "notes"));
    let after = base.with(&removed.changes, || salt(1));
    assert!(after.row(&track(1)).is_some_and(|row| row.cells().get("notes").is_some()), "removal hides, nothing is lost");

    let broken = merged(&base, &base, &[Op::SchemaChange { from: base.schema().hash(), to: json!({"schema_version": 1}) }]);
    assert_eq!((broken.mergeability, broken.problems[0].code), (Mergeability::InvalidAfterMerge, RuleCode::Schema));
    let other: Schema = schema_of(json!([]));
    let outdated = merged(
        &base,
        &base,
        &[Op::SchemaChange {
            from: other.hash(),
            to: json!({"schema_version": 1, "tables": {"tracks": {"fields": []}, "splits": {"fields": []}}}),
        }],
    );
    assert_eq!(outdated.mergeability, Mergeability::SchemaMoved);
    assert_eq!(default_schema().hash(), base.schema().hash());
}
