//! Correcting one's own proposal: a further revision of it, from single cells or from a file. What was sent back is answered, not
//! proposed a second time.

use std::collections::HashSet;

use collabtrack_domain::catalogue::cells::{CellValue, same};
use collabtrack_domain::catalogue::row::{Rev, RowId};
use collabtrack_domain::catalogue::value::ParseContext;
use collabtrack_domain::change_set::op::Op;
use collabtrack_domain::id::ChangeSetId;
use collabtrack_protocol::approval::{ChangeSetSummary, CsvSource, Propose};

use super::digest;
use super::shown::Checked;
use crate::catalogue::{CellEdit, Known, unlike};
use crate::error::{LibraryError, Result, sentence};
use crate::library::Library;
use crate::view::ProposalView;

/// What a further revision says beside its operations; empty texts leave what the revision before said.
pub(crate) struct Revised<'a> {
    pub(crate) title: &'a str,
    pub(crate) reason: &'a str,
    pub(crate) base_head: String,
    pub(crate) csv: Option<CsvSource>,
}

fn invalid(what: impl Into<String>) -> LibraryError {
    LibraryError::Invalid { what: what.into() }
}

impl Library {
    /// Corrects one's own proposal: cells with another text, and operations, by their place, that are left out. It waits for review again,
    /// as its next revision. A cell of a row that moved meanwhile is proposed anew on the row as it is now.
    /// # Errors
    /// `Invalid` for a value its column does not take, when another revision was shown, or when nothing is corrected or nothing is left;
    /// `forbidden` for somebody else's, `already_decided`.
    pub async fn revise(
        &self,
        id: &ChangeSetId,
        revision_digest: &str,
        cells: &[CellEdit],
        left_out: &[u32],
        reason: &str,
    ) -> Result<ProposalView> {
        let Checked { detail, known, revision, .. } = self.checked(id).await?;
        if detail.revision_digest != digest(revision_digest)? {
            return Err(invalid("This proposal has another revision by now. Look at it again, then correct it. Nothing was changed."));
        }
        let revision = revision
            .ok_or_else(|| invalid("This proposal changes columns your role may not read by now, so it cannot be corrected here."))?;
        let same_columns = revision.schema == known.schema.hash();
        let ops = corrected(&known, revision.ops, cells, left_out)?;
        let base_head = if same_columns { revision.base_head.to_string() } else { known.catalogue.head.clone() };
        let revised = Revised {
            title: &revision.title,
            reason: if reason.trim().is_empty() { &revision.reason } else { reason },
            base_head,
            csv: None,
        };
        self.send_revision(id, revised, &ops).await
    }

    pub(crate) async fn send_revision(&self, id: &ChangeSetId, revised: Revised<'_>, ops: &[Op]) -> Result<ProposalView> {
        let ops = ops.iter().map(serde_json::to_value).collect::<std::result::Result<Vec<_>, _>>().map_err(|_| unlike("an operation"))?;
        let body = Propose {
            change_set: id.clone(),
            title: revised.title.trim().to_owned(),
            reason: revised.reason.to_owned(),
            base_head: revised.base_head,
            ops,
            submit: true,
            csv: revised.csv,
        };
        let api = self.api().await?;
        let summary: ChangeSetSummary = self.heard(api.post(&format!("/change-sets/{id}/revisions"), &body).await)?;
        self.change_set_moved(&summary).await
    }
}

/// The operations without those left out, and with other values in some cells.
fn corrected(known: &Known, ops: Vec<Op>, cells: &[CellEdit], left_out: &[u32]) -> Result<Vec<Op>> {
    let left_out: HashSet<usize> = left_out.iter().map(|place| *place as usize).collect();
    if let Some(stray) = left_out.iter().find(|place| **place >= ops.len()) {
        return Err(invalid(format!("This proposal has no change {stray}. Nothing was changed.")));
    }
    let before = ops.clone();
    let mut ops: Vec<Op> = ops.into_iter().enumerate().filter(|(place, _)| !left_out.contains(place)).map(|(_, op)| op).collect();
    for edit in cells {
        correct(known, &mut ops, edit)?;
    }
    if ops.is_empty() {
        return Err(invalid("Nothing would be left of this proposal. Withdraw it instead."));
    }
    if ops == before {
        return Err(invalid("Nothing was corrected. Change a value or leave something out; or put it up for review as it is."));
    }
    Ok(ops)
}

fn correct(known: &Known, ops: &mut Vec<Op>, edit: &CellEdit) -> Result<()> {
    let row = RowId::parse(&edit.row)?;
    let field = known.schema.field(row.table(), &edit.field);
    let field = field.ok_or_else(|| invalid(format!("There is no column {:?} for this row.", edit.field)))?;
    let parse = |from: Option<&CellValue>| {
        let context = ParseContext { base: from, ..ParseContext::PLAIN };
        field.parse(&edit.to, &context).map(|parsed| parsed.value).map_err(|problem| invalid(sentence(&problem.to_string())))
    };
    for op in ops.iter_mut() {
        match op {
            Op::TrackAdd { row: new, cells } if new.as_str() == row.as_str() => {
                cells.set(&edit.field, parse(None)?);
                return Ok(());
            }
            Op::SplitAdd { row: new, cells } if new.as_str() == row.as_str() => {
                cells.set(&edit.field, parse(None)?);
                return Ok(());
            }
            Op::TrackDelete { .. } | Op::SplitDelete { .. } if op.row().as_ref() == Some(&row) => {
                return Err(invalid("This proposal deletes that row, so there is no cell in it to correct. Leave the deletion out first."));
            }
            _ => {}
        }
    }
    let current = known.row(row.as_str()).ok_or_else(|| LibraryError::Unknown { what: "row", id: edit.row.clone() })?;
    let from = current.cells.get(&edit.field).and_then(|value| serde_json::from_value::<CellValue>(value.clone()).ok());
    let to = parse(from.as_ref())?;
    let is_here = |op: &Op| {
        op.row().as_ref() == Some(&row) && matches!(op, Op::CellSet { field, .. } | Op::SplitSet { field, .. } if *field == edit.field)
    };
    let place = ops.iter().position(is_here);
    if same(from.as_ref(), to.as_ref()) {
        // It says so already: there is nothing left to propose for this cell.
        if let Some(place) = place {
            ops.remove(place);
        }
        return Ok(());
    }
    let rev = Rev::parse(&current.rev).map_err(|_| unlike("the catalogue"))?;
    let op = Op::set(&row, rev, &edit.field, from, to);
    match place {
        Some(place) => ops[place] = op,
        None => ops.push(op),
    }
    Ok(())
}
