//! Finding rows of the catalogue by what they say.

use collabtrack_domain::catalogue::search;
use collabtrack_domain::id::ProjectId;

use crate::error::Result;
use crate::library::Library;
use crate::store::projects;
use crate::view::CatalogueHit;

/// Most rows found.
const MOST_HITS: usize = 200;

impl Library {
    /// Rows of every readable catalogue, or of one project's, that say all words of `query`. Works on what was last read where the server
    /// does not answer.
    /// # Errors
    /// What the database said; a project whose catalogue was never read is left out.
    pub async fn search_catalogue(&self, project: Option<&ProjectId>, query: &str) -> Result<Vec<CatalogueHit>> {
        let known = projects::all(&mut *self.store().read().await?).await?;
        let mut hits = Vec::new();
        for candidate in known.into_iter().filter(|known| known.on_server && project.is_none_or(|wanted| *wanted == known.id)) {
            let catalogue = match self.known_catalogue(&candidate.id, true).await {
                Ok(catalogue) => catalogue,
                Err(error) => {
                    tracing::debug!(project.id = %candidate.id, %error, "a catalogue is left out of a search");
                    continue;
                }
            };
            for hit in search::search(&catalogue.as_catalogue()?, query, MOST_HITS - hits.len()) {
                let row = hit.row.to_string();
                let label = catalogue.field(&row, &hit.field).map_or_else(|| hit.field.clone(), |field| field.label.clone());
                hits.push(CatalogueHit {
                    project: candidate.id.to_string(),
                    project_name: candidate.name.clone(),
                    table: hit.row.table().as_str().to_owned(),
                    row_label: catalogue.label(&row),
                    row,
                    field: hit.field,
                    field_label: label,
                    text: hit.text,
                });
            }
            if hits.len() >= MOST_HITS {
                break;
            }
        }
        Ok(hits)
    }
}
