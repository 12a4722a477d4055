//! The catalogue: rows, CSV, import reports.

use std::collections::BTreeMap;

use collabtrack_domain::hash::ObjectHash;
use collabtrack_domain::id::VersionId;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// The approved version of a track.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ApprovedVersion {
    /// Version.
    #[schema(value_type = String)]
    pub version: VersionId,
    /// Its number.
    pub number: i64,
    /// Its content id: approval is bound to these bytes.
    #[schema(value_type = String)]
    pub sha256: ObjectHash,
}

/// A row of the tracks or splits table.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct CatalogueRow {
    /// `tracks` or `splits`.
    pub table: String,
    /// Id: a track id or a split id.
    pub id: String,
    /// Token of this state of the row.
    pub rev: String,
    /// Cells by field name, those the role may read; absent means empty.
    #[schema(value_type = BTreeMap<String, Object>)]
    pub cells: BTreeMap<String, serde_json::Value>,
    /// The approved version, for tracks.
    #[serde(default)]
    pub approved: Option<ApprovedVersion>,
}

/// A track with versions that is not in the catalogue yet.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct UncataloguedTrack {
    /// Track id.
    pub id: String,
    /// Name.
    pub name: String,
}

/// `GET /projects/{p}/catalogue`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Catalogue {
    /// Id of this state, 64 hexadecimal digits.
    pub head: String,
    /// Its number, as shown to people.
    pub number: i64,
    /// The column schema document.
    #[schema(value_type = Object)]
    pub schema: serde_json::Value,
    /// Rows in order of approval.
    pub rows: Vec<CatalogueRow>,
    /// Tracks not in the catalogue yet.
    pub outside: Vec<UncataloguedTrack>,
}

/// `POST /projects/{p}/imports` as JSON: a CSV file with answers to the questions of an earlier report. Without answers the file itself
/// is body enough, as `text/csv`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ImportRequest {
    /// The bytes of the file, in base64.
    pub csv: String,
    /// Answers and choices; the shape is that of the catalogue rules.
    #[serde(default)]
    #[schema(value_type = Object)]
    pub answers: serde_json::Value,
    /// Name of the file, for the audit log.
    #[serde(default)]
    pub file_name: String,
}

/// Answer to `POST /projects/{p}/imports?table=&mode=preview|draft`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ImportAnswer {
    /// The report: unchanged, notices, edits, cleared, additions, deletions, warnings, questions, errors; the shape is that of the
    /// catalogue rules.
    #[schema(value_type = Object)]
    pub report: serde_json::Value,
    /// With `mode=draft` and neither errors nor open questions: the draft change set.
    #[serde(default)]
    pub change_set: Option<String>,
}
