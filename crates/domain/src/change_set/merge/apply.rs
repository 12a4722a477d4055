//! Applying operations one by one to a copy of the rows they touch.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use serde_json::Value;

use crate::catalogue::cells::{CellValue, Cells, same};
use crate::catalogue::evolution;
use crate::catalogue::row::{ApprovedVersion, Rev, Row, RowContent, RowId};
use crate::catalogue::schema::{Field, FieldType, Schema, Table};
use crate::catalogue::validate::{self, Problem, RuleCode};
use crate::change_set::effect::{self, EffectItem};
use crate::change_set::merge::{
    BaseMismatch, CellResult, Changes, Conflict, ConflictKind, MergeInput, MergeOutcome, Mergeability, OpResult, cell, three_way,
};
use crate::change_set::op::{DeletedRow, Op, Shape, VersionRef};
use crate::hash::ObjectHash;

/// The column that the server fills with the approved version's length.
const DURATION: &str = "duration";

fn json(value: Option<&CellValue>) -> Value {
    value.map_or(Value::Null, CellValue::to_json)
}

fn json_of<T: serde::Serialize>(value: &T) -> Value {
    serde_json::to_value(value).expect("plain data")
}

/// A cell of a state under the name its column has now or had before.
fn cell_of<'a>(cells: &'a Cells, schema: &Schema, table: Table, name: &str) -> Option<&'a CellValue> {
    if let Some(value) = cells.get(name) {
        return Some(value);
    }
    let field = schema.field_now(table, name)?;
    cells.get(&field.name).or_else(|| field.renamed_from.as_deref().and_then(|old| cells.get(old)))
}

pub(super) fn check_base(input: &MergeInput<'_>, index: usize, op: &Op) -> Result<(), BaseMismatch> {
    let (Some(row), Some(rev)) = (op.row(), op.rev()) else { return Ok(()) };
    let mismatch = |field: &str, expected: Value, found: Value| BaseMismatch {
        op: index,
        row: row.to_string(),
        field: field.to_owned(),
        expected: expected.into(),
        found: found.into(),
    };
    let Some(base) = input.bases.find(input.current, &row, rev) else {
        return Err(mismatch("_row", Value::Null, Value::String(rev.to_string())));
    };
    match op.shape() {
        Shape::Set { field, from, .. } => {
            let was = cell_of(base.cells(), input.current.schema(), row.table(), field);
            if same(was, from) { Ok(()) } else { Err(mismatch(field, json(was), json(from))) }
        }
        Shape::Delete { from, .. } => check_deleted(input, base, from).map_err(|field| {
            let was = if field == "_approved" { json_of(&base.approved()) } else { json(base.cells().get(&field)) };
            let said = if field == "_approved" { json_of(&from.approved) } else { json(from.cells.get(&field)) };
            mismatch(&field, was, said)
        }),
        Shape::Approve { from, .. } => {
            let was = base.approved().map(VersionRef::from);
            if was.as_ref() == from { Ok(()) } else { Err(mismatch("_approved", json_of(&was), json_of(&from))) }
        }
        Shape::Add { .. } | Shape::Retire { .. } | Shape::Schema { .. } => Ok(()),
    }
}

/// A deletion tells what the row said; only columns that not everybody may read may be missing.
fn check_deleted(input: &MergeInput<'_>, base: &Row, from: &DeletedRow) -> Result<(), String> {
    if base.approved() != from.approved.as_ref() {
        return Err("_approved".to_owned());
    }
    for (name, value) in from.cells.iter() {
        if !same(base.cells().get(name), Some(value)) {
            return Err(name.to_owned());
        }
    }
    let schema = input.base_schema.unwrap_or_else(|| input.current.schema());
    let visible = |name: &str| schema.field(base.table(), name).is_some_and(|field| field.readable_by(crate::role::Role::Listener));
    match base.cells().iter().find(|(name, _)| visible(name) && from.cells.get(name).is_none()) {
        Some((name, _)) => Err(name.to_owned()),
        None => Ok(()),
    }
}

