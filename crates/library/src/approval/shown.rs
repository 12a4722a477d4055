//! A proposal as it is shown: the server's answer, checked on this computer against the exact bytes of the revision, in words.

use std::collections::HashMap;
use std::ops::Range;
use std::sync::Arc;

use collabtrack_domain::catalogue::schema::{FieldType, Schema};
use collabtrack_domain::change_set::effect::EffectItem;
use collabtrack_domain::change_set::op::Op;
use collabtrack_domain::change_set::shown::{self, NotAsTold, Told};
use collabtrack_domain::change_set::{revision::Revision, risk};
use collabtrack_domain::hash::ObjectHash;
use collabtrack_domain::id::{ChangeSetId, VersionId};
use collabtrack_protocol::approval::{ChangeSetDetail, ChangeSetStatus, ConflictOrigin};
use collabtrack_protocol::catalogue::Catalogue;
use collabtrack_protocol::problem::ErrorCode;
use serde_json::Value;

use super::columns::{self, SCHEMA};
use crate::catalogue::{Known, Names, ROW, RowCells, unlike, word};
use crate::error::{LibraryError, Result};
use crate::library::Library;
use crate::store::{projects, shown as rows, tracks, versions};
use crate::sync::remote::RemoteError;
use crate::view::{CellChangeView, ChangeWord, ConflictView, ProposalDetail, ProposedOpView, ProposedVersionView, RiskView};
use crate::views;

/// Characters of a fingerprint for people: 64 bits, which nobody makes twice on purpose.
const FINGERPRINT_CHARS: usize = 16;

/// A proposal with everything that was checked about it.
pub(super) struct Checked {
    pub(super) detail: ChangeSetDetail,
    pub(super) effect: Vec<EffectItem>,
    pub(super) known: Arc<Known>,
    /// The revision out of its exact bytes; none where a column in them is hidden from this account.
    pub(super) revision: Option<Revision>,
}

impl Library {
    /// A proposal as reviewed: what approving it now would do.
    /// # Errors
    /// `SignedOut`, `not_found`, that the server does not answer, or `NotAsTold` when what it shows is not what would be decided.
    pub async fn proposal(&self, id: &ChangeSetId) -> Result<ProposalDetail> {
        let Checked { detail, effect, known, revision } = self.checked(id).await?;
        let name =
            projects::get(&mut *self.store().read().await?, &detail.summary.project).await?.map(|project| project.name).unwrap_or_default();
        let mut problems: Vec<String> = detail.conflicts.iter().map(|conflict| conflict_words(&known, conflict)).collect();
        problems.extend(detail.problems.iter().cloned());
        let columns = self.column_lines(&known, &detail, revision.as_ref()).await?;
        let retired = self.retired_words(&detail, &effect).await?;
        let told = ToldChanges::of(&Telling { known: &known, names: names_of(&known, &effect), columns, retired }, &effect);
        let mut proposal = self.proposal_view(&detail.summary, &name);
        let mut reason = detail.reason.clone();
        if let Some(revision) = &revision {
            // What was said stands in the bytes; a decision later is not part of them.
            proposal.title.clone_from(&revision.title);
            reason.clone_from(&revision.reason);
        }
        Ok(ProposalDetail {
            versions: self.proposed_versions(&detail).await?,
            conflicts: detail.conflicts.iter().filter_map(|conflict| conflict_view(&known, &detail.origins, conflict)).collect(),
            ops: op_views(&detail),
            risks: risk_views(&known, &effect, &told, detail.rows_without_base > 0),
            changes: told.changes,
            proposal,
            reason,
            revision: detail.summary.revision,
            revision_digest: detail.revision_digest.to_string(),
            expected_head: detail.head,
            fingerprint: detail.effect_digest.map(|effect| fingerprint(&detail.revision_digest, &effect)),
            effect_digest: detail.effect_digest.map(|digest| digest.to_string()),
            catalogue_number: detail.catalogue_number,
            mergeability: detail.mergeability,
            problems,
            may_decide: detail.may_decide,
            may_not_because: detail.may_not_because,
            verified: revision.is_some(),
            self_approval: detail.self_approval,
            split_from: detail.split_from.map(|id| id.to_string()),
            split_into: detail.split_into.iter().map(ChangeSetId::to_string).collect(),
            reverts: detail.reverts.map(|id| id.to_string()),
        })
    }

