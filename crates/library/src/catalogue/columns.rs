//! The columns of a project as a JSON document: read, tried out on the rows there are, and proposed anew.

use std::collections::HashSet;

use collabtrack_domain::catalogue::evolution;
use collabtrack_domain::catalogue::schema::Schema;
use collabtrack_domain::change_set::merge::{Bases, MergeInput, merge};
use collabtrack_domain::change_set::op::Op;
use collabtrack_domain::hash::ObjectHash;
use collabtrack_domain::id::ProjectId;

use super::{Known, unlike};
use crate::error::{LibraryError, Result, sentence};
use crate::library::Library;
use crate::record::blocking;
use crate::view::ProposalView;
use crate::view::columns::{ColumnChangeView, FailingRowView, SchemaCheckView, SchemaErrorView};

/// Rows that would not fit, as far as they are listed.
const MOST_FAILING: usize = 200;

impl Library {
    /// The columns of a project as their JSON document, for reading and editing; as last read when the server does not answer.
    /// # Errors
    /// `OnlyHere`, `Unknown`.
    pub async fn schema_text(&self, project: &ProjectId) -> Result<String> {
        let known = self.known_catalogue(project, true).await?;
        serde_json::to_string_pretty(&known.catalogue.schema).map_err(|_| unlike("the list of columns"))
    }

    /// What other columns would do to the catalogue as last read, or where their document is wrong. Proposes nothing.
    /// # Errors
    /// `OnlyHere`, `Unknown`, or that the server does not answer where the catalogue was never read.
    pub async fn check_schema(&self, project: &ProjectId, document: &str) -> Result<SchemaCheckView> {
        let known = self.last_catalogue(project).await?;
        let document = document.to_owned();
        blocking(move || check(&known, &document)).await
    }

    /// Proposes other columns.
    /// # Errors
    /// `Invalid` with the place in the document when it is not acceptable, or when it changes nothing.
    pub async fn propose_schema(&self, project: &ProjectId, document: &str, title: &str, reason: &str) -> Result<ProposalView> {
        let known = self.known_catalogue(project, false).await?;
        let invalid = |what: String| LibraryError::Invalid { what };
        let schema = Schema::parse(document).map_err(|error| invalid(sentence(&error.to_string())))?;
        if schema.hash() == known.schema.hash() {
            return Err(invalid("These are the columns the catalogue has, so there is nothing to propose.".into()));
        }
        let title = if title.trim().is_empty() { "Change the columns" } else { title };
        let op = Op::SchemaChange { from: known.schema.hash(), to: schema.to_value() };
        self.propose(project, title, reason, known.catalogue.head.clone(), &[op], None).await
    }
}

fn check(known: &Known, document: &str) -> Result<SchemaCheckView> {
    let mut view = SchemaCheckView { error: None, is_same: true, columns: Vec::new(), failing: Vec::new(), failing_count: 0 };
    let schema = match Schema::parse(document) {
        Ok(schema) => schema,
        Err(error) => {
            view.error = Some(SchemaErrorView { path: error.path.clone(), message: sentence(&error.problem) });
            return Ok(view);
        }
    };
    view.is_same = schema.hash() == known.schema.hash();
    view.columns = evolution::columns(&known.schema, &schema)
        .into_iter()
        .map(|change| ColumnChangeView {
            table: change.table.as_str().to_owned(),
            label: schema
                .field(change.table, &change.name)
                .or_else(|| known.schema.field(change.table, &change.name))
                .map_or_else(|| change.name.clone(), |field| field.label.clone()),
            name: change.name,
            was: change.was,
            fate: serde_json::to_value(change.fate).ok().and_then(|word| word.as_str().map(str::to_owned)).unwrap_or_default(),
            keys: change.keys,
        })
        .collect();
    if view.is_same {
        return Ok(view);
    }
    // The same merge as the one that approving would do.
    let current = known.as_catalogue()?;
    let head = ObjectHash::from_bytes([0; 32]);
    let op = Op::SchemaChange { from: current.schema().hash(), to: schema.to_value() };
    let (bases, added) = (Bases::none(), HashSet::new());
    let input = MergeInput {
        current: &current,
        head,
        base_head: head,
        schema: current.schema().hash(),
        base_schema: None,
        bases: &bases,
        added_since_base: &added,
        ops: std::slice::from_ref(&op),
    };
    let outcome = merge(&input).map_err(|_| unlike("the catalogue"))?;
    view.failing_count = outcome.problems.len() as u64;
    view.failing = outcome
        .problems
        .iter()
        .take(MOST_FAILING)
        .map(|problem| FailingRowView {
            row_label: problem.rows.first().map(|row| known.label(row.as_str())).unwrap_or_default(),
            field: problem.field.clone().unwrap_or_default(),
            message: problem.message.clone(),
        })
        .collect();
    Ok(view)
}
