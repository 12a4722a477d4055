//! Revisions, splitting, resolving and reverting together.

use std::collections::HashSet;

use serde_json::json;

use crate::catalogue::cells::CellValue;
use crate::catalogue::row::{Catalogue, Row, RowId, Salt};
use crate::catalogue::samples::{band, cells, salt, split as split_id, text, track};
use crate::change_set::diff;
use crate::change_set::inverse::{InverseInput, NotTakenBack, inverse};
use crate::change_set::merge::{Bases, Changes, MergeInput, MergeOutcome, Mergeability, merge};
use crate::change_set::op::{MAX_OPS, Op, OpsError, VersionRef, check_fields, check_ops, parse_ops};
use crate::change_set::resolve::{Choice, Resolution, ResolveError, resolve};
use crate::change_set::revision::{Revision, RevisionError, SealedRevision};
use crate::change_set::split::{SplitError, split};
use crate::hash::ObjectHash;
use crate::id::{AccountId, ChangeSetId, ProjectId, VersionId};
use crate::role::Role;

fn revision(ops: Vec<Op>) -> Revision {
    Revision {
        author: AccountId::from_random([1; 17]),
        base_head: ObjectHash::of(b"head"),
        change_set: ChangeSetId::from_random([2; 17]),
        nonce: Salt([3; 16]),
        ops,
        project: ProjectId::from_random([4; 17]),
        reason: "the singer asked".into(),
        revision: 1,
        schema: band().schema().hash(),
        title: "Titles of spring".into(),
        v: 1,
    }
}

fn set(catalogue: &Catalogue, id: &RowId, field: &str, to: Option<CellValue>) -> Op {
    let row = catalogue.row(id).expect("a row");
    Op::set(id, row.rev(), field, row.cells().get(field).cloned(), to)
}

#[test]
fn a_revision_is_its_bytes() {
    let ops = vec![set(&band(), &track(1), "title", text("Nacht \u{202e}")), set(&band(), &track(2), "title", None)];
    let sealed = revision(ops).seal().expect("a revision");
    let read = SealedRevision::parse(sealed.bytes().to_vec()).expect("its own bytes");
    assert_eq!((read.revision(), read.digest()), (sealed.revision(), sealed.digest()));
    let text = String::from_utf8(sealed.bytes().to_vec()).expect("UTF-8");
    assert!(text.starts_with("{\"author\":\"acc_"), "keys are sorted: {text}");
    for changed in [
        text.replace(",\"v\":1}", ", \"v\":1}"),
        text.replace("\"v\":1}", "\"v\":1,\"x\":1}"),
        text.replace("\"op\":\"cell.set\"", "\"op\":\"cell.set\",\"y\":1"),
    ] {
        assert!(SealedRevision::parse(changed.into_bytes()).is_err());
    }
    let other = SealedRevision::parse(text.replace("\"v\":1}", "\"v\":2}").into_bytes());
    assert_eq!(other.map(|_| ()), Err(RevisionError::UnknownForm { v: 2 }));
}

#[test]
fn what_is_no_change_set_is_refused() {
    let base = band();
    let title = |value: &str| set(&base, &track(1), "title", text(value));
    assert_eq!(check_ops(&[]), Err(OpsError::Empty));
    assert!(matches!(check_ops(&[title("B"), title("C")]), Err(OpsError::Duplicate { index: 1, .. })));
    assert!(matches!(check_ops(&[title("B"), diff::deletion(base.row(&track(1)).expect("a row"))]), Err(OpsError::Duplicate { .. })));
    let schema = Op::SchemaChange { from: base.schema().hash(), to: json!({}) };
    assert_eq!(check_ops(&[schema, title("B")]), Err(OpsError::SchemaNotAlone));
    assert!(matches!(revision(vec![]).seal(), Err(RevisionError::Ops(OpsError::Empty))));
    let mut untitled = revision(vec![title("B")]);
    untitled.title = "  ".into();
    assert_eq!(untitled.seal().map(|_| ()), Err(RevisionError::Words));
    for bad in [
        json!({"op": "cell.set", "row": "trk_x", "rev": "iodphflofdekjeibahdd", "field": "title", "from": null, "to": "x"}),
        json!({"op": "cell.set", "row": track(1).as_str(), "rev": "nonsense", "field": "title", "from": null, "to": "x"}),
        json!({"op": "cell.set", "row": track(1).as_str(), "rev": "iodphflofdekjeibahdd", "field": "title", "from": null, "to": ""}),
        json!({"op": "cell.set", "row": track(1).as_str(), "rev": "iodphflofdekjeibahdd", "field": "title", "from": null, "to": 1.5}),
        json!({"op": "cell.set", "row": track(1).as_str(), "rev": "iodphflofdekjeibahdd", "field": "title", "from": null, "to": "x", "extra": 1}),
        json!({"op": "cell.unset"}),
        json!("cell.set"),
    ] {
        assert!(matches!(parse_ops(&[bad]), Err(OpsError::Malformed { index: 0, .. })));
    }
}

