//! Everything as one zip, and checking such a zip offline: the audit log against itself, and against the catalogue it led to.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufRead, BufReader, Read};
use std::path::Path;

use collabtrack_domain::audit::chain::{Finding, Tail, Verdict};
use collabtrack_domain::audit::export::{ExportedCatalogue, LogCheck, Notice};
use collabtrack_domain::id::ProjectId;
use serde::Deserialize;
use zip::ZipArchive;

use crate::catalogue::write_durably;
use crate::clock;
use crate::error::{LibraryError, Result};
use crate::library::Library;
use crate::record::blocking;
use crate::store::{commit, kept};
use crate::view::LogCheckView;

/// Largest catalogue of an export that is read, in bytes.
const MAX_CATALOGUE_BYTES: u64 = 512 * 1024 * 1024;
/// Largest manifest.
const MAX_MANIFEST_BYTES: u64 = 16 * 1024 * 1024;
/// Most projects in one export.
const MAX_PROJECTS: usize = 10_000;

#[derive(Deserialize)]
struct Manifest {
    project: ProjectId,
}

/// What came of one project's log.
struct Outcome {
    project: ProjectId,
    result: std::result::Result<(Tail, i64, bool, Vec<Notice>), Finding>,
}

impl Library {
    /// Writes everything of a project, or of every project of this account, as one zip.
    /// # Errors
    /// `OnlyHere`, `File`, or that the server does not answer.
    pub async fn export_everything(&self, project: Option<&ProjectId>, target: &Path) -> Result<()> {
        if let Some(project) = project {
            self.on_server(project).await?;
        }
        let path = project.map_or_else(|| "/export.zip".to_owned(), |project| format!("/projects/{project}/export.zip"));
        let api = self.api().await?;
        let bytes = self.heard(api.bytes(&path, &[], "application/zip").await)?;
        let target = target.to_path_buf();
        blocking(move || write_durably(&target, &bytes)).await
    }

    /// Checks the log of every project in an exported zip, offline: bytes, order, links, catalogue states, and the exported catalogue. What
    /// fits is remembered, so that a log that loses entries later is found out.
    /// # Errors
    /// `File` for what cannot be read, `Invalid` for what is no export. What does not fit stands in the answer.
    pub async fn verify_export(&self, source: &Path) -> Result<Vec<LogCheckView>> {
        let remembered = self.remembered_tails().await?;
        let path = source.to_path_buf();
        let outcomes = blocking(move || check_zip(&path, &remembered)).await?;
        let mut views = Vec::with_capacity(outcomes.len());
        for outcome in outcomes {
            if let Ok((tail, ..)) = &outcome.result {
                self.remember_tail(&outcome.project, tail).await?;
            }
            views.push(view(&outcome));
        }
        Ok(views)
    }

    async fn remembered_tails(&self) -> Result<BTreeMap<String, Tail>> {
        let body = kept::get(&mut *self.store().read().await?, "audit tails").await?;
        Ok(body.and_then(|body| serde_json::from_str(&body).ok()).unwrap_or_default())
    }

    async fn remember_tail(&self, project: &ProjectId, tail: &Tail) -> Result<()> {
        let mut tails = self.remembered_tails().await?;
        tails.insert(project.to_string(), tail.clone());
        let body = serde_json::to_string(&tails).unwrap_or_default();
        let mut transaction = self.store().write().await?;
        kept::put(&mut transaction, "audit tails", &body, &clock::text(self.clock().now())).await?;
        Ok(commit(transaction).await?)
    }
}

fn not_an_export(what: impl std::fmt::Display) -> LibraryError {
    LibraryError::Invalid { what: format!("This file is no export of CollabTrack, so nothing was checked: {what}.") }
}

fn check_zip(path: &Path, remembered: &BTreeMap<String, Tail>) -> Result<Vec<Outcome>> {
    let file = File::open(path).map_err(|error| LibraryError::file("open", path, error))?;
    let mut archive = ZipArchive::new(file).map_err(not_an_export)?;
    let names = archive.file_names().collect::<std::result::Result<Vec<_>, _>>().map_err(not_an_export)?;
    let is_log = |name: &str| name == "audit.jsonl" || name.ends_with("/audit.jsonl");
    let logs: Vec<String> = names.iter().filter(|name| is_log(name)).map(|name| name.to_string()).collect();
    drop(names);
    if logs.is_empty() {
        return Err(not_an_export("it holds no audit log; listeners' exports hold none"));
    }
    if logs.len() > MAX_PROJECTS {
        return Err(not_an_export(format!("it holds more than {MAX_PROJECTS} projects")));
    }
    logs.iter().map(|log| check_log(&mut archive, log.strip_suffix("audit.jsonl").unwrap_or_default(), remembered)).collect()
}