    /// The server's answer about a proposal, checked against the exact bytes of its newest revision.
    pub(super) async fn checked(&self, id: &ChangeSetId) -> Result<Checked> {
        let detail = self.detail(id).await?;
        let known = self.known_catalogue(&detail.summary.project, false).await?;
        let effect: Vec<EffectItem> = detail.effect.iter().filter_map(|item| serde_json::from_value(item.clone()).ok()).collect();
        let hidden = detail.effect.iter().chain(&detail.ops).any(|item| item.get("redacted").is_some());
        let revision = match self.revision_bytes(id, detail.summary.revision).await {
            Ok(bytes) => {
                let digest = detail.effect_digest.filter(|_| !hidden);
                let told = Told {
                    change_set: id,
                    project: &detail.summary.project,
                    revision_digest: &detail.revision_digest,
                    effect: digest.as_ref().map(|digest| (effect.as_slice(), digest)),
                    schema: &known.schema.hash(),
                };
                let revision = shown::check(bytes, &told)?;
                check_ops(&detail, &revision)?;
                Some(revision)
            }
            Err(LibraryError::Remote(RemoteError::Refused(problem))) if problem.code == ErrorCode::FieldForbidden => None,
            Err(error) => return Err(error),
        };
        Ok(Checked { detail, effect, known, revision })
    }

    /// What a proposal of other columns says otherwise than the columns it was made for.
    async fn column_lines(&self, known: &Known, detail: &ChangeSetDetail, revision: Option<&Revision>) -> Result<Vec<CellChangeView>> {
        let read = |op: &Value| serde_json::from_value::<Op>(op.clone()).ok();
        let Some(Op::SchemaChange { from, to }) = detail.ops.first().and_then(read) else { return Ok(Vec::new()) };
        let proposed = Schema::from_value(&to).map_err(|_| unlike("the proposed columns"))?;
        // What is decided is compared with the columns of then; what waits, with those it would replace.
        let is_closed =
            !matches!(detail.summary.status, ChangeSetStatus::Draft | ChangeSetStatus::Open | ChangeSetStatus::ChangesRequested);
        let before = match revision {
            Some(revision) if is_closed && known.schema.hash() != from => {
                let api = self.api().await?;
                let path = format!("/projects/{}/catalogue", detail.summary.project);
                let head = revision.base_head.to_string();
                let then: Catalogue = self.heard(api.get(&path, &[("head", &head)]).await)?;
                Schema::from_value(&then.schema).map_err(|_| unlike("the list of columns"))?
            }
            _ => known.schema.clone(),
        };
        Ok(columns::lines(&before, &proposed))
    }

    /// The versions an effect is about to retire, or that are retired, in words, by their id.
    async fn retired_words(&self, detail: &ChangeSetDetail, effect: &[EffectItem]) -> Result<HashMap<String, String>> {
        let mut words = HashMap::new();
        for id in retired_ids(effect) {
            let known = versions::get(&mut *self.store().read().await?, &id).await?;
            let name = known.map_or_else(|| id.to_string(), |version| format!("version {}", version.number));
            let op = detail.ops.iter().find(|op| op.get("version").and_then(Value::as_str) == Some(id.as_str()));
            let reason = op.and_then(|op| op.get("reason")).and_then(Value::as_str);
            words.insert(id.to_string(), reason.map_or_else(|| name.clone(), |reason| format!("{name} ({reason})")));
        }
        Ok(words)
    }

    async fn revision_bytes(&self, id: &ChangeSetId, revision: i64) -> Result<Vec<u8>> {
        let api = self.api().await?;
        Ok(self.heard(api.bytes(&format!("/change-sets/{id}/revisions/{revision}"), &[], "application/json").await)?)
    }

    /// The versions a proposal would approve, as far as this library knows them.
    async fn proposed_versions(&self, detail: &ChangeSetDetail) -> Result<Vec<ProposedVersionView>> {
        let mut found = Vec::new();
        for op in detail.ops.iter().filter(|op| op.get("op").and_then(Value::as_str) == Some("version.approve")) {
            let Some(id) = op.get("version").and_then(Value::as_str).and_then(|id| VersionId::parse(id).ok()) else { continue };
            if let Some(version) = self.proposed_version(&id).await? {
                found.push(version);
            }
        }
        Ok(found)
    }

    async fn proposed_version(&self, id: &VersionId) -> Result<Option<ProposedVersionView>> {
        let mut connection = self.store().read().await?;
        let Some(version) = versions::get(&mut connection, id).await? else { return Ok(None) };
        let Some(track) = tracks::get(&mut connection, &version.track).await? else { return Ok(None) };
        let Some(row) = rows::version(&mut connection, &version.id).await? else { return Ok(None) };
        let approved = match &track.approved {
            Some(approved) => rows::version(&mut connection, approved).await?,
            None => None,
        };
        drop(connection);
        Ok(Some(ProposedVersionView {
            heard: self.heard_parts(&version.id).await?,
            open_comments: self.open_comments(&track.id).await?,
            track: track.id.to_string(),
            track_name: track.name,
            proposed: views::version(self, row),
            approved: approved.map(|row| views::version(self, row)),
        }))
    }
}