struct Work<'a> {
    input: &'a MergeInput<'a>,
    schema: &'a Schema,
    /// Touched rows: their state after the operations so far, or nothing when deleted.
    rows: HashMap<RowId, Option<RowContent>>,
    /// New rows in order of the operations.
    new_rows: Vec<RowId>,
    /// Columns written per row.
    written: BTreeSet<(RowId, String)>,
    conflicts: Vec<Conflict>,
    problems: Vec<Problem>,
    /// Rows for which the set approves a version.
    approving: HashSet<RowId>,
    natural: [Option<NaturalKeys<'a>>; 2],
}

/// Rows added since the base by their natural keys.
type NaturalKeys<'a> = HashMap<(usize, Vec<Option<CellValue>>), &'a Row>;

pub(super) fn merge(input: &MergeInput<'_>) -> Result<MergeOutcome, BaseMismatch> {
    let mut work = Work {
        input,
        schema: input.current.schema(),
        rows: HashMap::new(),
        new_rows: Vec::new(),
        written: BTreeSet::new(),
        conflicts: Vec::new(),
        problems: Vec::new(),
        approving: input.ops.iter().filter(|op| matches!(op.shape(), Shape::Approve { .. })).filter_map(Op::row).collect(),
        natural: [None, None],
    };
    let mut results = Vec::with_capacity(input.ops.len());
    let mut new_schema = None;
    // New rows come first, because versions of theirs may be approved; retiring comes last, because it looks at what is approved.
    let mut order: Vec<usize> = (0..input.ops.len()).collect();
    order.sort_by_key(|&index| match input.ops[index].shape() {
        Shape::Add { .. } => 0,
        Shape::Retire { .. } => 2,
        _ => 1,
    });
    results.resize(input.ops.len(), OpResult::Keeps);
    for index in order {
        let op = &input.ops[index];
        check_base(input, index, op)?;
        results[index] = match op.shape() {
            Shape::Add { row, cells } => work.add(index, &row, cells),
            Shape::Set { row, field, from, to, .. } => work.set(index, &row, field, from, to),
            Shape::Delete { row, rev, from } => work.delete(index, &row, rev, from),
            Shape::Approve { row, approved, duration_ms, from, .. } => work.approve(index, &row, approved, duration_ms, from),
            Shape::Retire { row, rev, version } => work.retire(index, &row, rev, version),
            Shape::Schema { from, to } => work.change_schema(index, from, to, &mut new_schema),
        };
    }
    Ok(work.finish(results, new_schema))
}

impl<'a> Work<'a> {
    /// The row as the operations so far leave it.
    fn now(&self, row: &RowId) -> Option<&RowContent> {
        match self.rows.get(row) {
            Some(touched) => touched.as_ref(),
            None => self.input.current.row(row).map(Row::content),
        }
    }