fn check_log(archive: &mut ZipArchive<File>, folder: &str, remembered: &BTreeMap<String, Tail>) -> Result<Outcome> {
    let manifest: Manifest =
        read_json(archive, &format!("{folder}manifest.json"), MAX_MANIFEST_BYTES)?.ok_or_else(|| not_an_export("a manifest is missing"))?;
    let catalogue: Option<ExportedCatalogue> = match read_json(archive, &format!("{folder}catalogue.json"), MAX_CATALOGUE_BYTES) {
        Ok(catalogue) => catalogue,
        Err(error) => return Ok(malformed(manifest.project, 0, error.to_string())),
    };
    let project = manifest.project;
    let mut check = LogCheck::new(project.as_str(), remembered.get(project.as_str()).cloned());
    let log = archive.by_name(&format!("{folder}audit.jsonl")).map_err(not_an_export)?;
    let mut lines = BufReader::new(log);
    let mut line = Vec::new();
    let mut seq = 0;
    loop {
        line.clear();
        seq += 1;
        // One byte more than a line may have, so that a longer one is found out without reading it whole.
        let most = collabtrack_domain::audit::export::MAX_LINE_BYTES as u64 + 2;
        match (&mut lines).take(most).read_until(b'\n', &mut line) {
            Ok(0) => break,
            Ok(_) => {}
            Err(error) => return Ok(malformed(project, seq, error.to_string())),
        }
        let Ok(text) = std::str::from_utf8(&line) else { return Ok(malformed(project, seq, "it is no text".into())) };
        if let Err(finding) = check.line(text.trim_end_matches(['\r', '\n'])) {
            return Ok(Outcome { project, result: Err(finding) });
        }
    }
    let result =
        check.finish(catalogue.as_ref()).map(|checked| (checked.tail, checked.entries, checked.catalogue_checked, checked.notices));
    Ok(Outcome { project, result })
}

fn malformed(project: ProjectId, seq: i64, why: String) -> Outcome {
    let finding = Finding { verdict: Verdict::Malformed, chain: project.to_string(), seq, why };
    Outcome { project, result: Err(finding) }
}

/// A JSON file of the zip; none when it is not there.
fn read_json<T: serde::de::DeserializeOwned>(archive: &mut ZipArchive<File>, name: &str, most: u64) -> Result<Option<T>> {
    let file = match archive.by_name(name) {
        Ok(file) => file,
        Err(zip::result::ZipError::FileNotFound) => return Ok(None),
        Err(error) => return Err(not_an_export(error)),
    };
    if file.size() > most {
        return Err(not_an_export(format!("{name} has more than {most} bytes")));
    }
    let reader = BufReader::new(file.take(most));
    serde_json::from_reader(reader).map(Some).map_err(|error| not_an_export(format!("{name}: {error}")))
}

fn view(outcome: &Outcome) -> LogCheckView {
    let project = outcome.project.to_string();
    match &outcome.result {
        Ok((tail, entries, catalogue_checked, notices)) => LogCheckView {
            project,
            verdict: Verdict::Ok.as_str().to_owned(),
            entries: *entries,
            last: tail.last.to_string(),
            entry: None,
            why: None,
            catalogue_checked: *catalogue_checked,
            notices: notices.iter().map(notice_words).collect(),
        },
        Err(finding) => LogCheckView {
            project,
            verdict: finding.verdict.as_str().to_owned(),
            entries: 0,
            last: String::new(),
            entry: Some(finding.seq),
            why: Some(finding.why.clone()),
            catalogue_checked: false,
            notices: Vec::new(),
        },
    }
}

fn notice_words(notice: &Notice) -> String {
    match notice {
        Notice::ErasedBy { seq, by: Some(by) } => format!("The details of entry {seq} were erased by entry {by}."),
        Notice::ErasedBy { seq, by: None } => format!("The details of entry {seq} are not in this export."),
        Notice::HiddenColumns { rows } => {
            format!("Some columns are hidden from you: of {rows} rows only the fingerprints were compared, not what they say.")
        }
    }
}