/// The operations told are those in the bytes.
fn check_ops(detail: &ChangeSetDetail, revision: &Revision) -> Result<()> {
    let same = detail.ops.len() == revision.ops.len()
        && detail.ops.iter().zip(&revision.ops).all(|(told, op)| serde_json::to_value(op).is_ok_and(|op| op == *told));
    if same { Ok(()) } else { Err(NotAsTold::Other.into()) }
}

fn place(index: usize) -> u32 {
    u32::try_from(index).unwrap_or(u32::MAX)
}

fn op_views(detail: &ChangeSetDetail) -> Vec<ProposedOpView> {
    let read = |op: &Value| serde_json::from_value::<Op>(op.clone()).ok();
    let view = |(index, op): (usize, &Value)| {
        let op = read(op);
        ProposedOpView {
            index: place(index),
            row: op.as_ref().map(shown::row_of).unwrap_or_default(),
            field: op.as_ref().map(|op| shown::field_of(op).to_owned()).unwrap_or_default(),
            group: detail.groups.get(index).copied().unwrap_or(place(index)),
        }
    };
    detail.ops.iter().enumerate().map(view).collect()
}

/// What deserves a look: what the effect tells, and with `no_base` all of it, because the file behind it did not say what it was made from.
fn risk_views(known: &Known, effect: &[EffectItem], told: &ToldChanges, no_base: bool) -> Vec<RiskView> {
    let word = |risk: risk::Risk| serde_json::to_value(risk).ok().and_then(|word| word.as_str().map(str::to_owned)).unwrap_or_default();
    let view = |group: risk::RiskGroup| RiskView { risk: word(group.risk), changes: told.at(&group.items) };
    let mut risks: Vec<RiskView> = risk::of(effect, &known.schema).into_iter().map(view).collect();
    if no_base {
        risks.push(RiskView { risk: "no_base".to_owned(), changes: (0..told.changes.len()).map(place).collect() });
    }
    risks
}

fn conflict_view(known: &Known, origins: &[ConflictOrigin], conflict: &Value) -> Option<ConflictView> {
    let text = |name: &str| conflict.get(name).and_then(Value::as_str);
    let (row, field, kind) = (text("row")?, text("field")?, text("kind")?);
    let value = |name: &str| conflict.get(name).and_then(|value| conflict_value(known, row, field, value));
    let origin = origins.iter().find(|origin| origin.row == row && origin.field == field);
    let column = known.field(row, field);
    Some(ConflictView {
        op: conflict.get("op").and_then(Value::as_u64).and_then(|op| u32::try_from(op).ok())?,
        kind: kind.to_owned(),
        row: row.to_owned(),
        row_label: known.label(row),
        field: field.to_owned(),
        field_label: match field {
            "_row" => "Row".to_owned(),
            "_approved" => "Approved version".to_owned(),
            "_schema" => "Columns".to_owned(),
            name => column.map_or_else(|| name.to_owned(), |column| column.label.clone()),
        },
        was: value("base"),
        proposed: value("proposed"),
        now: value("current"),
        may_type: kind == "cell" && column.is_some_and(|column| column.field_type != FieldType::Reference),
        may_take: kind != "schema",
        changed_by: origin.map(|origin| origin.author.name.clone()),
        changed_at: origin.map(|origin| origin.at.clone()),
        changed_in: origin.map(|origin| origin.title.clone()),
    })
}

/// One of the three values of a conflict in words; nothing for nothing.
fn conflict_value(known: &Known, row: &str, field: &str, value: &Value) -> Option<String> {
    match (field, value) {
        (_, Value::Null) => None,
        ("_row", cells) => {
            let title = ["title", "party"].iter().find_map(|name| cells.get(name)).and_then(Value::as_str);
            Some(title.map_or_else(|| known.label(row), str::to_owned))
        }
        ("_approved", version) => match version.get("number").and_then(Value::as_i64) {
            Some(number) => Some(format!("version {number}")),
            None => Some("another version".to_owned()),
        },
        ("_schema", _) => Some("other columns".to_owned()),
        (name, value) => known.shown(row, name, value),
    }
}

/// What is needed beside an effect to tell it in words.
struct Telling<'a> {
    known: &'a Known,
    names: Names<'a>,
    /// Lines of a change of the columns; none where the proposal is about something else.
    columns: Vec<CellChangeView>,
    /// Versions that are retired: number and why, by their id.
    retired: HashMap<String, String>,
}