#[test]
fn a_hundred_thousand_operations_fit_and_one_more_does_not() {
    let rev = band().rows()[0].rev();
    let op = |number: usize| {
        let mut random = [0u8; 17];
        random[..8].copy_from_slice(&(number as u64).to_be_bytes());
        let id: RowId = crate::id::TrackId::from_random(random).into();
        Op::set(&id, rev, "title", None, text("x"))
    };
    let mut ops: Vec<Op> = (0..MAX_OPS).map(op).collect();
    assert_eq!(check_ops(&ops), Ok(()));
    ops.push(op(MAX_OPS));
    assert_eq!(check_ops(&ops), Err(OpsError::TooMany { count: MAX_OPS + 1 }));
}

#[test]
fn p10_a_role_that_may_not_write_a_column_cannot_propose_to_change_it() {
    let base = band();
    let schema = base.schema();
    let notes = [set(&base, &track(1), "writer_notes", text("x"))];
    assert!(check_fields(&notes, schema, Role::Admin).is_ok());
    assert_eq!(check_fields(&notes, schema, Role::Member).map_err(|forbidden| forbidden.field), Err("writer_notes".into()));
    let duration = [set(&base, &track(1), "duration", None)];
    assert!(check_fields(&duration, schema, Role::Owner).is_err(), "only the server writes the length");
    assert!(check_fields(&[set(&base, &track(1), "title", text("x"))], schema, Role::Listener).is_err());
    let change = [Op::SchemaChange { from: schema.hash(), to: json!({}) }];
    assert!(check_fields(&change, schema, Role::Member).is_err() && check_fields(&change, schema, Role::Admin).is_ok());
}

#[test]
fn splitting_keeps_every_operation_and_never_tears_a_track_apart() {
    let base = band();
    let ops = vec![
        set(&base, &track(1), "title", text("B")),
        Op::add(&track(9), cells(json!({"title": "New"}))),
        Op::add(&split_id(9), cells(json!({"track": track(9).as_str(), "party": "P"}))),
        set(&base, &track(2), "title", text("C")),
    ];
    let (kept, rest) = split(&ops, &[1, 2]).expect("whole track");
    assert_eq!((kept.len(), rest.len()), (2, 2));
    assert_eq!(rest, [ops[0].clone(), ops[3].clone()]);
    assert_eq!(split(&ops, &[0, 1]), Err(SplitError::TornApart { row: track(9) }));
    assert_eq!(split(&ops, &[]), Err(SplitError::EmptyPart));
    assert_eq!(split(&ops, &[0, 1, 2, 3]), Err(SplitError::EmptyPart));
    assert_eq!(split(&ops, &[7]), Err(SplitError::UnknownOp { index: 7 }));
}

struct Scene {
    current: Catalogue,
    bases: Bases,
    added: HashSet<RowId>,
}

impl Scene {
    /// `ops` were made on `base`; `current` is what stands now.
    fn new(base: &Catalogue, current: Catalogue) -> Self {
        Self { current, bases: Bases::new(base.rows().iter().cloned()), added: HashSet::new() }
    }

    fn input<'a>(&'a self, ops: &'a [Op]) -> MergeInput<'a> {
        let head = ObjectHash::of(b"head");
        MergeInput {
            current: &self.current,
            head,
            base_head: head,
            schema: self.current.schema().hash(),
            base_schema: None,
            bases: &self.bases,
            added_since_base: &self.added,
            ops,
        }
    }

    fn merge(&self, ops: &[Op]) -> MergeOutcome {
        merge(&self.input(ops)).expect("the base is known")
    }
}

fn applied(catalogue: &Catalogue, ops: &[Op]) -> (Catalogue, MergeOutcome) {
    let outcome = Scene::new(catalogue, catalogue.clone()).merge(ops);
    assert!(outcome.mergeability.is_clean(), "{:?}", outcome.problems);
    let mut number = 500;
    let after = catalogue.with(&outcome.changes, || {
        number += 1;
        salt(number)
    });
    (after, outcome)
}

#[test]
fn every_conflict_needs_one_resolution_and_no_other_is_taken() {
    let base = band();
    let ops = vec![
        set(&base, &track(1), "title", text("Mine")),
        set(&base, &track(1), "bpm", text("121.00")),
        set(&base, &track(2), "title", text("Also mine")),
    ];
    let (current, _) = applied(&base, &[set(&base, &track(1), "title", text("Theirs"))]);
    let scene = Scene::new(&base, current);
    let outcome = scene.merge(&ops);
    assert_eq!(outcome.mergeability, Mergeability::Conflict);
    let at = |field: &str, choice: Choice| Resolution { row: track(1).to_string(), field: field.into(), choice };
    let settle = |resolutions: &[Resolution]| resolve(&scene.input(&ops), &outcome, resolutions);
    assert!(matches!(settle(&[]), Err(ResolveError::Missing { .. })));
    assert!(matches!(settle(&[at("title", Choice::Current), at("bpm", Choice::Current)]), Err(ResolveError::Unneeded { .. })));
    assert!(matches!(settle(&[at("title", Choice::Current), at("title", Choice::Proposed)]), Err(ResolveError::Unneeded { .. })));
    for (choice, typed, title) in
        [(Choice::Proposed, false, "Mine"), (Choice::Current, false, "Theirs"), (Choice::Typed { value: text("Ours") }, true, "Ours")]
    {
        let resolved = settle(&[at("title", choice)]).expect("settled");
        assert_eq!(resolved.typed, typed);
        let (after, _) = applied(&scene.current, &resolved.ops);
        let row = after.row(&track(1)).expect("a row");
        assert_eq!((row.cells().text("title"), row.cells().text("bpm")), (Some(title), Some("121.00")));
        assert_eq!(after.row(&track(2)).and_then(|row| row.cells().text("title")), Some("Also mine"));
    }
    let json = serde_json::to_value(at("title", Choice::Typed { value: None })).expect("JSON");
    assert_eq!(json, json!({"row": track(1).as_str(), "field": "title", "choice": "typed", "value": null}));
}

