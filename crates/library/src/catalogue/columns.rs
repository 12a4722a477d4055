//! The columns of a project as a JSON document, read and proposed anew.

use collabtrack_domain::catalogue::schema::Schema;
use collabtrack_domain::change_set::op::Op;
use collabtrack_domain::id::ProjectId;

use super::unlike;
use crate::error::{LibraryError, Result, sentence};
use crate::library::Library;
use crate::view::ProposalView;

impl Library {
    /// The columns of a project as their JSON document, for reading and editing; as last read when the server does not answer.
    /// # Errors
    /// `OnlyHere`, `Unknown`.
    pub async fn schema_text(&self, project: &ProjectId) -> Result<String> {
        let known = self.known_catalogue(project, true).await?;
        serde_json::to_string_pretty(&known.catalogue.schema).map_err(|_| unlike("the list of columns"))
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
        self.propose(project, title, reason, known.catalogue.head, &[op]).await
    }
}