/// The changes in words, and for each item of the effect the places of its lines among them.
#[derive(Default)]
struct ToldChanges {
    changes: Vec<CellChangeView>,
    places: Vec<Range<usize>>,
}

impl ToldChanges {
    fn of(telling: &Telling<'_>, effect: &[EffectItem]) -> Self {
        let mut told = Self::default();
        // Where a change of the columns cannot be applied there is no effect yet; what it says is shown all the same.
        if !effect.iter().any(|item| item.field == SCHEMA) {
            told.changes.extend(telling.columns.iter().cloned());
        }
        for item in effect {
            let from = told.changes.len();
            told.changes.extend(telling.lines(item));
            told.places.push(from..told.changes.len());
        }
        told
    }

    /// Places of the lines of these items.
    fn at(&self, items: &[usize]) -> Vec<u32> {
        items.iter().filter_map(|item| self.places.get(*item)).cloned().flatten().map(place).collect()
    }
}

/// The cells of a row that comes or goes.
fn whole_of(item: &EffectItem) -> Option<&RowCells> {
    item.to.as_object().or_else(|| item.from.as_object()).filter(|_| item.field == ROW)
}

/// What the rows of an effect are called.
fn names_of<'a>(known: &'a Known, effect: &'a [EffectItem]) -> Names<'a> {
    Names::new(known, effect.iter().filter_map(|item| Some((item.row.as_str(), whole_of(item)?))))
}

/// The versions that are retired, before or after.
fn retired_ids(effect: &[EffectItem]) -> Vec<VersionId> {
    let lists = effect.iter().filter(|item| item.field == "_retired").flat_map(|item| [&item.from, &item.to]);
    lists.filter_map(Value::as_array).flatten().filter_map(|id| VersionId::parse(id.as_str()?).ok()).collect()
}

impl Telling<'_> {
    fn lines(&self, item: &EffectItem) -> Vec<CellChangeView> {
        match item.field.as_str() {
            ROW => {
                let change = if item.to.is_null() { ChangeWord::Deleted } else { ChangeWord::Added };
                let none = RowCells::new();
                self.names.lines(&item.row, whole_of(item).unwrap_or(&none), change)
            }
            "_approved" => {
                let version = |value: &Value| value.get("number").and_then(Value::as_i64).map(|number| format!("version {number}"));
                vec![self.special(item, "Approved version", version(&item.from), version(&item.to))]
            }
            "_retired" => {
                let list = |value: &Value| -> Vec<String> {
                    let ids = value.as_array().into_iter().flatten().filter_map(Value::as_str);
                    ids.map(|id| self.retired.get(id).cloned().unwrap_or_else(|| id.to_owned())).collect()
                };
                let text = |list: Vec<String>| (!list.is_empty()).then(|| list.join(", "));
                vec![self.special(item, "Retired versions", text(list(&item.from)), text(list(&item.to)))]
            }
            SCHEMA => self.columns.clone(),
            name => {
                let label = self.known.field(&item.row, name).map_or_else(|| name.to_owned(), |field| field.label.clone());
                let value = |value: &Value| self.names.value(&item.row, name, value);
                let mut line = self.special(item, &label, value(&item.from), value(&item.to));
                line.may_type = self.names.may_type(&item.row, name);
                vec![line]
            }
        }
    }

    fn special(&self, item: &EffectItem, label: &str, from: Option<String>, to: Option<String>) -> CellChangeView {
        CellChangeView {
            row: item.row.clone(),
            row_label: self.names.row(&item.row),
            field: item.field.clone(),
            field_label: label.to_owned(),
            change: word(from.is_some(), to.is_some()),
            from,
            to,
            part_of: None,
            may_type: false,
        }
    }
}

/// A short fingerprint of what an approval is bound to: the exact bytes of the revision, and what approving them changes.
fn fingerprint(revision: &ObjectHash, effect: &ObjectHash) -> String {
    let both = ObjectHash::of(format!("{revision} {effect}").as_bytes()).to_string();
    both.chars().take(FINGERPRINT_CHARS).collect()
}

fn conflict_words(known: &Known, conflict: &Value) -> String {
    let text = |field: &str| conflict.get(field).and_then(Value::as_str).unwrap_or_default();
    let (row, field) = (text("row"), text("field"));
    let value = |name: &str| conflict.get(name).and_then(|value| known.shown(row, field, value)).unwrap_or_else(|| "(empty)".to_owned());
    format!("{} · {field}: proposed {}, but it is {} by now.", known.label(row), value("proposed"), value("current"))
}