    /// The row as it stands in the current catalogue.
    fn current(&self, row: &RowId) -> Option<&'a RowContent> {
        self.input.current.row(row).map(Row::content)
    }

    fn edit(&mut self, row: &RowId) -> Option<&mut RowContent> {
        if !self.rows.contains_key(row) {
            let content = self.current(row).cloned();
            self.rows.insert(row.clone(), content);
        }
        self.rows.get_mut(row).and_then(Option::as_mut)
    }

    #[expect(clippy::too_many_arguments, reason = "the three values of a conflict and where it stands")]
    fn conflict(
        &mut self,
        op: usize,
        kind: ConflictKind,
        row: &RowId,
        field: &str,
        base: Value,
        proposed: Value,
        current: Value,
    ) -> OpResult {
        self.conflicts.push(Conflict { op, kind, row: row.to_string(), field: field.to_owned(), base, proposed, current, other_row: None });
        if kind == ConflictKind::Schema { OpResult::SchemaConflict } else { OpResult::Conflict }
    }

    /// The column an operation means, unless it was removed or retyped since the author saw it.
    fn column(&self, table: Table, name: &str) -> Option<&'a Field> {
        let field = self.schema.field_now(table, name)?;
        let retyped = self.input.base_schema.filter(|_| self.input.schema != self.schema.hash()).is_some_and(|base| {
            base.field(table, name)
                .is_none_or(|before| before.field_type != field.field_type || before.scale != field.scale || before.format != field.format)
        });
        (!retyped).then_some(field)
    }

    fn set(&mut self, index: usize, row: &RowId, name: &str, from: Option<&CellValue>, to: Option<&CellValue>) -> OpResult {
        let Some(field) = self.column(row.table(), name) else {
            let now = self.now(row).and_then(|now| cell_of(&now.cells, self.schema, row.table(), name)).cloned();
            return self.conflict(index, ConflictKind::Schema, row, name, json(from), json(to), json(now.as_ref()));
        };
        let Some(current) = self.current(row) else {
            return self.conflict(index, ConflictKind::EditedButDeleted, row, name, json(from), json(to), Value::Null);
        };
        let current = current.cells.get(&field.name);
        match cell(from, to, current) {
            CellResult::Keep => OpResult::Keeps,
            CellResult::AlreadySo => OpResult::AlreadySo,
            CellResult::Conflict => self.conflict(index, ConflictKind::Cell, row, &field.name, json(from), json(to), json(current)),
            CellResult::Take => {
                if let Some(edited) = self.edit(row) {
                    edited.cells.set(&field.name, to.cloned());
                    self.written.insert((row.clone(), field.name.to_string()));
                }
                OpResult::Applies
            }
        }
    }

    fn add(&mut self, index: usize, row: &RowId, cells: &Cells) -> OpResult {
        let table = row.table();
        if let Some((name, value)) = cells.iter().find(|(name, _)| self.column(table, name).is_none()) {
            return self.conflict(index, ConflictKind::Schema, row, name, Value::Null, value.to_json(), Value::Null);
        }
        let cells: Cells =
            cells.iter().filter_map(|(name, value)| self.column(table, name).map(|field| (&*field.name, value.clone()))).collect();
        let twin = match self.current(row) {
            Some(same_id) => Some(same_id),
            None => self.added_twin(table, &cells),
        };
        if let Some(twin) = twin {
            if twin.cells.same(&cells) {
                return OpResult::AlreadySo;
            }
            let (proposed, current, other) = (cells.to_json(), twin.cells.to_json(), twin.id.to_string());
            self.conflict(index, ConflictKind::Duplicate, row, "_row", Value::Null, proposed, current);
            if let Some(conflict) = self.conflicts.last_mut() {
                conflict.other_row = Some(other);
            }
            return OpResult::Conflict;
        }
        self.written.extend(cells.iter().map(|(name, _)| (row.clone(), name.to_owned())));
        self.rows.insert(row.clone(), Some(RowContent { id: row.clone(), cells, approved: None, retired: Vec::new() }));
        self.new_rows.push(row.clone());
        OpResult::Applies
    }

    /// A row that somebody else added since the base under the same natural key.
    fn added_twin(&mut self, table: Table, cells: &Cells) -> Option<&'a RowContent> {
        if self.input.added_since_base.is_empty() {
            return None;
        }
        let keys = &self.schema.table(table).natural_keys;
        let place = usize::from(table == Table::Splits);
        let natural = self.natural[place].get_or_insert_with(|| {
            let added = self.input.added_since_base.iter().filter_map(|id| self.input.current.row(id)).filter(|row| row.table() == table);
            added.flat_map(|row| natural_keys(keys, row.cells()).map(move |key| (key, row))).collect()
        });
        natural_keys(keys, cells).find_map(|key| natural.get(&key)).map(|row| row.content())
    }

    fn delete(&mut self, index: usize, row: &RowId, rev: Rev, from: &DeletedRow) -> OpResult {
        let Some(current) = self.input.current.row(row) else { return OpResult::AlreadySo };
        let unchanged = current.rev() == rev
            || self.input.bases.find(self.input.current, row, rev).is_some_and(|base| base.content().same(current.content()));
        if !unchanged {
            return self.conflict(
                index,
                ConflictKind::DeletedButEdited,
                row,
                "_row",
                from.cells.to_json(),
                Value::Null,
                current.cells().to_json(),
            );
        }
        self.rows.insert(row.clone(), None);
        OpResult::Applies
    }

    fn approve(
        &mut self,
        index: usize,
        row: &RowId,
        approved: ApprovedVersion,
        duration_ms: Option<i64>,
        from: Option<&VersionRef>,
    ) -> OpResult {
        let Some(now) = self.now(row) else {
            return self.conflict(index, ConflictKind::EditedButDeleted, row, "_approved", json_of(&from), json_of(&approved), Value::Null);
        };
        let current = self.current(row).and_then(|current| current.approved.as_ref()).map(VersionRef::from);
        let proposed = VersionRef::from(&approved);
        let new_row = self.current(row).is_none();
        let result = if new_row {
            CellResult::Take
        } else {
            three_way(from == Some(&proposed), current.as_ref() == Some(&proposed), current.as_ref() == from)
        };
        let standing = now.approved.clone();
        match result {
            CellResult::Keep => OpResult::Keeps,
            CellResult::AlreadySo => OpResult::AlreadySo,
            CellResult::Conflict => {
                self.conflict(index, ConflictKind::Cell, row, "_approved", json_of(&from), json_of(&approved), json_of(&standing))
            }
            CellResult::Take => {
                let duration = self.server_duration();
                if let Some(edited) = self.edit(row) {
                    edited.approved = Some(approved);
                    if duration {
                        edited.cells.set(DURATION, duration_ms.map(CellValue::Integer));
                    }
                }
                OpResult::Applies
            }
        }
    }

    fn retire(&mut self, index: usize, row: &RowId, rev: Rev, version: &crate::id::VersionId) -> OpResult {
        let Some(now) = self.now(row) else {
            return self.conflict(index, ConflictKind::EditedButDeleted, row, "_retired", Value::Null, json_of(version), Value::Null);
        };
        if now.retired.contains(version) {
            return OpResult::AlreadySo;
        }
        let seen = self.input.bases.find(self.input.current, row, rev).and_then(|base| base.approved());
        let approved_since =
            self.current(row).and_then(|current| current.approved.as_ref()).filter(|approved| approved.version == *version);
        if let Some(approved) = approved_since.filter(|approved| seen != Some(*approved)) {
            return self.conflict(index, ConflictKind::Cell, row, "_approved", json_of(&seen), Value::Null, json_of(approved));
        }
        let duration = self.server_duration();
        let replaced = self.approving.contains(row);
        if let Some(edited) = self.edit(row) {
            edited.retired.push(version.clone());
            edited.retired.sort();
            // A set that approves the very version it retires is left to the rules of the whole catalogue.
            if !replaced && edited.approved.as_ref().is_some_and(|approved| approved.version == *version) {
                edited.approved = None;
                if duration {
                    edited.cells.remove(DURATION);
                }
            }
        }
        OpResult::Applies
    }

    /// Whether this catalogue has the column that the server fills with the approved version's length.
    fn server_duration(&self) -> bool {
        self.schema.field(Table::Tracks, DURATION).is_some_and(|field| field.read_only && field.field_type == FieldType::Duration)
    }

    fn change_schema(&mut self, index: usize, from: ObjectHash, to: &Value, new_schema: &mut Option<Schema>) -> OpResult {
        let now = self.schema.hash();
        let schema = match Schema::from_value(to) {
            Ok(schema) => schema,
            Err(error) => {
                self.problems.push(Problem {
                    code: RuleCode::Schema,
                    rows: Vec::new(),
                    field: Some(error.path.clone()),
                    message: error.to_string(),
                });
                return OpResult::Applies;
            }
        };
        let schema_item = |base: Value, current: Value| Conflict {
            op: index,
            kind: ConflictKind::Schema,
            row: String::new(),
            field: "_schema".to_owned(),
            base,
            proposed: json_of(&schema.hash()),
            current,
            other_row: None,
        };
        match three_way(from == schema.hash(), now == schema.hash(), now == from) {
            CellResult::Keep => OpResult::Keeps,
            CellResult::AlreadySo => OpResult::AlreadySo,
            CellResult::Conflict => {
                self.conflicts.push(schema_item(json_of(&from), json_of(&now)));
                OpResult::SchemaConflict
            }
            CellResult::Take => {
                for row in self.input.current.rows() {
                    let (content, problems) = evolution::row(self.schema, &schema, row.content());
                    if self.problems.len() < validate::MAX_PROBLEMS {
                        self.problems.extend(problems);
                    }
                    if content != *row.content() {
                        self.rows.insert(row.id().clone(), Some(content));
                    }
                }
                *new_schema = Some(schema);
                OpResult::Applies
            }
        }
    }

    fn finish(mut self, results: Vec<OpResult>, new_schema: Option<Schema>) -> MergeOutcome {
        let effect = self.effect(new_schema.as_ref());
        let mut changes = Changes { schema: new_schema, upserts: Vec::new(), deleted: Vec::new() };
        let mut final_rows: Vec<&RowContent> = Vec::with_capacity(self.input.current.rows().len() + self.new_rows.len());
        for row in self.input.current.rows() {
            match self.rows.get(row.id()) {
                None => final_rows.push(row.content()),
                Some(None) => changes.deleted.push(row.id().clone()),
                Some(Some(content)) => {
                    if content != row.content() {
                        changes.upserts.push(content.clone());
                    }
                    final_rows.push(content);
                }
            }
        }
        for content in self.new_rows.iter().filter_map(|id| self.rows.get(id).and_then(Option::as_ref)) {
            changes.upserts.push(content.clone());
            final_rows.push(content);
        }
        let mut problems = std::mem::take(&mut self.problems);
        if !effect.is_empty() {
            let schema = changes.schema.as_ref().unwrap_or(self.schema);
            let mut written: BTreeMap<&RowId, Vec<&str>> = BTreeMap::new();
            for (row, name) in &self.written {
                written.entry(row).or_default().push(name);
            }
            for (row, names) in written {
                if let Some(Some(content)) = self.rows.get(row) {
                    problems.extend(validate::values(schema, content, names.iter()));
                }
            }
            problems.extend(validate::catalogue(schema, final_rows.iter().copied()));
            problems.truncate(validate::MAX_PROBLEMS);
        }
        let moved = self.input.head != self.input.base_head;
        let mergeability = if results.contains(&OpResult::SchemaConflict) {
            Mergeability::SchemaMoved
        } else if results.contains(&OpResult::Conflict) {
            Mergeability::Conflict
        } else if !problems.is_empty() {
            Mergeability::InvalidAfterMerge
        } else if moved {
            Mergeability::StaleClean
        } else {
            Mergeability::Clean
        };
        self.conflicts.sort_by_key(|conflict| conflict.op);
        MergeOutcome { mergeability, results, conflicts: self.conflicts, effect_digest: effect::digest(&effect), effect, problems, changes }
    }

    fn effect(&self, new_schema: Option<&Schema>) -> Vec<EffectItem> {
        let mut touched: Vec<&RowId> = self.rows.keys().collect();
        touched.sort_unstable();
        let mut effect = Vec::new();
        if let Some(schema) = new_schema {
            let (from, to) = (json_of(&self.schema.hash()), json_of(&schema.hash()));
            effect.push(EffectItem { field: "_schema".to_owned(), from, row: String::new(), to });
        }
        for id in touched {
            let after = self.rows.get(id).and_then(Option::as_ref);
            match (self.current(id), new_schema) {
                // A renamed column is the schema's change, not the row's.
                (Some(before), Some(schema)) => {
                    let renamed =
                        before.cells.iter().map(|(name, value)| (renamed(self.schema, schema, id.table(), name), value.clone())).collect();
                    effect.extend(effect::of_row(Some(&RowContent { cells: renamed, ..before.clone() }), after));
                }
                (before, _) => effect.extend(effect::of_row(before, after)),
            }
        }
        effect
    }
}

fn renamed<'n>(old: &Schema, new: &'n Schema, table: Table, name: &'n str) -> &'n str {
    match new.fields(table).iter().find(|field| field.renamed_from.as_deref() == Some(name)) {
        Some(field) if old.field(table, &field.name).is_none() && old.field(table, name).is_some() => &field.name,
        _ => name,
    }
}

/// The natural keys of a row with their place; a key whose cells are all empty does not count.
fn natural_keys<'k>(keys: &'k [Vec<String>], cells: &'k Cells) -> impl Iterator<Item = (usize, Vec<Option<CellValue>>)> + 'k {
    keys.iter().enumerate().filter_map(|(place, names)| {
        let key: Vec<Option<CellValue>> = names.iter().map(|name| cells.get(name).map(CellValue::key)).collect();
        key.iter().any(Option::is_some).then_some((place, key))
    })
}