#[test]
fn a_row_that_was_deleted_meanwhile_can_come_back_with_its_edits() {
    let base = band();
    let ops = vec![set(&base, &track(3), "title", text("Back")), set(&base, &track(3), "bpm", text("100.00"))];
    let (current, _) = applied(&base, &[diff::deletion(base.row(&track(3)).expect("a row"))]);
    let scene = Scene::new(&base, current);
    let outcome = scene.merge(&ops);
    let choose = |choice: &Choice| -> Vec<Resolution> {
        ["title", "bpm"]
            .iter()
            .map(|field| Resolution { row: track(3).to_string(), field: (*field).into(), choice: choice.clone() })
            .collect()
    };
    let back = resolve(&scene.input(&ops), &outcome, &choose(&Choice::Proposed)).expect("settled");
    let (after, _) = applied(&scene.current, &back.ops);
    let row = after.row(&track(3)).expect("back");
    assert_eq!(
        (row.cells().text("title"), row.cells().text("bpm"), row.cells().text("isrc")),
        (Some("Back"), Some("100.00"), Some("USS1Z9900002"))
    );
    let gone = resolve(&scene.input(&ops), &outcome, &choose(&Choice::Current)).expect("settled");
    assert_eq!(gone.ops, []);
}

#[test]
fn p6_an_approved_change_set_can_be_taken_back() {
    let base = band();
    let ops = vec![
        set(&base, &track(1), "title", text("B")),
        set(&base, &track(1), "bpm", None),
        diff::deletion(base.row(&track(2)).expect("a row")),
        Op::add(&track(9), cells(json!({"title": "New"}))),
    ];
    let (after, outcome) = applied(&base, &ops);
    let rev_after = |id: &RowId| after.row(id).map(Row::rev);
    let back = inverse(&InverseInput { effect: &outcome.effect, rev_after: &rev_after, current: &after, schema_before: None });
    assert_eq!(back.notes, []);
    let (restored, _) = applied(&after, &back.ops);
    assert_same_rows(&restored, &base);
}

fn assert_same_rows(left: &Catalogue, right: &Catalogue) {
    assert_eq!(left.rows().len(), right.rows().len());
    for row in left.rows() {
        assert!(right.row(row.id()).is_some_and(|other| other.content().same(row.content())), "{:?}", row.content());
    }
}

#[test]
fn taking_an_approval_back_returns_to_the_version_approved_before_unless_it_is_retired() {
    let base = band();
    let id = track(1);
    let approve = |catalogue: &Catalogue, number: u8| {
        let row = catalogue.row(&id).expect("a row");
        Op::VersionApprove {
            track: id.track().expect("a track"),
            rev: Some(row.rev()),
            version: VersionId::from_random([number; 17]),
            number: i64::from(number),
            sha256: ObjectHash::of(&[number]),
            duration_ms: Some(i64::from(number) * 1_000),
            from: row.approved().map(VersionRef::from),
        }
    };
    let (one, first) = applied(&base, &[approve(&base, 1)]);
    let (two, second) = applied(&one, &[approve(&one, 2)]);
    let rev_after = |id: &RowId| two.row(id).map(Row::rev);
    let back = |effect: &[crate::change_set::effect::EffectItem], current: &Catalogue| {
        inverse(&InverseInput { effect, rev_after: &rev_after, current, schema_before: None })
    };
    let to_one = back(&second.effect, &two);
    let (restored, _) = applied(&two, &to_one.ops);
    assert_same_rows(&restored, &one);
    assert_eq!(back(&first.effect, &two).notes[0].why, NotTakenBack::NothingApprovedBefore);
    let retired = {
        let mut content = two.row(&id).expect("a row").content().clone();
        content.retired = vec![VersionId::from_random([1; 17])];
        two.with(&Changes { upserts: vec![content], ..Changes::default() }, || salt(9))
    };
    let blocked = back(&second.effect, &retired);
    assert_eq!((blocked.ops.len(), blocked.notes[0].why), (0, NotTakenBack::EarlierVersionRetired));
}
